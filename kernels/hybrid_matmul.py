"""A matmul of rows that are quantized when they are seen: for kernels that do it once for each time step."""

from __future__ import annotations

from . import hybrid, strip, tile
from .jit import numba


@numba.njit(cache=True, nogil=True)
def multiply(arguments):
    """Write the float32 products; arguments: of hybrid.quantize, strip.copy, tile.matmul and hybrid.to_float32."""
    hybrid.quantize(*arguments[0])
    strip.copy(*arguments[1])
    tile.matmul(*arguments[2])
    hybrid.to_float32(*arguments[3])
