"""Windows that slide over an image: how filter, image and output meet along an axis, and the sums over all taps.

(1)  image position = output position * stride + tap * dilation - padding
(2)  SAME:   output_size = ceil(image_size / stride);  VALID: as many windows as fit into the image
(3)  padding before the image = max(0, (output_size - 1) * stride + (filter_size - 1) * dilation + 1 - image_size) / 2, floor

Taps outside the image contribute nothing. Transposed, the roles of image and output are exchanged.
Source: TFLite, padding.h.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.arithmetic.fixed_point import INT16_MAX
from qref.schema.enums import Padding

from ._matmul import integer_matmul
from .node import Node, Operand, Shape

Tap = tuple[int, ...]
Region = tuple[slice, ...]
MultiplyAdd = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # of two factors and the sum so far


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the image under a sliding window."""

    image_size: int
    filter_size: int
    output_size: int
    stride: int
    dilation: int
    padding: int  # before the image

    @property
    def padded_size(self) -> int:
        """How far the last window reaches from where the first begins, and the whole image at least."""
        reach = (self.output_size - 1) * self.stride + (self.filter_size - 1) * self.dilation + 1
        return max(reach, self.padding + self.image_size)

    def overlap(self, tap: int) -> tuple[slice, slice] | None:
        """The output positions at which a tap lies inside the image, and the image positions there; None if nowhere."""
        offset = tap * self.dilation - self.padding
        first = max(0, -(offset // self.stride))
        last = min(self.output_size - 1, (self.image_size - 1 - offset) // self.stride)
        if first > last:
            return None
        start = first * self.stride + offset
        return slice(first, last + 1), slice(start, last * self.stride + offset + 1, self.stride)


def window(padding: Padding, image_size: int, filter_size: int, stride: int, dilation: int) -> Axis:
    """The axis by equations (2) and (3); a window that fits nowhere has the output size 0.

    >>> window(Padding.SAME, 5, 3, 2, 1)
    Axis(image_size=5, filter_size=3, output_size=3, stride=2, dilation=1, padding=1)
    """
    reach = (filter_size - 1) * dilation + 1
    span = image_size + stride - (1 if padding == Padding.SAME else reach)
    output_size = max(0, span // stride)
    before = max(0, (output_size - 1) * stride + reach - image_size) // 2
    return Axis(image_size, filter_size, output_size, stride, dilation, before)


def windows(
    node: Node, image: Shape, filter: Shape, names: Sequence[str] = ("h", "w"), *, dilated: bool = True
) -> tuple[Axis, ...]:
    """The axes of a convolution: spatial sizes of image and filter, the rest from the operator's options.

    names  of the axes in the options: stride_h and dilation_h_factor, ...
    """
    padding = node.options.get("padding", 0)
    node.expect(padding in set(Padding), f"padding is {padding}; expected 0 (SAME) or 1 (VALID)")
    axes = []
    for name, image_size, filter_size in zip(names, image, filter):
        stride = node.options.get(f"stride_{name}", 0)
        dilation = node.options.get(f"dilation_{name}_factor", 1) if dilated else 1
        node.expect(0 < stride <= INT16_MAX, f"stride_{name} is {stride}; expected 1 to {INT16_MAX}")
        node.expect(0 < dilation <= INT16_MAX, f"dilation_{name}_factor is {dilation}; expected 1 to {INT16_MAX}")
        node.expect(image_size > 0, f"the image has the size {image_size} along {name}; expected 1 or more")
        node.expect(filter_size > 0, f"the filter has the size {filter_size} along {name}; expected 1 or more")
        reach = (filter_size - 1) * dilation + 1
        fits = padding == Padding.SAME or reach < image_size + 2 * stride
        node.expect(fits, f"the filter reaches over {reach} positions along {name}, the image has {image_size}; use padding SAME")
        axes.append(window(Padding(padding), image_size, filter_size, stride, dilation))
        node.expect(
            axes[-1].padding <= INT16_MAX, f"the padding along {name} is {axes[-1].padding}; expected {INT16_MAX} at most"
        )
    return tuple(axes)


def resize_to_windows(node: Node, batch: int, axes: Sequence[Axis], channels: int) -> None:
    """Set the output's shape [batch, ..., channels]."""
    node.expect(channels > 0, "the filter has no output channels; expected 1 or more")
    node.resize(0, (batch, *(axis.output_size for axis in axes), channels))


def expect_rank(node: Node, operand: Operand, *layout: str) -> None:
    """The operand has one dimension for each letter of the layout."""
    message = f"{operand} has shape {list(operand.shape)}; expected {len(layout)} dimensions [{', '.join(layout)}]"
    node.expect(len(operand.shape) == len(layout), message)


def overlaps(axes: Sequence[Axis], *, descending: bool = False) -> Iterator[tuple[Tap, Region, Region]]:
    """Every tap that meets the image: the tap, where in the output, where in the image; the last axis runs fastest."""
    ranges = [range(axis.filter_size)[:: -1 if descending else 1] for axis in axes]
    for tap in itertools.product(*ranges):
        regions = [region for axis, position in zip(axes, tap) if (region := axis.overlap(position)) is not None]
        if len(regions) == len(axes):
            output, image = zip(*regions)
            yield tap, (slice(None), *output), (slice(None), *image)


def _by_tap(w: np.ndarray) -> np.ndarray:
    """The weights [O, ..., C] as [..., O, C], indexed by the tap."""
    return np.moveaxis(w, 0, -2)


def integer_convolution(x: np.ndarray, w: np.ndarray, axes: Sequence[Axis], groups: int = 1) -> np.ndarray:
    """acc[b, p, o] = sum over taps k and channels c of x[b, image position of (p, k), c] * w[o, k, c]; exact, int64.

    x [B, ..., groups * C] and w [O, ..., C] are integers, offsets already added; output channel o is of group o // (O / groups).
    """
    batch, filters = len(x), len(w) // groups
    acc = np.zeros((batch, *(axis.output_size for axis in axes), groups, filters), np.int64)
    x, taps = x.astype(np.float64).reshape(*x.shape[:-1], groups, w.shape[-1]), _by_tap(w.astype(np.float64))
    for tap, output, image in overlaps(axes):
        for group in range(groups):
            weights = taps[tap][group * filters : (group + 1) * filters]
            acc[output][..., group, :] += integer_matmul(x[image][..., group, :], weights)
    return acc.reshape(*acc.shape[:-2], groups * filters)


def multiply_add(a: np.ndarray, b: np.ndarray, acc: np.ndarray) -> np.ndarray:
    """Return acc + a * b, in floating point rounded twice."""
    return acc + a * b


@np.errstate(all="ignore")
def sequential_convolution(
    x: np.ndarray,
    w: np.ndarray,
    axes: Sequence[Axis],
    groups: int = 1,
    *,
    start: np.ndarray | float = 0,
    step: MultiplyAdd = multiply_add,
) -> np.ndarray:
    """The same in float32: each sum begins with `start` and runs over taps in order, within a tap over channels, step by step."""
    filters, depth = len(w) // groups, w.shape[-1]
    acc = np.empty((len(x), *(axis.output_size for axis in axes), groups * filters), np.float32)
    acc[...] = start
    acc = acc.reshape(*acc.shape[:-1], groups, filters)
    x, taps = x.reshape(*x.shape[:-1], groups, depth), _by_tap(w)
    for tap, output, image in overlaps(axes):
        weights = taps[tap].reshape(groups, filters, depth)
        for channel in range(depth):
            acc[output] = step(x[image][..., channel, None], weights[..., channel], acc[output])
    return acc.reshape(*acc.shape[:-2], groups * filters)


def depthwise_convolution(
    x: np.ndarray, w: np.ndarray, axes: Sequence[Axis], multiplier: int, *, start: np.ndarray | float = 0
) -> np.ndarray:
    """acc[b, p, c * multiplier + m] = sum over taps k of x[b, image position of (p, k), c] * w[k, c * multiplier + m].

    In the type of x and w, int64 or float32; begins with `start`. x [B, H, W, C], w [KH, KW, C * multiplier].
    """
    x = np.repeat(x, multiplier, axis=-1)
    acc = np.empty((len(x), *(axis.output_size for axis in axes), x.shape[-1]), x.dtype)
    acc[...] = start
    with np.errstate(all="ignore"):
        for tap, output, image in overlaps(axes):
            acc[output] = multiply_add(x[image], w[tap], acc[output])
    return acc


def patches(x: np.ndarray, axes: Sequence[Axis]) -> np.ndarray:
    """What the taps of every output position see, [B, ..., taps * C], 0 outside the image."""
    sizes = [axis.filter_size for axis in axes]
    found = np.zeros((len(x), *(axis.output_size for axis in axes), *sizes, x.shape[-1]), x.dtype)
    for tap, output, image in overlaps(axes):
        place: Any = (*output, *tap)
        found[place] = x[image]
    return found.reshape(*found.shape[: len(axes) + 1], math.prod(sizes) * x.shape[-1])


def integer_transposed_convolution(x: np.ndarray, w: np.ndarray, axes: Sequence[Axis]) -> np.ndarray:
    """acc[b, i * stride + k - padding, o] += sum over channels c of x[b, i, c] * w[o, k, c] for every input position i; int64.

    In `axes` the image is the output of this operator, and the output is its input.
    """
    acc, taps = np.zeros((len(x), *(axis.image_size for axis in axes), len(w)), np.int64), _by_tap(w)
    for tap, source, target in overlaps(axes):
        acc[target] += integer_matmul(x[source], taps[tap])
    return acc


@np.errstate(all="ignore")
def sequential_transposed_convolution(
    x: np.ndarray,
    w: np.ndarray,
    axes: Sequence[Axis],
    *,
    start: np.ndarray | float = 0,
    step: MultiplyAdd = multiply_add,
    ascending_taps: bool = False,
) -> np.ndarray:
    """The same in float32: what meets at an output element is added in ascending input position, within it by channel.

    With one input position a single tap reaches a given output element, and ascending positions mean descending taps.
    start           what each sum begins with
    ascending_taps  whether what meets at an output element is added in ascending taps instead
    """
    acc, taps = np.empty((len(x), *(axis.image_size for axis in axes), len(w)), np.float32), _by_tap(w)
    acc[...] = start
    for tap, source, target in overlaps(axes, descending=not ascending_taps):
        for channel in range(x.shape[-1]):
            acc[target] = step(x[source][..., channel, None], taps[tap][:, channel], acc[target])
    return acc
