"""Loops that show what this machine does at most, for measuring: the products of the tiles, and memory read and copied."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qref.errors import BackendError
from qref.kernels import amx_tiles, cpu, peak

LINE = 64  # bytes
MOVED = 1 << 23  # bytes that one run moves at the least


def products(bits: int) -> tuple[Callable[[], object], int]:
    """A run of the products that the tiles compute for inputs of 8 or 16 bits, and how many multiply-adds it does.

    Raises BackendError where kernels are not compiled.
    """
    if not cpu.COMPILED:
        raise BackendError("without compilation there is no peak to measure; unset NUMBA_DISABLE_JIT")
    dtype = np.dtype(np.uint8 if bits == 8 and cpu.QUADS else np.int16)
    x, w, sums = _aligned(peak.X_BYTES).view(dtype), _aligned(peak.W_BYTES), np.zeros(2000, np.int32)
    tile = peak.X_BYTES * peak.W_BYTES // (peak.GROUPS * cpu.GROUP_BYTES * dtype.itemsize)
    return lambda: peak.multiply(x, w, sums), sums.size * tile


def matrix_products() -> tuple[Callable[[], object], int] | None:
    """The same for products of matrices of 8 bits; None where no unit of the CPU computes them."""
    if not cpu.AMX:
        return None
    x, w = (_aligned(2 * peak.STEPS * amx_tiles.TILE).view(np.int8) for _ in range(2))
    y, times = _aligned(4 * amx_tiles.TILE).view(np.int32), 1000
    return lambda: peak.multiply_matrices(x, w, times, y), times * peak.STEPS * y.size * amx_tiles.DEPTH


def copies(working_set: int) -> tuple[Callable[[], object], int]:
    """A run that copies one half of so many bytes to the other and back, and how many bytes it reads and writes."""
    x, y = _aligned(working_set).view(np.int64).reshape(2, -1)
    times = max(1, MOVED // (2 * working_set))
    return lambda: peak.copy(x, y, times), times * 2 * working_set


def reads(working_set: int) -> tuple[Callable[[], object], int]:
    """A run that reads so many bytes, and how many it reads in all its turns."""
    x, sums = _aligned(working_set).view(np.int32), np.zeros(max(1, MOVED // working_set), np.int32)
    return lambda: peak.read(x, sums), sums.size * working_set


def _aligned(size: int) -> np.ndarray:
    """So many bytes from the start of a cache line on: vectors that lie across two lines take twice as long to read.

    They are written, since untouched pages are all the same page of zeros.
    """
    array = np.ones(size + LINE, np.uint8)
    return array[-array.ctypes.data % LINE :][:size]
