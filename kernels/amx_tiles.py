"""AMX, the unit for products of matrices in some CPUs: whether a process may use it, and how much it takes at a time."""

from __future__ import annotations

import ctypes
import sys

ROWS = 16  # of a tile
DEPTH = 64  # bytes of a row of a tile
TILE = ROWS * DEPTH
VECTORS = 1, 2  # of 16 channels in a panel of weights
SECOND_CACHE = 1 << 21  # bytes


def permitted() -> bool:
    """Ask Linux to save AMX's registers for this process, arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA); tell whether it does."""
    return sys.platform == "linux" and ctypes.CDLL(None).syscall(158, 0x1023, 18) == 0


def rows_of(depth: int, count: int, weights: int) -> int:
    """The rows, of so many with `depth` bytes, that go through all the weights together, so many bytes.

    Few, which stay in the first cache; or, where weights do not stay in the second, as many as that has room for.
    """
    together = 2 * ROWS
    if weights <= SECOND_CACHE // 2:
        return together
    return max(together, min(SECOND_CACHE // 8 // depth, count + together - 1) // together * together)
