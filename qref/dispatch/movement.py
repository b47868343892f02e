"""Operators that only move data as calls: where each element comes from is found by running the reference on their numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.dispatch.cut import Call, along_first_axis
from qref.kernels import movement as kernels
from qref.ops import (
    _pad,
    batch_to_space_nd,
    broadcast_to,
    depth_to_space,
    dilate,
    dynamic_update_slice,
    fill,
    gather_nd,
    matrix_diag,
    matrix_set_diag,
    mirror_pad,
    pack,
    resize_nearest_neighbor,
    reverse_sequence,
    reverse_v2,
    slice,
    space_to_batch_nd,
    space_to_depth,
    split,
    split_v,
    stablehlo_pad,
    strided_slice,
    tile,
    transpose,
    unpack,
    zeros_like,
)
from qref.ops._movement import FIRST_NUMBER

Constants = Sequence[np.ndarray | None]


def moves(reference: Callable[..., Any], *positions: int) -> Callable[..., list[Call] | None]:
    """The calls of an operator that moves the elements of the inputs at some positions, of all without any.

    The reference runs on numbers in their place, twice, so that a constant is told from a number.
    """

    def calls(plan: Any, constants: Constants, inputs: Sequence[Any], outputs: Sequence[np.ndarray]) -> list[Call] | None:
        moving = positions or range(len(inputs))
        if any(x is not None and c is None for i, (x, c) in enumerate(zip(inputs, constants)) if i not in moving):
            return None
        numbered, starts, start = [], {}, FIRST_NUMBER
        fractions = any(constant is not None and constant.dtype.kind == "f" for constant in constants)
        for position, (x, constant) in enumerate(zip(inputs, constants)):
            if x is None or constant is not None:
                numbered.append(constant if constant is None or position not in moving else constant.astype(np.int64))
                continue
            numbered.append(start + np.arange(x.size, dtype=np.int64).reshape(x.shape))
            starts[position], start = start, start + x.size
        again = [x + FIRST_NUMBER if i in starts else x for i, x in enumerate(numbered)]  # type: ignore[operator]
        found: list[Call] = []
        for numbers, others, y in zip(_run(reference, numbered, plan), _run(reference, again, plan), outputs, strict=True):
            target, fixed = y.reshape(-1), np.flatnonzero(numbers == others)
            if numbers.dtype != np.int64 or (fixed.size and fractions):  # which the numbers have lost
                return None
            found += moved(numbers[fixed].astype(y.dtype), np.arange(fixed.size), fixed, target)
            moves = numbers != others
            for position, first in starts.items():
                places = np.flatnonzero(moves & (numbers >= first) & (numbers < first + inputs[position].size))
                found += moved(inputs[position].reshape(-1), numbers[places] - first, places, target)
        return found

    return calls


def _run(reference: Callable[..., Any], inputs: Sequence[Any], plan: Any) -> list[np.ndarray]:
    results = reference(*inputs, plan)
    return [y.reshape(-1) for y in (results if isinstance(results, tuple) else (results,))]


def moved(x: np.ndarray, sources: np.ndarray, targets: np.ndarray, y: np.ndarray) -> list[Call]:
    """The call that writes y [targets] = x [sources], all flat; none where there is nothing to write."""
    if not targets.size:
        return []
    bits = np.dtype(f"u{y.itemsize}")
    tables = (table.astype(np.int64).view(np.uint64) for table in runs(sources, targets))
    call = Call(kernels.move, (x.view(bits), *tables, y.view(bits)))
    count = len(call.arguments[1])
    return [along_first_axis(call, (1, 2, 3, 4), 3 + targets.size / count * 0.1)]


def runs(sources: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Runs in which targets go up by one and sources by one step: first source, step, first target, count of each."""
    steps = np.diff(sources)
    ends = np.diff(targets) != 1  # whether a run ends with an element
    turns = np.concatenate([[False], steps[1:] != steps[:-1]])[: steps.size] & ~ends
    turns[1:] &= ~ends[:-1]  # no step leads out of a run that ended
    place = np.arange(steps.size)
    chain = place - np.maximum.accumulate(np.where(turns, -1, place))  # 1, 2, ... where neighbors turn
    ends |= chain % 2 == 1  # the turn behind one that ends a run is none: its run begins there
    first = np.concatenate([[0], np.flatnonzero(ends) + 1])
    counts = np.diff(first, append=sources.size)
    step = np.where(counts > 1, np.append(steps, 1)[first], 1)
    return sources[first], step, targets[first], counts


CALLS: dict[Callable[..., Any], Callable[..., list[Call] | None]] = {
    **{
        reference: moves(reference)
        for reference in (
            _pad.pad,
            batch_to_space_nd.batch_to_space,
            depth_to_space.depth_to_space,
            mirror_pad.mirror_pad,
            pack.pack,
            reverse_v2.reverse,
            slice.slice_box,
            space_to_batch_nd.space_to_batch,
            space_to_depth.space_to_depth,
            split.split,
            split_v.split_v,
            strided_slice.strided_slice,
            tile.tile,
            transpose.transpose,
            unpack.unpack,
            zeros_like.zeros_like,
        )
    },
    broadcast_to.broadcast_to: moves(broadcast_to.broadcast_to, 0),
    dilate.dilate: moves(dilate.dilate, 0, 2),
    dynamic_update_slice.dynamic_update_slice: moves(dynamic_update_slice.dynamic_update_slice, 0, 1),
    fill.fill: moves(fill.fill, 1),
    gather_nd.gather_nd: moves(gather_nd.gather_nd, 0),
    matrix_diag.matrix_diag: moves(matrix_diag.matrix_diag, 0),
    matrix_set_diag.matrix_set_diag: moves(matrix_set_diag.matrix_set_diag, 0, 1),
    resize_nearest_neighbor.resize_nearest_neighbor: moves(resize_nearest_neighbor.resize_nearest_neighbor, 0),
    reverse_sequence.reverse_sequence: moves(reverse_sequence.reverse_sequence, 0),
    stablehlo_pad.stablehlo_pad: moves(stablehlo_pad.stablehlo_pad, 0, 1),
}
