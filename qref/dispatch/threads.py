"""Several threads on one table of calls: each runs parts that nobody has taken, so one that the system stops holds up nobody.

A stage is parts that can run in any order. Each thread begins with its share of them, in every stage the same, since what they
read is in its cache; then it takes what others have left. Before a part of the next stage is taken, all of this one are done.
A thread that has to wait looks again for some thousand cycles, then lets the system run others in between.

The caller works too, and returns when it is alone. Workers are daemon threads of the process, made when first needed. After a run
they look for the next one as long, then sleep; one that wakes late finds the run closed. One run has them at a time: another,
which finds them busy, does its work alone.

    inside   threads that are in the run, the caller with them; 0: there is none
    done     parts that are done; it only goes up in a run
    run      the number of the run; a part is taken by writing it there
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

from qref.kernels.compiled import addresses_of

LINE = 8  # numbers of eight bytes in a line of the cache
YIELD = 36  # the place of a function's address in the state
LOOKS = 2000  # at what others have done, before the system is asked to run others or a worker sleeps

_CODE = """
; state: inside, done, failed, run, each in a line of its own; then threads, stages, table, yield
; stages: rows (parts before, parts behind); behind them a row (-1, -1)
; parts: rows (run in which it was taken last, first row of the table, row behind the last)
; table: rows (function, slots)

define void @qref_wait(ptr %state, i64 %looks) {
  %many = icmp ugt i64 %looks, LOOKS
  br i1 %many, label %others, label %here
here:
  PAUSE
  ret void
others:
  %yield.p = getelementptr i64, ptr %state, i64 YIELD
  %yield = load ptr, ptr %yield.p
  %ignored = call i32 %yield()
  ret void
}

; Open a run, share the work, wait to be alone; returns 0, or the number of the row that failed, from 1 on.
define i64 @qref_run(ptr %state, i64 %threads, i64 %stages, i64 %parts, i64 %table) {
start:
  %done.p = getelementptr i64, ptr %state, i64 8
  %failed.p = getelementptr i64, ptr %state, i64 16
  %run.p = getelementptr i64, ptr %state, i64 24
  %work = getelementptr i64, ptr %state, i64 32
  %stages.p = getelementptr i64, ptr %work, i64 1
  %parts.p = getelementptr i64, ptr %work, i64 2
  %table.p = getelementptr i64, ptr %work, i64 3
  %before = load i64, ptr %run.p
  %run = add i64 %before, 1
  store atomic i64 %run, ptr %run.p release, align 8
  store i64 0, ptr %done.p
  store i64 0, ptr %failed.p
  store i64 %threads, ptr %work
  store i64 %stages, ptr %stages.p
  store i64 %parts, ptr %parts.p
  store i64 %table, ptr %table.p
  store atomic i64 1, ptr %state release, align 8
  call void @qref_share(ptr %state, i64 0)
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
  %failed = load i64, ptr %failed.p
  ret i64 %failed
}

; A worker joins each run that it finds, once; it leaves when there was none for a while.
define void @qref_serve(ptr %state, i64 %thread) {
start:
  %run.p = getelementptr i64, ptr %state, i64 24
  br label %look
look:
  %looks = phi i64 [ 0, %start ], [ %more, %none ], [ 0, %join ]
  %known = phi i64 [ 0, %start ], [ %known, %none ], [ %run, %join ]
  %inside = load atomic i64, ptr %state acquire, align 8
  %run = load atomic i64, ptr %run.p acquire, align 8
  %opened = icmp ne i64 %inside, 0
  %other = icmp ne i64 %run, %known
  %new = and i1 %opened, %other
  br i1 %new, label %enter, label %none
enter:
  %raised = add i64 %inside, 1
  %pair = cmpxchg ptr %state, i64 %inside, i64 %raised acq_rel acquire
  %entered = extractvalue { i64, i1 } %pair, 1
  br i1 %entered, label %join, label %none
join:
  call void @qref_share(ptr %state, i64 %thread)
  br label %look
none:
  PAUSE
  %more = add i64 %looks, 1
  %late = icmp ugt i64 %more, LOOKS
  br i1 %late, label %leave, label %look
leave:
  ret void
}

; Go through the stages: wait for those before, take parts that nobody has taken and run them; then leave.
define void @qref_share(ptr %state, i64 %number) {
start:
  %done.p = getelementptr i64, ptr %state, i64 8
  %failed.p = getelementptr i64, ptr %state, i64 16
  %run.p = getelementptr i64, ptr %state, i64 24
  %work = getelementptr i64, ptr %state, i64 32
  %stages.p = getelementptr i64, ptr %work, i64 1
  %parts.p = getelementptr i64, ptr %work, i64 2
  %table.p = getelementptr i64, ptr %work, i64 3
  %run = load i64, ptr %run.p
  %threads = load i64, ptr %work
  %stages = load ptr, ptr %stages.p
  %parts = load ptr, ptr %parts.p
  %table = load ptr, ptr %table.p
  %thread = urem i64 %number, %threads
  br label %stage
stage:
  %stage.p = phi ptr [ %stages, %start ], [ %stage.next, %stage.through ]
  %before = load i64, ptr %stage.p
  %last.stage = icmp slt i64 %before, 0
  br i1 %last.stage, label %leave, label %look
look:
  %looks = phi i64 [ 0, %stage ], [ %looks.more, %not.yet ]
  %done = load atomic i64, ptr %done.p acquire, align 8
  %ready = icmp sge i64 %done, %before
  br i1 %ready, label %open, label %not.yet
not.yet:
  %looks.more = add i64 %looks, 1
  call void @qref_wait(ptr %state, i64 %looks.more)
  %failed = load atomic i64, ptr %failed.p acquire, align 8
  %goes.on = icmp eq i64 %failed, 0
  br i1 %goes.on, label %look, label %leave
open:
  %behind.p = getelementptr i64, ptr %stage.p, i64 1
  %behind = load i64, ptr %behind.p
  %count = sub i64 %behind, %before
  %over = icmp sge i64 %done, %behind
  br i1 %over, label %stage.through, label %own
own:
  %share = mul i64 %count, %thread
  %mine = udiv i64 %share, %threads
  br label %part
part:
  %turn = phi i64 [ 0, %own ], [ %turn.next, %part.through ]
  %more.parts = icmp slt i64 %turn, %count
  br i1 %more.parts, label %find, label %stage.through
find:
  %ahead = add i64 %mine, %turn
  %place = urem i64 %ahead, %count
  %index = add i64 %before, %place
  %at = mul i64 %index, 3
  %taken.p = getelementptr i64, ptr %parts, i64 %at
  %taken = load atomic i64, ptr %taken.p monotonic, align 8
  %free = icmp ne i64 %taken, %run
  br i1 %free, label %take, label %part.through
take:
  %pair = cmpxchg ptr %taken.p, i64 %taken, i64 %run acq_rel monotonic
  %got = extractvalue { i64, i1 } %pair, 1
  br i1 %got, label %got.it, label %part.through
got.it:
  %first.p = getelementptr i64, ptr %taken.p, i64 1
  %last.p = getelementptr i64, ptr %taken.p, i64 2
  %first = load i64, ptr %first.p
  %last = load i64, ptr %last.p
  br label %row
row:
  %row.number = phi i64 [ %first, %got.it ], [ %row.next, %call ]
  %more.rows = icmp slt i64 %row.number, %last
  br i1 %more.rows, label %call, label %finished
call:
  %function.p = getelementptr [2 x ptr], ptr %table, i64 %row.number, i64 0
  %slots.p = getelementptr [2 x ptr], ptr %table, i64 %row.number, i64 1
  %function = load ptr, ptr %function.p
  %slots = load ptr, ptr %slots.p
  %status = call i32 %function(ptr %slots)
  %row.next = add i64 %row.number, 1
  %good = icmp eq i32 %status, 0
  br i1 %good, label %row, label %stop
finished:
  %counted = atomicrmw add ptr %done.p, i64 1 acq_rel
  br label %part.through
part.through:
  %turn.next = add i64 %turn, 1
  br label %part
stage.through:
  %stage.next = getelementptr i64, ptr %stage.p, i64 2
  br label %stage
stop:
  store atomic i64 %row.next, ptr %failed.p release, align 8
  br label %leave
leave:
  %others = atomicrmw sub ptr %state, i64 1 acq_rel
  ret void
}
"""


class Work:
    """A table of calls for threads to share.

    table        int64 [rows, 2], as Program has it; its owner keeps it
    stages       for each stage, how many rows each of its parts has, in the order of the table
    num_threads  that work on it, the caller with them
    """

    def __init__(self, table: np.ndarray, stages: Sequence[Sequence[int]], num_threads: int):
        counts = list(itertools.accumulate((len(stage) for stage in stages), initial=0))
        edges = list(itertools.accumulate((rows for stage in stages for rows in stage), initial=0))
        self._stages = np.array([*itertools.pairwise(counts), (-1, -1)], np.int64)
        self._parts = np.array([(0, *rows) for rows in itertools.pairwise(edges)], np.int64)
        self.workers = num_threads - 1
        self.arguments = num_threads, *(a.ctypes.data for a in (self._stages, self._parts, table))


def run(work: Work) -> int | None:
    """Do it, and return 0 or the number of the row that failed, from 1 on; None where the workers are busy with other work."""
    return _workers.run(work)


class _Workers:
    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._workers: list[_Worker] = []
        memory = np.zeros(6 * LINE, np.int64)
        self._state = memory[-memory.ctypes.data // 8 % LINE :]
        self._state[YIELD] = _yield()

    def run(self, work: Work) -> int | None:
        if not self._busy.acquire(blocking=False):
            return None
        try:
            while len(self._workers) < work.workers:
                self._workers.append(_Worker(self._state.ctypes.data, len(self._workers) + 1))
            for worker in self._workers[: work.workers]:
                worker.wake()
            return _functions()[0](self._state.ctypes.data, *work.arguments)
        finally:
            self._busy.release()


class _Worker:
    def __init__(self, state: int, thread: int):
        self._sleeps = threading.Lock()  # held while there is nothing to do
        self._sleeps.acquire()
        self._awake = False
        threading.Thread(target=self._serve, args=(state, thread), name="qref", daemon=True).start()

    def wake(self) -> None:
        """Have it look for a run, if it does not."""
        if not self._awake and self._sleeps.locked():
            self._sleeps.release()

    def _serve(self, state: int, thread: int) -> None:
        serve = _functions()[1]
        while True:
            self._sleeps.acquire()
            self._awake = True
            serve(state, thread)
            self._awake = False


def _yield() -> int:
    """The address of the system's function that lets other threads run."""
    windows = sys.platform == "win32"
    library = ctypes.CDLL("kernel32" if windows else None)
    return ctypes.cast(library.SwitchToThread if windows else library.sched_yield, ctypes.c_void_p).value or 0


@functools.cache
def _functions() -> tuple[Callable[..., int], Callable[..., None]]:
    """run(state, threads, stages, parts, table) and serve(state, thread), both without the GIL."""
    pause = "call void @llvm.x86.sse2.pause()" if platform.machine().lower() in ("x86_64", "amd64") else ""
    code = _CODE.replace("LOOKS", str(LOOKS)).replace("YIELD", str(YIELD)).replace("PAUSE", pause)
    code += "declare void @llvm.x86.sse2.pause()" if pause else ""
    i64 = ctypes.c_int64
    run, serve = addresses_of(code, "qref_run", "qref_serve")
    return ctypes.CFUNCTYPE(i64, i64, i64, i64, i64, i64)(run), ctypes.CFUNCTYPE(None, i64, i64)(serve)


def _forget() -> None:
    """A child of a fork has none of its parent's threads."""
    global _workers
    _workers = _Workers()


_workers = _Workers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
