"""REDUCE_MIN in LiteRT's optimized kernels: see _extremum.py.

Source   facts verified in tests/ops/test_reductions_runtimes.py
"""

from __future__ import annotations

from qref.ops import reduce_min as reference
from qref.ops.node import Node, Prepared

from ._extremum import prepare_extremum


def prepare(node: Node) -> Prepared:
    """The reference's plan."""
    return prepare_extremum(node, reference.prepare)
