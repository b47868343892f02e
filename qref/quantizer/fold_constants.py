"""A rewrite: an operator of which every input is constant becomes its result, as qref's interpreter gives it.

So the weights of a float16 file, each behind a DEQUANTIZE, are floats again, and can be quantized.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from qref.errors import ModelError
from qref.interpreter import Interpreter
from qref.quantizer.graph import Graph, Node, assemble
from qref.schema import Model

MOST_GROWTH = 4  # a result of more bytes than so many times its operands' is better computed than stored


def fold_constants(model: Model, graph: Graph) -> None:
    """Fold a graph of the model in place; what cannot run by itself stays: control flow, resources, unknown operators."""
    for node in list(graph.nodes):
        operands = [value for value in node.inputs if value is not None]
        if not operands or any(value.data is None for value in operands):
            continue
        results = _results(model, node)
        size = sum(value.data.nbytes for value in operands if value.data is not None)
        if results is None or sum(result.nbytes for result in results) > MOST_GROWTH * size:
            continue
        for value, result in zip(node.outputs, results):
            value.data, value.shape = result, result.shape
        graph.nodes.remove(node)


def _results(model: Model, node: Node) -> list[np.ndarray] | None:
    alone = assemble(dataclasses.replace(model, signatures=(), metadata=()), [Graph("", [], node.outputs, [node])])
    try:
        interpreter = Interpreter(model_content=alone, kernels="numpy")
        interpreter.allocate_tensors()
        interpreter.invoke()
    except ModelError:
        return None
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]
