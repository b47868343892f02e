"""Where tensors lie in one piece of memory, an arena, in which those that do not live at the same time share bytes.

Greedy by size, as TensorFlow Lite plans: the greatest tensor first, each into the smallest gap that is wide enough between those
that live while it does. Inputs and outputs of the graph live all the time, so that they can be set and read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

ALIGNMENT = 64  # bytes; TensorFlow Lite's, and a line of the cache


@dataclass(frozen=True, slots=True)
class Placement:
    """A tensor in the arena."""

    tensor: int
    name: str
    bytes: int
    first: int  # the first operator that needs it
    last: int  # and the last
    offset: int = 0  # bytes from the start of the arena


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """The tensors that operators compute and the graph's inputs, by where they lie.

    bytes       of the arena
    unshared    bytes, if each tensor had its own
    """

    placements: tuple[Placement, ...]
    bytes: int
    unshared: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        rows = [f"{self.bytes:,} bytes; {self.unshared:,} if no tensors shared memory", "   offset      bytes  operators  tensor"]
        for p in self.placements:
            rows.append(f"{p.offset:9,}  {p.bytes:9,}  {f'{p.first}-{p.last}':>9}  {p.tensor} ({p.name!r})")
        return "\n".join(rows)


def plan(tensors: Iterable[Placement], alignment: int = ALIGNMENT) -> MemoryPlan:
    """Offsets for tensors, multiples of `alignment` bytes; what their own offsets are does not matter."""
    placed: list[Placement] = []
    for tensor in sorted(tensors, key=lambda t: (-t.bytes, t.first, t.tensor)):
        together = [other for other in placed if other.first <= tensor.last and tensor.first <= other.last]
        placed.append(replace(tensor, offset=_smallest_gap(tensor.bytes, together, alignment)))
    placed.sort(key=lambda t: (t.first, t.offset))
    return MemoryPlan(tuple(placed), max((t.offset + t.bytes for t in placed), default=0), sum(t.bytes for t in placed))


def _smallest_gap(size: int, others: Iterable[Placement], alignment: int) -> int:
    """The offset of the narrowest gap of at least `size` bytes between others; else behind them."""
    end, best = 0, None
    for other in sorted(others, key=lambda t: t.offset):
        gap = other.offset - end
        if gap >= size and (best is None or gap < best[0]):
            best = gap, end
        end = max(end, -(-(other.offset + other.bytes) // alignment) * alignment)
    return end if best is None else best[1]


class Arena:
    """The memory of a plan; `last`: the last operator that needs a tensor."""

    def __init__(self, plan: MemoryPlan):
        memory = np.zeros(plan.bytes + ALIGNMENT, np.uint8)
        self._memory = memory[-memory.ctypes.data % ALIGNMENT :][: plan.bytes]
        self._placements = {p.tensor: p for p in plan.placements}
        self.last = {p.tensor: p.last for p in plan.placements}

    def array(self, tensor: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """A tensor's bytes, as an array."""
        placement = self._placements[tensor]
        return self._memory[placement.offset :][: placement.bytes].view(dtype).reshape(shape)

    def holds(self, array: np.ndarray) -> bool:
        """Whether an array may lie in it."""
        return np.may_share_memory(array, self._memory)
