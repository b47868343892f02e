"""MAXIMUM in XNNPACK: see _extremum.py."""

from __future__ import annotations

import numpy as np

from qref.ops.node import Node, Prepared

from ._extremum import prepare_extremum


def prepare(node: Node) -> Prepared | None:
    """Derive the plan; None for what the delegate leaves."""
    return prepare_extremum(node, np.greater)
