"""Several threads on one table of calls: each takes the next part that may run, so one that the system stops holds up nobody.

What threads share is a few numbers, each in a line of the cache of its own:

    inside   threads that are in a run; 0: there is none, and who comes late leaves
    next     the part to be taken next; a part is taken by raising it
    done     how many parts are done; a part of the next stage may be taken when all of the stages before are

A thread that finds nothing to take looks again for some thousand cycles, then lets the system run others in between. The caller
works too, and returns when it is alone. Workers are daemon threads of the process, made when first needed; between runs they
sleep. One run has them at a time: another, which finds them busy, does its work alone.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
import platform
import sys
import threading
from collections.abc import Callable, Sequence

import numpy as np

from qref.dispatch.native import addresses_of

LINE = 8  # numbers of eight bytes in a line of the cache
YIELD = 35  # the place of a function's address in the state
LOOKS = 2000  # at what others have done, before the system is asked to run others

_CODE = """
; state: inside, next, done, failed, each in a line of its own; then count, parts, table, yield
; parts: rows (parts before its stage, first row of the table, row behind the last); table: rows (entry, function, slots)

define void @qref_open_run(ptr %state, i64 %count, i64 %parts, i64 %table) {
  %next = getelementptr i64, ptr %state, i64 8
  %done = getelementptr i64, ptr %state, i64 16
  %failed = getelementptr i64, ptr %state, i64 24
  %count.p = getelementptr i64, ptr %state, i64 32
  %parts.p = getelementptr i64, ptr %state, i64 33
  %table.p = getelementptr i64, ptr %state, i64 34
  store i64 0, ptr %next
  store i64 0, ptr %done
  store i64 0, ptr %failed
  store i64 %count, ptr %count.p
  store i64 %parts, ptr %parts.p
  store i64 %table, ptr %table.p
  store atomic i64 1, ptr %state release, align 8
  ret void
}

define void @qref_wait(ptr %state, i64 %looks) {
  %many = icmp ugt i64 %looks, LOOKS
  br i1 %many, label %others, label %here
here:
  PAUSE
  ret void
others:
  %yield.p = getelementptr i64, ptr %state, i64 35
  %yield = load ptr, ptr %yield.p
  %ignored = call i32 %yield()
  ret void
}

; A worker joins the run if there is one.
define void @qref_join_run(ptr %state) {
start:
  %found = load atomic i64, ptr %state acquire, align 8
  br label %enter
enter:
  %inside = phi i64 [ %found, %start ], [ %now, %raise ]
  %closed = icmp eq i64 %inside, 0
  br i1 %closed, label %leave, label %raise
raise:
  %more = add i64 %inside, 1
  %pair = cmpxchg ptr %state, i64 %inside, i64 %more acq_rel acquire
  %now = extractvalue { i64, i1 } %pair, 0
  %entered = extractvalue { i64, i1 } %pair, 1
  br i1 %entered, label %work, label %enter
work:
  call void @qref_share(ptr %state)
  br label %leave
leave:
  ret void
}

; The caller works too, then waits until it is alone; returns 0, or the number of the row that failed, from 1 on.
define i64 @qref_lead_run(ptr %state) {
start:
  call void @qref_share(ptr %state)
  br label %look
look:
  %looks = phi i64 [ 0, %start ], [ %more, %again ]
  %inside = load atomic i64, ptr %state acquire, align 8
  %alone = icmp eq i64 %inside, 0
  br i1 %alone, label %end, label %again
again:
  %more = add i64 %looks, 1
  call void @qref_wait(ptr %state, i64 %more)
  br label %look
end:
  %failed = getelementptr i64, ptr %state, i64 24
  %row = load i64, ptr %failed
  ret i64 %row
}

; Take parts and run them until all are taken, then leave.
define void @qref_share(ptr %state) {
start:
  %next = getelementptr i64, ptr %state, i64 8
  %done = getelementptr i64, ptr %state, i64 16
  %failed = getelementptr i64, ptr %state, i64 24
  %count.p = getelementptr i64, ptr %state, i64 32
  %parts.p = getelementptr i64, ptr %state, i64 33
  %table.p = getelementptr i64, ptr %state, i64 34
  %count = load i64, ptr %count.p
  %parts = load ptr, ptr %parts.p
  %table = load ptr, ptr %table.p
  br label %look
look:
  %looks = phi i64 [ 0, %start ], [ %more.looks, %not.yet ], [ 0, %try ], [ 0, %finished ]
  %part = load atomic i64, ptr %next acquire, align 8
  %left = icmp slt i64 %part, %count
  br i1 %left, label %check, label %leave
check:
  %place = mul i64 %part, 3
  %wait.p = getelementptr i64, ptr %parts, i64 %place
  %wait = load i64, ptr %wait.p
  %ready = load atomic i64, ptr %done acquire, align 8
  %may = icmp sge i64 %ready, %wait
  br i1 %may, label %try, label %not.yet
not.yet:
  %more.looks = add i64 %looks, 1
  call void @qref_wait(ptr %state, i64 %more.looks)
  br label %look
try:
  %following = add i64 %part, 1
  %pair = cmpxchg ptr %next, i64 %part, i64 %following acq_rel acquire
  %taken = extractvalue { i64, i1 } %pair, 1
  br i1 %taken, label %run, label %look
run:
  %first.p = getelementptr i64, ptr %wait.p, i64 1
  %last.p = getelementptr i64, ptr %wait.p, i64 2
  %first = load i64, ptr %first.p
  %last = load i64, ptr %last.p
  br label %rows
rows:
  %row = phi i64 [ %first, %run ], [ %row.next, %row.done ]
  %more = icmp slt i64 %row, %last
  br i1 %more, label %call, label %finished
call:
  %at = mul i64 %row, 3
  %entry.p = getelementptr i64, ptr %table, i64 %at
  %function.p = getelementptr i64, ptr %entry.p, i64 1
  %slots.p = getelementptr i64, ptr %entry.p, i64 2
  %entry = load ptr, ptr %entry.p
  %function = load i64, ptr %function.p
  %slots = load i64, ptr %slots.p
  %status = call i32 %entry(i64 %function, i64 %slots)
  %row.next = add i64 %row, 1
  %good = icmp eq i32 %status, 0
  br i1 %good, label %row.done, label %stop
row.done:
  br label %rows
finished:
  %counted = atomicrmw add ptr %done, i64 1 acq_rel
  br label %look
stop:
  store atomic i64 %row.next, ptr %failed release, align 8
  store atomic i64 %count, ptr %next release, align 8
  br label %leave
leave:
  %others = atomicrmw sub ptr %state, i64 1 acq_rel
  ret void
}
"""
_PAUSES = {"x86_64": "call void @llvm.x86.sse2.pause()", "amd64": "call void @llvm.x86.sse2.pause()"}


class Work:
    """A table of calls for threads to share.

    table        int64 [rows, 3], as Program has it; its owner keeps it
    stages       for each stage, how many rows each of its parts has, in the order of the table
    num_threads  that work on it, the caller with them
    """

    def __init__(self, table: np.ndarray, stages: Sequence[Sequence[int]], num_threads: int):
        before = itertools.accumulate((len(stage) for stage in stages), initial=0)
        waits = [wait for wait, stage in zip(before, stages) for _ in stage]
        edges = list(itertools.accumulate((rows for stage in stages for rows in stage), initial=0))
        self._parts = np.array([*zip(waits, edges, edges[1:])], np.int64)
        self.workers = num_threads - 1
        self.arguments = len(waits), self._parts.ctypes.data, table.ctypes.data


def run(work: Work) -> int | None:
    """Do it, and return 0 or the number of the row that failed, from 1 on; None where the workers are busy with other work."""
    return _workers.run(work)


class _Workers:
    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._wake: list[threading.Lock] = []  # one for each worker, held while there is nothing to do
        memory = np.zeros(6 * LINE, np.int64)
        self._state = memory[-memory.ctypes.data // 8 % LINE :]
        self._state[YIELD] = ctypes.cast(_yield(), ctypes.c_void_p).value
        self._address = self._state.ctypes.data

    def run(self, work: Work) -> int | None:
        if not self._busy.acquire(blocking=False):
            return None
        try:
            open_run, _, lead_run = _functions()
            while len(self._wake) < work.workers:
                self._start()
            open_run(self._address, *work.arguments)
            for wake in self._wake[: work.workers]:
                if wake.locked():  # else it was told before, and has not looked yet
                    wake.release()
            return lead_run(self._address)
        finally:
            self._busy.release()

    def _start(self) -> None:
        wake = threading.Lock()
        wake.acquire()
        threading.Thread(target=_serve, args=(wake, self._address), name="qref", daemon=True).start()
        self._wake.append(wake)


def _serve(wake: threading.Lock, address: int) -> None:
    join_run = _functions()[1]
    while True:
        wake.acquire()
        join_run(address)


def _yield() -> Callable[[], int]:
    """The system's function that lets other threads run."""
    return ctypes.WinDLL("kernel32").SwitchToThread if sys.platform == "win32" else ctypes.CDLL(None).sched_yield


@functools.cache
def _functions() -> tuple[Callable[..., None], Callable[..., None], Callable[..., int]]:
    """open_run(state, count, parts, table), join_run(state) and lead_run(state), all without the GIL."""
    pause = _PAUSES.get(platform.machine().lower(), "")
    code = _CODE.replace("LOOKS", str(LOOKS)).replace("PAUSE", pause)
    code += "declare void @llvm.x86.sse2.pause()" if pause else ""
    i64 = ctypes.c_int64
    open_run, join_run, lead_run = addresses_of(code, "qref_open_run", "qref_join_run", "qref_lead_run")
    return (
        ctypes.CFUNCTYPE(None, i64, i64, i64, i64)(open_run),
        ctypes.CFUNCTYPE(None, i64)(join_run),
        ctypes.CFUNCTYPE(i64, i64)(lead_run),
    )


def _forget() -> None:
    """A child of a fork has none of its parent's threads."""
    global _workers
    _workers = _Workers()


_workers = _Workers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
