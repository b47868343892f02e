"""A rewrite: MUL, ADD and SUB by constants after a convolution or matmul become part of its weights and bias.

    (x . w + b) * m + a  =  x . (w * m) + (b * m + a)

m and a have one number, or one for each output channel. The products are taken in float32, so float results change in their last
bits; there is one tensor less to lose accuracy in.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from qref.quantizer.graph import Graph, Node, Value, assemble, read
from qref.quantizer.scales import along
from qref.quantizer.specification import SPECIFICATIONS
from qref.schema import Model, Options, TensorType

FOLDABLE = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
ACTIVATION = "fused_activation_function"


def fold_batch_norm(model: Model) -> Model:
    """The model with every such operator folded; a fused activation of the last one goes to the convolution."""
    graphs = read(model)
    for graph in graphs:
        while any(_fold(graph, node) for node in graph.nodes):
            pass
    return assemble(model, graphs)


def _fold(graph: Graph, node: Node) -> bool:
    """Fold one operator into the one before it, if they are such; tell whether."""
    found = _constant_operand(node)
    if found is None:
        return False
    x, c = found
    before = graph.producer().get(x)
    if before is None or before.name not in FOLDABLE or x in graph.outputs or len(graph.consumers()[x]) > 1:
        return False
    places = SPECIFICATIONS[before.name]
    assert places.weights is not None
    assert places.bias is not None
    w, b = before.inputs[places.weights], before.inputs[places.bias] if places.bias < len(before.inputs) else None
    channels = x.shape[-1] if x.shape else 0
    computed = w is None or w.data is None or (b is not None and b.data is None)
    if computed or before.source.options.get(ACTIVATION, 0) or c.size not in (1, channels) or c.size != (c.shape or (1,))[-1]:
        return False
    vector = np.broadcast_to(c.reshape(-1), channels)
    bias = np.zeros(channels, np.float32) if b is None else b.data
    weights: Any = w.data  # type: ignore[union-attr]
    if node.name == "MUL":
        weights, bias = weights * along(vector, weights, places.axis), bias * vector
    else:
        bias = bias + vector if node.name == "ADD" else bias - vector
    inputs = [*before.inputs, *[None] * (places.bias + 1 - len(before.inputs))]
    inputs[places.weights] = dataclasses.replace(w, data=weights, index=None)  # type: ignore[type-var]
    name = b.name if b is not None else f"{x.name}_bias"
    inputs[places.bias] = Value(name, TensorType.FLOAT32, (channels,), bias)
    before.inputs, before.outputs = inputs, node.outputs
    options = before.source.options
    values = {**options.values, ACTIVATION: node.source.options.get(ACTIVATION, 0)}
    before.source = dataclasses.replace(before.source, options=Options(options.table, values))
    graph.nodes.remove(node)
    return True


def _constant_operand(node: Node) -> tuple[Value, np.ndarray] | None:
    """What is computed and what is constant, of a MUL, ADD or SUB on float32; None of others."""
    if node.name not in ("MUL", "ADD", "SUB"):
        return None
    a, b = node.inputs
    if a is None or b is None or a.type != TensorType.FLOAT32 or (a.data is None) == (b.data is None):
        return None
    x, constant = (a, b) if a.data is None else (b, a)
    if x.shape != node.outputs[0].shape or (node.name == "SUB" and x is b):
        return None
    return None if constant.data is None else (x, constant.data)
