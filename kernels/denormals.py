"""Denormals as zeros, switched on and off in the CPU: operands that are denormal count as zeros, and so do results."""

from __future__ import annotations

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .jit import numba
from .vector import call

SWITCHABLE = llvm.get_process_triple().startswith("x86_64")
FLUSH = np.uint32(1 << 15 | 1 << 6)  # of results, of operands
MODE = ir.IntType(32)


def _exchange(builder: ir.IRBuilder, instruction: str, place: ir.Value) -> None:
    """Store or load the mode; no number is read or written in another mode than the code says, since memory is fenced."""
    builder.fence("seq_cst", "singlethread")
    call(builder, f"llvm.x86.sse.{instruction}", ir.VoidType(), builder.bitcast(place, ir.IntType(8).as_pointer()))
    builder.fence("seq_cst", "singlethread")


@intrinsic
def _mode(context):
    """The mode now."""

    def emit(context, builder, signature, values):
        place = cgutils.alloca_once_value(builder, MODE(0))
        if SWITCHABLE:
            _exchange(builder, "stmxcsr", place)
        return builder.load(place)

    return types.uint32(), emit


@intrinsic
def restore(context, mode):
    """Compute in a mode that `flush` gave."""

    def emit(context, builder, signature, values):
        if SWITCHABLE:
            _exchange(builder, "ldmxcsr", cgutils.alloca_once_value(builder, values[0]))
        return context.get_dummy_value()

    return types.void(types.uint32), emit


@numba.njit(cache=True, nogil=True)
def flush(wanted):
    """Flush denormals from here on, if wanted; returns the mode before, for `restore`."""
    mode = _mode()
    if wanted:
        restore(np.uint32(mode | FLUSH))
    return mode
