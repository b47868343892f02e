"""REAL, IMAG and COMPLEX_ABS: real numbers from complex ones.

Layout   x [...] -> y like x
Types    x complex64, y float32; x complex128, y float64
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qref.schema.enums import TensorType

from .node import Node, Prepared

PARTS = {TensorType.COMPLEX64: TensorType.FLOAT32, TensorType.COMPLEX128: TensorType.FLOAT64}


def prepare_part(node: Node, part: Callable[[np.ndarray, None], np.ndarray]) -> Prepared:
    """Check the operands; there is nothing to derive."""
    x, y = node.input(0), node.output()
    node.expect_type(x, *PARTS)
    node.expect_type(y, PARTS[x.type])
    node.resize(0, x.shape)
    return Prepared(part, None)


def real(x: np.ndarray, plan: None) -> np.ndarray:
    """The real part."""
    return x.real.copy()


def imag(x: np.ndarray, plan: None) -> np.ndarray:
    """The imaginary part."""
    return x.imag.copy()


def complex_abs(x: np.ndarray, plan: None) -> np.ndarray:
    """The absolute value, as C's hypot has it."""
    with np.errstate(all="ignore"):
        return np.hypot(x.real, x.imag)
