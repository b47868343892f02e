"""Constants stored as float16, with a DEQUANTIZE before the first operator: half the size, float32 arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qref.quantizer.conversions import conversion
from qref.quantizer.graph import Graph, Node, Value
from qref.schema import TensorType

GREATEST = float(np.finfo(np.float16).max)


def store_as_float16(graph: Graph, chosen: Callable[[Node], bool]) -> None:
    """Change the float constants that the `chosen` operators read, in place; what float16 cannot hold becomes its greatest."""
    expanded: dict[Value, Value] = {}
    for node in filter(chosen, graph.nodes):
        for value in node.inputs:
            if value is not None and value.data is not None and value.type == TensorType.FLOAT32 and value not in expanded:
                expanded[value] = Value(f"{value.name}_float32", TensorType.FLOAT32, value.shape)
                value.data = np.clip(value.data, -GREATEST, GREATEST).astype(np.float16)
                value.type = TensorType.FLOAT16
        node.inputs = [value if value is None else expanded.get(value, value) for value in node.inputs]
    graph.nodes = [*(conversion(half, whole) for half, whole in expanded.items()), *graph.nodes]
