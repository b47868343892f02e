"""Calls of kernels, and how one is cut into parts that can run in any order and at the same time.

A Cut counts what a call does in units, such as output rows, and gives the arguments for some of them: mostly the same arrays from
another element on. A call that has much to do becomes several; those with little in a row stay together, on one thread.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

LEAST = 5e3  # ns: a shorter part would not pay for what threads tell each other
WORTH = 1e5  # ns: with less work to share, to have the others awake costs more than it brings
PER_THREAD = 4  # parts: who is late finds less left to do, and who is stopped by the system holds up less


@dataclass(frozen=True, slots=True)
class Cut:
    """The units of a call: `arguments(first, last)` are those for the units from first to last.

    size   units of the call
    work   what a unit takes, about, in ns on one thread
    step   units that a part has a multiple of, all but the last
    """

    size: int
    work: float
    arguments: Callable[[int, int], tuple[Any, ...]]
    step: int = 1


@dataclass(frozen=True, slots=True)
class Call:
    """A kernel and its arguments; arrays are C-contiguous, and whoever owns the Program keeps them where they are."""

    kernel: Callable[..., None]
    arguments: tuple[Any, ...]
    refused: Callable[[], Any] | None = None  # says what is wrong with inputs for which the kernel raises ZeroDivisionError
    cut: Cut | None = None


def along_first_axis(call: Call, positions: Sequence[int], work: float, step: int = 1) -> Call:
    """The call with the arrays at some positions of its arguments cut along their first axes, all of one size.

    positions  may count from the last argument, -1; work, step: see Cut
    """
    chosen = [position % len(call.arguments) for position in positions]

    def arguments(first: int, last: int) -> tuple[Any, ...]:
        return tuple(a[first:last] if p in chosen else a for p, a in enumerate(call.arguments))

    return replace(call, cut=Cut(len(call.arguments[chosen[0]]), work, arguments, step))


def stages(calls: Sequence[Call], num_threads: int) -> list[list[list[Call]]]:
    """The calls as stages, one after the other; the parts of a stage run in any order; a part is calls in their order."""
    counts = [_count(call.cut, num_threads) for call in calls]
    work = sum(call.cut.size * call.cut.work for call, count in zip(calls, counts) if call.cut is not None and count > 1)
    found: list[list[list[Call]]] = []
    for call, count in zip(calls, counts):
        if count > 1 and work >= WORTH:
            found.append([[part] for part in _parts(call, count)])
        elif found and len(found[-1]) == 1:
            found[-1][0].append(call)
        else:
            found.append([[call]])
    return found


def _count(cut: Cut | None, num_threads: int) -> int:
    """Of parts."""
    if cut is None or num_threads == 1:
        return 1
    count = min(-(-cut.size // cut.step), num_threads * PER_THREAD, int(cut.size * cut.work / LEAST))
    return count if count < num_threads else count // num_threads * num_threads


def _parts(call: Call, count: int) -> list[Call]:
    cut = call.cut
    assert cut is not None
    edges = np.minimum(np.arange(count + 1) * -(-cut.size // cut.step) // count * cut.step, cut.size).tolist()
    return [replace(call, arguments=cut.arguments(first, last), cut=None) for first, last in itertools.pairwise(edges)]
