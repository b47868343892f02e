"""MATRIX_DIAG: matrices that are zero but for their diagonals.

Layout   diagonal [..., n] -> y [..., n, n]
Types    float32, int8, uint8, int16, int32, int64 or uint32; alike: for others the kernel mistakes the size of an element
"""

from __future__ import annotations

import numpy as np

from qref.schema.enums import TensorType

from ._movement import QUANTIZED, copied, explain_copy
from .node import Node, Prepared

TYPES = (*QUANTIZED, TensorType.FLOAT32, TensorType.INT32, TensorType.INT64, TensorType.UINT32)


def prepare(node: Node) -> Prepared:
    """Check the operands; there is nothing to derive."""
    diagonal = node.input(0)
    copied(node, diagonal, *TYPES)
    node.expect(len(diagonal.shape) >= 1, f"{diagonal} has shape []; expected at least one dimension")
    node.resize(0, (*diagonal.shape, diagonal.shape[-1]))
    return Prepared(matrix_diag, None, explain_copy(matrix_diag, 0))


def matrix_diag(diagonal: np.ndarray, plan: None) -> np.ndarray:
    """Return y."""
    n = diagonal.shape[-1]
    y = np.zeros((*diagonal.shape, n), diagonal.dtype)
    y[..., np.arange(n), np.arange(n)] = diagonal
    return y
