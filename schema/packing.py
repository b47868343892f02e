"""Elements <-> bytes of a buffer, for every type with elements of fixed size.

4-bit and 2-bit elements are packed from the lowest bits of each byte upwards, the last byte filled with zeros; the signed
ones (INT4, INT2) are two's complement. BFLOAT16 and FLOAT8 have no NumPy dtype: they unpack to float32, which holds each
of their values exactly, and pack by rounding to nearest, ties to even.
"""

from __future__ import annotations

import functools

import numpy as np

from .enums import TensorType
from .errors import InvalidModel

_EXPONENT_BITS = {TensorType.FLOAT8_E4M3FN: 4, TensorType.FLOAT8_E5M2: 5}


def unpack_elements(data: bytes | memoryview, type_: TensorType) -> np.ndarray:
    """The elements in `data`, one after the other: a view where the bytes need no change.

    Returns a flat array of type_.dtype (float32 for BFLOAT16 and FLOAT8); packed types may end in up to three zeros
    that only fill the last byte.
    """
    if type_.bits in (2, 4):
        shifts = np.arange(0, 8, type_.bits, dtype=np.uint8)
        fields = (np.frombuffer(data, np.uint8)[:, None] >> shifts & np.uint8((1 << type_.bits) - 1)).reshape(-1)
        sign = 1 << type_.bits - 1
        return fields if type_ is TensorType.UINT4 else (fields.astype(np.int8) ^ np.int8(sign)) - np.int8(sign)
    if type_ is TensorType.BFLOAT16:
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    if type_ in _EXPONENT_BITS:
        return _float8_values(type_)[np.frombuffer(data, np.uint8)]
    if type_ is TensorType.BOOL:
        return np.frombuffer(data, np.uint8) != 0
    assert type_.dtype is not None
    elements = np.frombuffer(data, type_.dtype.newbyteorder("<"))
    return elements if elements.flags.aligned else elements.copy()


def pack_elements(array: np.ndarray, type_: TensorType) -> bytes:
    """The bytes of `array`, flattened in row-major order, as a buffer of that type holds them.

    Raises InvalidModel where the type cannot hold a value.
    """
    array = np.asarray(array).reshape(-1)
    if type_.bits in (2, 4):
        fields = _fit(array, type_).view(np.uint8) & np.uint8((1 << type_.bits) - 1)
        per_byte = 8 // type_.bits
        fields = np.pad(fields, (0, -len(fields) % per_byte)).reshape(-1, per_byte)
        return np.bitwise_or.reduce(fields << np.arange(0, 8, type_.bits, dtype=np.uint8), axis=1).astype(np.uint8).tobytes()
    if type_ is TensorType.BFLOAT16:
        return _bfloat16(array.astype(np.float32)).tobytes()
    if type_ in _EXPONENT_BITS:
        return _float8(array.astype(np.float32), type_).tobytes()
    return _fit(array, type_).tobytes()


def _fit(array: np.ndarray, type_: TensorType) -> np.ndarray:
    """The array in the type's dtype, unless an integer would change its value."""
    dtype = type_.dtype
    if dtype is None:
        raise InvalidModel(f"{type_.name} elements cannot be packed into a buffer")
    if dtype.kind in "iu" and array.size:
        low, high = (np.iinfo(dtype).min, np.iinfo(dtype).max) if type_.bits >= 8 else _range(type_)
        if array.dtype.kind not in "iub" or int(array.min()) < low or int(array.max()) > high:
            found = f"{array.dtype} values from {array.min()} to {array.max()}"
            raise InvalidModel(f"{type_.name} holds integers from {low} to {high}, found {found}")
    return array.astype(dtype.newbyteorder("<"))


def _range(type_: TensorType) -> tuple[int, int]:
    if type_ is TensorType.UINT4:
        return 0, 15
    return -(1 << type_.bits - 1), (1 << type_.bits - 1) - 1


def _bfloat16(values: np.ndarray) -> np.ndarray:
    """The upper 16 bits of float32, rounded to nearest, ties to even; a NaN stays a NaN."""
    bits = values.view(np.uint32)
    rounded = ((bits + np.uint32(0x7FFF) + (bits >> 16 & 1)) >> 16).astype("<u2")
    return np.where(np.isnan(values), (bits >> 16 | 0x40).astype("<u2"), rounded)


@functools.cache
def _float8_values(type_: TensorType) -> np.ndarray:
    """The value of each of the 256 codes: sign, exponent, mantissa. E4M3FN has no infinity, E5M2 is a short float16."""
    exponent_bits = _EXPONENT_BITS[type_]
    mantissa_bits = 7 - exponent_bits
    codes = np.arange(256)
    exponent = codes >> mantissa_bits & (1 << exponent_bits) - 1
    mantissa = codes & (1 << mantissa_bits) - 1
    bias = (1 << exponent_bits - 1) - 1
    significand = np.where(exponent == 0, mantissa, mantissa + (1 << mantissa_bits))
    values = np.ldexp(significand.astype(np.float64), np.maximum(exponent, 1) - bias - mantissa_bits)
    if type_ is TensorType.FLOAT8_E4M3FN:
        values[codes & 0x7F == 0x7F] = np.nan
    else:
        values[exponent == 31] = np.where(mantissa[exponent == 31] == 0, np.inf, np.nan)
    result = np.where(codes >= 128, -values, values).astype(np.float32)
    result.flags.writeable = False
    return result


def _float8(values: np.ndarray, type_: TensorType) -> np.ndarray:
    """The nearest code, ties to even; what is too large becomes the type's infinity, or NaN where it has none."""
    finite = _float8_values(type_)[: 0x7F if type_ is TensorType.FLOAT8_E4M3FN else 0x7C].astype(np.float64)
    last_step = finite[-1] - finite[-2]
    middles = np.append((finite[:-1] + finite[1:]) / 2, finite[-1] + last_step / 2)
    magnitude = np.abs(values.astype(np.float64))
    code = np.searchsorted(middles, magnitude, side="left")
    tie = middles[np.minimum(code, len(middles) - 1)] == magnitude
    code = code + (tie & (code % 2 == 1))
    code = np.where(np.isnan(values), 0x7F, code)
    return (code | np.signbit(values) << 7).astype(np.uint8)
