"""Many kernels in one call: a table of compiled functions and their arguments, gone through without Python and without the GIL.

A Call is a kernel with all its arguments, arrays at addresses that stay as they are. A Program holds the address of each kernel,
compiled for the types of its arguments, and these arguments laid out as numba passes them: an array as nine numbers or so, eight
bytes each (see kernels/compiled.py). Without compilation the kernels are called one after the other.

On several threads, calls that can be cut are: see cut.py for how, and threads.py for who runs the parts.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence

import numpy as np

from qref.dispatch import threads
from qref.dispatch.cut import Call, stages
from qref.kernels.compiled import addresses_of, kernel_address, slots_of
from qref.kernels.cpu import COMPILED

_CODE = """
; Go through a table of `count` rows (function, slots); return 0, or the number of the row that failed, from 1 on.
define i32 @qref_run_program(i64 %count, ptr %table) {
start:
  br label %look
look:
  %number = phi i64 [ 0, %start ], [ %next, %call ]
  %more = icmp slt i64 %number, %count
  br i1 %more, label %call, label %end
call:
  %function.p = getelementptr [2 x ptr], ptr %table, i64 %number, i64 0
  %slots.p = getelementptr [2 x ptr], ptr %table, i64 %number, i64 1
  %function = load ptr, ptr %function.p
  %slots = load ptr, ptr %slots.p
  %status = call i32 %function(ptr %slots)
  %next = add i64 %number, 1
  %good = icmp eq i32 %status, 0
  br i1 %good, label %look, label %failed
failed:
  %row = trunc i64 %next to i32
  ret i32 %row
end:
  ret i32 0
}
"""


class Program:
    """Calls in their order, run as one, on so many threads."""

    def __init__(self, calls: Sequence[Call], num_threads: int = 1):
        self.calls = tuple(calls)
        self._compiled = _Compiled(self.calls, num_threads) if COMPILED else None

    def __call__(self) -> None:
        """Run all calls."""
        if self._compiled is None:
            for call in self.calls:
                call.kernel(*call.arguments)
        elif failed := self._compiled.run():
            call = self._compiled.calls[failed - 1]
            if call.refused is not None:
                call.refused()
            raise AssertionError(f"kernel {call.kernel} of a program raised an exception")


class _Compiled:
    def __init__(self, calls: Sequence[Call], num_threads: int):
        _give_back_memory()
        parts = stages(calls, num_threads)
        self.calls = [call for stage in parts for part in stage for call in part]  # with the arrays that are parts of others
        self._kept = [np.array([slot for a in call.arguments for slot in slots_of(a)], np.uint64) for call in self.calls]
        table = [(kernel_address(c.kernel, c.arguments), slots.ctypes.data) for c, slots in zip(self.calls, self._kept)]
        self._table = np.array(table, np.int64).reshape(len(table), 2)
        self._arguments = len(table), self._table.ctypes.data
        shared = any(len(stage) > 1 for stage in parts)
        counts = [[len(part) for part in stage] for stage in parts]
        self._work = threads.Work(self._table, counts, num_threads) if shared else None

    def run(self) -> int:
        failed = None if self._work is None else threads.run(self._work)
        return _runner()(*self._arguments) if failed is None else failed


def _give_back_memory() -> None:
    """Have the C library, where it is glibc, return what it keeps of memory that is free: packing weights took much."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@functools.cache
def _runner() -> Callable[[int, int], int]:
    (address,) = addresses_of(_CODE, "qref_run_program")
    return ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, ctypes.c_int64)(address)
