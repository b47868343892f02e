"""The enumerations of the TFLite schema that qref names in code; operators are named by schema.builtin_name."""

from __future__ import annotations

import functools
import re
from enum import IntEnum

import numpy as np

from .newer import BUILTIN_OPERATORS


class TensorType(IntEnum):
    """Element type of a tensor, numbered as in the TFLite schema."""

    FLOAT32 = 0
    FLOAT16 = 1
    INT32 = 2
    UINT8 = 3
    INT64 = 4
    STRING = 5
    BOOL = 6
    INT16 = 7
    COMPLEX64 = 8
    INT8 = 9
    FLOAT64 = 10
    COMPLEX128 = 11
    UINT64 = 12
    RESOURCE = 13
    VARIANT = 14
    UINT32 = 15
    UINT16 = 16
    INT4 = 17
    BFLOAT16 = 18
    INT2 = 19
    UINT4 = 20
    FLOAT8_E4M3FN = 21
    FLOAT8_E5M2 = 22

    @property
    def dtype(self) -> np.dtype | None:
        """The NumPy dtype of one element once unpacked; None where NumPy has none (STRING, VARIANT, FLOAT8...)."""
        return _DTYPES.get(self)

    @property
    def bits(self) -> int:
        """Bits that one element takes in a buffer; 0 where elements have no fixed size (STRING, VARIANT)."""
        if self in (TensorType.INT4, TensorType.UINT4):
            return 4
        if self is TensorType.INT2:
            return 2
        if self in (TensorType.FLOAT8_E4M3FN, TensorType.FLOAT8_E5M2):
            return 8
        if self is TensorType.BFLOAT16:
            return 16
        return 8 * self.dtype.itemsize if self.dtype is not None else 0


_DTYPES: dict[TensorType, np.dtype] = {
    TensorType.FLOAT32: np.dtype(np.float32),
    TensorType.FLOAT16: np.dtype(np.float16),
    TensorType.INT32: np.dtype(np.int32),
    TensorType.UINT8: np.dtype(np.uint8),
    TensorType.INT64: np.dtype(np.int64),
    TensorType.BOOL: np.dtype(np.bool_),
    TensorType.INT16: np.dtype(np.int16),
    TensorType.COMPLEX64: np.dtype(np.complex64),
    TensorType.INT8: np.dtype(np.int8),
    TensorType.FLOAT64: np.dtype(np.float64),
    TensorType.COMPLEX128: np.dtype(np.complex128),
    TensorType.UINT64: np.dtype(np.uint64),
    TensorType.RESOURCE: np.dtype(np.int32),
    TensorType.UINT32: np.dtype(np.uint32),
    TensorType.UINT16: np.dtype(np.uint16),
    TensorType.INT4: np.dtype(np.int8),
    TensorType.INT2: np.dtype(np.int8),
    TensorType.UINT4: np.dtype(np.uint8),
}


class ActivationFunctionType(IntEnum):
    """A fused activation function, numbered as in the TFLite schema."""

    NONE = 0
    RELU = 1
    RELU_N1_TO_1 = 2
    RELU6 = 3
    TANH = 4
    SIGN_BIT = 5


class Padding(IntEnum):
    """How convolution and pooling treat the border."""

    SAME = 0
    VALID = 1


class MirrorPadMode(IntEnum):
    """Whether MIRROR_PAD repeats the border element (SYMMETRIC) or not (REFLECT)."""

    REFLECT = 0
    SYMMETRIC = 1


CUSTOM = 32


@functools.cache
def _builtin_names() -> dict[int, str]:
    from tflite.BuiltinOperator import BuiltinOperator

    known = {name: code for name, code in vars(BuiltinOperator).items() if not name.startswith("_")}
    return {code: name for name, code in (BUILTIN_OPERATORS | known).items()}


def builtin_name(code: int) -> str:
    """The name of a builtin operator, "UNKNOWN_<code>" where the code is newer than this schema.

    >>> builtin_name(3), builtin_name(4711)
    ('CONV_2D', 'UNKNOWN_4711')
    """
    return _builtin_names().get(code) or f"UNKNOWN_{code}"


def builtin_code(name: str) -> int:
    """The code of a builtin operator; raises KeyError where there is no such name.

    >>> builtin_code("CONV_2D")
    3
    """
    codes = {known: code for code, known in _builtin_names().items()}
    if name in codes:
        return codes[name]
    unknown = re.fullmatch(r"UNKNOWN_(-?\d+)", name)
    if not unknown:
        raise KeyError(f"no builtin operator is called {name!r}; a custom operator is CUSTOM with a custom code")
    return int(unknown[1])
