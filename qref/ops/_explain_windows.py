"""Which elements of image and filter meet at an output element, in plain Python; nothing of the references."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from ._convolution import Axis

Index = tuple[int, ...]
Meeting = tuple[Index, Index]  # indices into the input and into the weights, of the elements that are multiplied


def taps_on_image(axes: Sequence[Axis], position: Sequence[int]) -> Iterator[tuple[Index, Index]]:
    """The taps of an output position that lie inside the image, and where; the last axis runs fastest.

    >>> list(taps_on_image([Axis(5, 3, 3, stride=2, dilation=1, padding=1)], [0]))
    [((1,), (0,)), ((2,), (1,))]
    """
    for tap in _taps(axes):
        place = tuple(p * axis.stride + t * axis.dilation - axis.padding for p, t, axis in zip(position, tap, axes))
        if all(0 <= p < axis.image_size for p, axis in zip(place, axes)):
            yield tap, place


def taps_on_output(axes: Sequence[Axis], position: Sequence[int], *, descending: bool = False) -> Iterator[tuple[Index, Index]]:
    """Of a transposed convolution: the taps by which inputs reach an output position, and where those inputs are.

    >>> list(taps_on_output([Axis(5, 3, 3, stride=2, dilation=1, padding=1)], [1]))
    [((0,), (1,)), ((2,), (0,))]
    """
    taps = list(_taps(axes))
    for tap in reversed(taps) if descending else taps:
        steps = [p + axis.padding - t * axis.dilation for p, t, axis in zip(position, tap, axes)]
        place = tuple(step // axis.stride for step, axis in zip(steps, axes))
        if all(step % axis.stride == 0 and 0 <= p < axis.output_size for step, p, axis in zip(steps, place, axes)):
            yield tap, place


def _taps(axes: Sequence[Axis]) -> Iterator[Index]:
    return itertools.product(*(range(axis.filter_size) for axis in axes))


def values(x: np.ndarray, w: np.ndarray, meetings: Sequence[Meeting]) -> list[tuple[int, int]]:
    """The elements that meet, as Python numbers."""
    return [(x[i].item(), w[j].item()) for i, j in meetings]


def places(shape: Sequence[int], indices: Sequence[Index]) -> list[int]:
    """The positions of elements in memory within the part of an array that one first index holds."""
    return [int(np.ravel_multi_index(index[1:], tuple(shape[1:]))) for index in indices]
