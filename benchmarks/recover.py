"""What `qref.debugger.suggest` wins back of the accuracy that three models lose in int8.

    python benchmarks/recover.py [--recipes]

The models are those of hard_models.py. The search sees one half of the evaluation data; the table shows the accuracy on that half
and on the other, and the share of the loss won back there.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from hard_models import Case, cases
from rich import box
from rich.table import Table

import qref
from qref.cli.output import print_table
from qref.cli.suggestion import print_suggestion
from qref.debugger.suggest import Suggestion, suggest
from qref.schema import write


def accuracies(case: Case, found: Suggestion, part: tuple[np.ndarray, np.ndarray]) -> list[float]:
    """Of the float model, of int8 alone and of what was suggested."""
    alone = qref.quantize(case.model, representative_dataset=case.calibration)
    models = {"float": write(case.model), "int8": alone, "suggested": found.content}
    return [row.metrics["accuracy"] for row in qref.evaluate(models, *part).rows]


def main() -> None:
    """Print what was tried for each model, and a row for each in a table of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", action="store_true", help="print the recipes as JSON too")
    arguments = parser.parse_args()
    columns = (
        "model",
        "half",
        "float",
        "int8",
        "suggested",
        "won back",
        "bytes: float / int8 / suggested",
        "out of int8",
        "models",
        "s",
    )
    table = Table(*columns, box=box.SIMPLE_HEAD)
    for case in cases():
        start = time.monotonic()
        found = suggest(case.model, case.calibration, *case.search)
        seconds = time.monotonic() - start
        print(case.name)
        print_suggestion(found)
        if arguments.recipes:
            print(json.dumps(found.recipe.to_dict(), indent=1))
        sizes = " / ".join(f"{size:,}" for size in (found.float_bytes, found.quantized_bytes, found.bytes))
        about = sizes, f"{len(found.changed)} of {found.operators}", str(found.tried), f"{seconds:.1f}"
        for half, part, rest in (("searched", case.search, about), ("other", case.test, ("",) * 4)):
            whole, int8, suggested = accuracies(case, found, part)
            won_back = (suggested - int8) / (whole - int8)
            table.add_row(case.name, half, *(f"{x:.3f}" for x in (whole, int8, suggested)), f"{won_back:.1%}", *rest)
    print_table(table)


if __name__ == "__main__":
    main()
