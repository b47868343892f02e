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
    concatenation,
    depth_to_space,
    mirror_pad,
    pack,
    reverse_v2,
    slice,
    space_to_batch_nd,
    space_to_depth,
    split,
    split_v,
    strided_slice,
    tile,
    transpose,
    unpack,
)
from qref.ops._movement import FIRST_NUMBER

SHORT_RUN = 8  # elements: where most runs are shorter and many, NumPy is faster
FEW = 4096

Constants = Sequence[np.ndarray | None]


def moves(reference: Callable[..., Any]) -> Callable[..., list[Call] | None]:
    """The calls of an operator that moves the elements of its inputs, one for each input and output."""

    def calls(plan: Any, constants: Constants, inputs: Sequence[Any], outputs: Sequence[np.ndarray]) -> list[Call] | None:
        if any(getattr(plan, "rescale", ())):
            return None
        numbered, starts, start = [], {}, FIRST_NUMBER
        for position, (x, constant) in enumerate(zip(inputs, constants)):
            if x is None or constant is not None:
                numbered.append(constant)
                continue
            numbered.append(start + np.arange(x.size, dtype=np.int64).reshape(x.shape))
            starts[position], start = start, start + x.size
        results = reference(*numbered, plan)
        results = results if isinstance(results, tuple) else (results,)
        found: list[Call] = []
        for numbers, y in zip(results, outputs, strict=True):
            numbers, target = numbers.reshape(-1), y.reshape(-1)
            fixed = np.flatnonzero(numbers < FIRST_NUMBER)
            if numbers.dtype != np.int64 or (fixed.size and y.dtype.kind == "f"):  # constants have lost their fractions
                return None
            parts = [(numbers[fixed].astype(y.dtype), np.arange(fixed.size), fixed)]
            for position, first in starts.items():
                places = np.flatnonzero((numbers >= first) & (numbers < first + inputs[position].size))
                parts.append((inputs[position].reshape(-1), numbers[places] - first, places))
            for source, at, places in parts:
                runs = _runs(at, places)
                if runs[2].size * SHORT_RUN > max(places.size, FEW):
                    return None
                bits = np.dtype(f"u{y.itemsize}")
                if places.size:
                    call = Call(kernels.move, (source.view(bits), *runs, target.view(bits)))
                    found.append(along_first_axis(call, (1, 2, 3), 3 + places.size * y.itemsize / runs[2].size / 20))
        return found

    return calls


def _runs(sources: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first source, the first target and the count of each run in which both go up by one."""
    breaks = np.flatnonzero((np.diff(sources) != 1) | (np.diff(targets) != 1)) + 1
    first = np.concatenate([[0], breaks])[: sources.size]
    return sources[first], targets[first], np.diff(first, append=sources.size)


CALLS: dict[Callable[..., Any], Callable[..., list[Call] | None]] = {
    reference: moves(reference)
    for reference in (
        _pad.pad,
        batch_to_space_nd.batch_to_space,
        concatenation.concatenation,
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
    )
}
