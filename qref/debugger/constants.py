"""Constants of two models side by side: as real numbers, slice by slice."""

from __future__ import annotations

import numpy as np

from qref.arithmetic.affine import dequantize
from qref.quantizer.graph import Value
from qref.schema import TensorType

REAL = (TensorType.FLOAT32, TensorType.FLOAT16, TensorType.BFLOAT16)
INTEGERS = (TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT4, TensorType.UINT4, TensorType.INT2)


def real(value: Value) -> np.ndarray | None:
    """A constant as float32, dequantized where it is quantized; None for what is no constant of real numbers."""
    if value.data is None:
        return None
    if value.type in REAL:
        return value.data.astype(np.float32)
    found = value.quantization
    if found is None or found.details is not None or not len(found.scale):
        return None
    return dequantize(value.data, found.scale, found.zero_point, found.quantized_dimension)


def is_quantized(value: Value) -> bool:
    """Whether a tensor holds fewer bits than float32 for real numbers."""
    return value.type in (TensorType.FLOAT16, TensorType.BFLOAT16) or (
        value.quantization is not None and value.type != TensorType.FLOAT32
    )


def slices(w: np.ndarray, axis: int | None) -> np.ndarray:
    """The constant as [slices, elements]: along an axis, or one slice of all."""
    return w.reshape(1, -1) if axis is None or w.ndim < 2 else np.moveaxis(w, axis, 0).reshape(w.shape[axis], -1)


def likeness(a: np.ndarray, b: np.ndarray, axis: int | None) -> float:
    """The median over slices of |cosine| between two constants of one shape: 1 for equal ones, also if slices were scaled.

    Constants that hold nothing but zeros on one side are compared by nothing: 0, or 1 where both do.
    """
    a, b = (slices(w, axis) for w in (a, b))
    aa, bb, ab = (np.einsum("se,se->s", x, y, dtype=np.float64) for x, y in ((a, a), (b, b), (a, b)))
    norms = np.sqrt(aa * bb)
    cosine = np.where(norms > 0, np.abs(ab) / np.where(norms > 0, norms, 1), (aa == 0) & (bb == 0))
    return float(np.median(cosine))
