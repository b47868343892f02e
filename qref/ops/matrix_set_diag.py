"""MATRIX_SET_DIAG: matrices with other diagonals.

Layout   x [..., n, m], diagonal [..., min(n, m)] -> y like x
Types    float32, int8, uint8, int16, int32, int64 or uint32; all alike
"""

from __future__ import annotations

import numpy as np

from ._movement import copied, explain_copy
from .matrix_diag import TYPES
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands; there is nothing to derive."""
    x, diagonal = node.input(0), node.input(1)
    copied(node, x, *TYPES)
    node.expect_type(diagonal, x.type)
    node.expect(len(x.shape) >= 2, f"{x} has shape {list(x.shape)}; expected at least two dimensions")
    expected = (*x.shape[:-2], min(x.shape[-2:]))
    node.expect(diagonal.shape == expected, f"{diagonal} has shape {list(diagonal.shape)}; expected {list(expected)}")
    node.resize(0, x.shape)
    return Prepared(matrix_set_diag, None, explain_copy(matrix_set_diag, 0, 1))


def matrix_set_diag(x: np.ndarray, diagonal: np.ndarray, plan: None) -> np.ndarray:
    """Return y."""
    y, n = x.copy(), diagonal.shape[-1]
    y[..., np.arange(n), np.arange(n)] = diagonal
    return y
