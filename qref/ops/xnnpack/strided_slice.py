"""STRIDED_SLICE in XNNPACK: as the reference, but an end of 0 stands for the end of its axis.

Taken are float32, int8 and uint8 with constant begin, end and strides, all strides 1, one entry for each axis, no ellipsis,
no new and no shrunk axes; all else is left to LiteRT.
Source   facts verified in tests/ops/test_elementwise_runtimes.py
"""

from __future__ import annotations

from qref.ops import strided_slice as reference
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType

from ._delegate import has_rank, is_float32, is_q8, is_static


def prepare(node: Node) -> Prepared | None:
    """Derive NumPy's index; None for what the delegate leaves."""
    if len(node.inputs) != 4 or len(node.outputs) != 1 or None in node.inputs:
        return None
    x, begin, end, strides = node.inputs
    if not any(fits(x) and fits(node.output()) for fits in (is_float32, is_q8)):
        return None
    masked = any(node.options.get(f"{name}_mask", 0) for name in ("ellipsis", "new_axis", "shrink_axis"))
    constant = all(is_static(node, o) and o.type == TensorType.INT32 for o in (begin, end, strides))  # type: ignore[union-attr]
    if masked or not constant or node.options.get("offset", False) or not has_rank(x, 1):  # type: ignore[arg-type]
        return None
    steps = strides.constant.reshape(-1)  # type: ignore[union-attr]
    if len(steps) != len(x.shape) or not (steps == 1).all():  # type: ignore[union-attr]
        return None
    return reference.prepare_slice(node, zero_is_last=True)
