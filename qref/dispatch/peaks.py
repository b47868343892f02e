"""Loops that show what this machine does at most, for measuring: the products of the tiles, and copies of memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qref.errors import BackendError
from qref.kernels import peak, vector

COPIED = 1 << 23  # bytes that one run moves at the least


def products(bits: int) -> tuple[Callable[[], None], int]:
    """A run of the products that the tiles compute for inputs of 8 or 16 bits, and how many multiply-adds it does.

    Raises BackendError where kernels are not compiled.
    """
    if not vector.COMPILED:
        raise BackendError("without compilation there is no peak to measure; unset NUMBA_DISABLE_JIT")
    dtype = np.dtype(np.uint8 if bits == 8 and vector.QUADS else np.int16)
    x, w, sums = np.zeros(peak.X_BYTES // dtype.itemsize, dtype), np.zeros(peak.W_BYTES, np.uint8), np.zeros(2000, np.int32)
    return lambda: peak.multiply(x, w, sums.size, sums), sums.size * peak.X_BYTES * peak.W_BYTES // (
        peak.GROUPS * vector.GROUP_BYTES * dtype.itemsize
    )


def copies(working_set: int) -> tuple[Callable[[], None], int]:
    """A run that copies one half of so many bytes to the other and back, and how many bytes it reads and writes."""
    x, y = np.zeros((2, working_set // 16), np.int64)
    times = max(1, COPIED // (2 * working_set))
    return lambda: peak.copy(x, y, times), times * 2 * working_set
