"""The axes of a reduction as the kernels see them."""

from __future__ import annotations

from qref.ops.node import Shape


def merge_axes(shape: Shape, axes: Shape, *, drop_ones: bool) -> tuple[list[int], list[bool]]:
    """The sizes of the axes, those of one element dropped or not and neighbors of one kind merged, and which of them are reduced.

    >>> merge_axes((2, 3, 1, 5, 7), (1, 3), drop_ones=True)
    ([2, 15, 7], [False, True, False])
    """
    sizes: list[int] = []
    reduced: list[bool] = []
    for axis, size in enumerate(shape):
        if drop_ones and size == 1:
            continue
        if reduced and reduced[-1] == (axis in axes):
            sizes[-1] *= size
        else:
            sizes.append(size)
            reduced.append(axis in axes)
    return sizes, reduced
