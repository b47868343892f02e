"""Which windows the delegate's pooling takes, and what it demands of quantized tensors that are moved as they are."""

from __future__ import annotations

from ..node import Node, Operand
from ._delegate import has_plain_activation


def takes_window(node: Node) -> bool:
    """Strides do not exceed the filter, a filter of one pixel only with strides of 1."""
    strides = [node.options.get(f"stride_{letter}", 0) for letter in "hw"]
    sizes = [node.options.get(f"filter_{name}", 0) for name in ("height", "width")]
    fits = all(0 < stride <= size for stride, size in zip(strides, sizes))
    return fits and not (sizes == [1, 1] and max(strides) > 1) and has_plain_activation(node)


def expect_same_quantization(node: Node, x: Operand, y: Operand) -> None:
    """Refuse different scales or zero points, with which the delegate fails to prepare the model."""
    same = x.scale == y.scale and x.zero_point == y.zero_point
    found = f"{x.scale} and {x.zero_point}, {y.scale} and {y.zero_point}"
    node.expect(same, f"scale and zero point of {x} and {y} are {found}; XNNPACK refuses them unless they are equal")
