"""The options of verbs that read a dataset."""

from __future__ import annotations

from typing import Annotated

import typer

SAMPLES = "Samples: .npz (an array for each input), .npy, or a folder of .npy files or images."
Pixels = Annotated[
    tuple[float, float], typer.Option(metavar="LOW HIGH", help="The real values that 0 and 255 of an image stand for.")
]
FROM_0_TO_1 = (0.0, 1.0)
