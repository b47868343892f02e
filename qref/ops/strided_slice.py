"""STRIDED_SLICE: x[begin:end:stride, ...] as Python and NumPy write it.

Layout   x [...], begin [n], end [n], strides [n] int32 -> y
Types    every type; x and y alike

Bit i of a mask concerns entry i of begin, end and strides:
begin_mask, end_mask   the entry is left out: from the first, up to and with the last element
ellipsis_mask          the entry stands for as many whole axes as are not named
new_axis_mask          the entry makes a new axis of 1
shrink_axis_mask       the entry is an index: its axis goes
Axes behind the last entry are taken whole. Out of range, begin and end are clamped; an end of 0 gives an empty axis.
With `offset`, end counts from begin, nothing is clamped and of the masks only shrink_axis_mask applies: the kernel takes the
output's size from end alone and would write past it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qref.schema.enums import TensorType

from ._movement import EVERY_TYPE, copied, explain_copy, index_vector
from .node import Node, Prepared

MAX_ENTRIES = 31

Index = slice | int | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of begin, end and strides with the bits of the masks that concern it."""

    begin: int
    end: int
    stride: int
    from_first: bool
    to_last: bool
    ellipsis: bool
    new_axis: bool
    shrink: bool


def prepare(node: Node) -> Prepared:
    """Check the operands and derive NumPy's index."""
    return prepare_slice(node, zero_is_last=False)


def prepare_slice(node: Node, *, zero_is_last: bool) -> Prepared:
    """The same, where an end of 0 may stand for the end of its axis."""
    x, begin, end, strides = (node.input(position) for position in range(4))
    copied(node, x, *EVERY_TYPE)
    columns = [index_vector(node, operand, TensorType.INT32) for operand in (begin, end, strides)]
    counts = {len(column) for column in columns}
    node.expect(
        len(counts) == 1, f"begin, end and strides have {', '.join(str(len(c)) for c in columns)} entries; expected as many each"
    )
    node.expect(max(counts) <= MAX_ENTRIES, f"{max(counts)} entries; at most {MAX_ENTRIES} are allowed")
    masks = [node.options.get(f"{name}_mask", 0) for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")]
    entries = [Entry(*row, *(bool(mask >> i & 1) for mask in masks)) for i, row in enumerate(zip(*columns))]
    if zero_is_last:
        entries = [replace(entry, to_last=entry.to_last or entry.end == 0) for entry in entries]
    offset = bool(node.options.get("offset", False))
    node.expect(not (offset and any(masks[:4])), "with offset, only shrink_axis_mask may be set beside it")
    index = tuple(_index(node, entries, x.shape, offset))
    node.resize(0, np.broadcast_to(np.int8(0), x.shape)[index].shape)
    return Prepared(strided_slice, index, explain_copy(strided_slice, 0))


def _index(node: Node, entries: list[Entry], shape: tuple[int, ...], offset: bool) -> list[Index]:
    """NumPy's index: one entry for each axis of x, and None for each new one."""
    ellipses = sum(entry.ellipsis for entry in entries)
    node.expect(ellipses <= 1, f"ellipsis_mask names {ellipses} entries; at most one is allowed")
    named = sum(not (entry.ellipsis or entry.new_axis) for entry in entries)
    node.expect(named <= len(shape), f"{named} entries for a tensor of {len(shape)} dimensions")
    index: list[Index] = []
    axis = 0
    for entry in entries:
        if entry.ellipsis:
            whole = len(shape) - named
            index += [slice(None)] * whole
            axis += whole
        elif entry.new_axis:
            index.append(None)
        else:
            index.append(_of_axis(node, entry, axis, shape[axis], offset))
            axis += 1
    return index + [slice(None)] * (len(shape) - axis)


def _of_axis(node: Node, entry: Entry, axis: int, n: int, offset: bool) -> slice | int:
    node.expect(entry.stride != 0, f"the stride of axis {axis} is 0; expected another number")
    if offset and not entry.shrink:
        return _of_axis_with_offset(node, entry, axis, n)
    lowest, highest = (0, n) if entry.stride > 0 else (-1, n - 1)
    start = min(max(entry.begin + (n if entry.begin < 0 else 0), lowest), highest)
    if entry.from_first:
        start = 0 if entry.stride > 0 else n - 1
    if entry.shrink:
        inside = 0 <= start < n and entry.stride > 0
        node.expect(
            inside, f"index {entry.begin} with stride {entry.stride} does not name one of the {n} elements of axis {axis}"
        )
        return start
    stop = min(max(entry.end + (n if entry.end < 0 else 0), lowest), highest)
    if entry.to_last:
        stop = highest if entry.stride > 0 else lowest
    return slice(start, None if stop < 0 else stop, entry.stride) if start >= 0 else slice(0, 0)


def _of_axis_with_offset(node: Node, entry: Entry, axis: int, n: int) -> slice:
    start = entry.begin + (n if entry.begin < 0 else 0)
    inside = 0 <= start <= start + entry.end <= n and entry.stride > 0
    node.expect(
        inside, f"begin {entry.begin}, end {entry.end} and stride {entry.stride} with offset leave axis {axis} of {n} elements"
    )
    return slice(start, start + entry.end, entry.stride)


def strided_slice(x: np.ndarray, begin: np.ndarray, end: np.ndarray, strides: np.ndarray, index: tuple[Index, ...]) -> np.ndarray:
    """Return y."""
    return np.array(x[index])
