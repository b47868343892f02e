"""REDUCE_MAX in XNNPACK: as LiteRT's optimized kernels, but denormals of float32 are zeros.

Of 0 and -0 in one row, XNNPACK may take the other where both are the extremum and further numbers lie between them.

Source   facts verified in tests/ops/test_reductions_runtimes.py
"""

from __future__ import annotations

from qref.ops.node import Node, Prepared
from qref.ops.optimized import reduce_max as optimized

from ._delegate import is_float32
from ._reduction import explain_extremum, extremum_of_normals, is_taken


def prepare(node: Node) -> Prepared | None:
    """The plan of float32 tensors; None for all else."""
    if not is_taken(node) or not is_float32(node.input(0)) or 0 in node.input(0).shape:
        return None
    return Prepared(extremum_of_normals, optimized.prepare(node).plan, explain_extremum)
