"""Golden vectors of every operator of a model, for people who build hardware and firmware.

For each operator there are two sets of cases: `layer`, the values as they occur when the whole model runs, and `unit`, inputs
built for the operator by itself, which hit rounding ties, both ends of the output's range, extreme accumulators and the like.
They are written as .npz with a JSON manifest, as C with a self-checking main(), as $readmemh files with a SystemVerilog bench,
and as a Python loader that needs NumPy alone.
"""

from __future__ import annotations

from .generate import FORMATS, Request, generate

__all__ = ["FORMATS", "Request", "generate"]
