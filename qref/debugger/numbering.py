"""The numbers that tensors have in the debug model which TensorFlow's converter makes, as its CSV tells them.

First come the inputs, the constants of the quantized graph and those of the float operators that it lacks, the states of float
LSTMs and the conversion of inputs that are integers. Then, operator by operator: the float twin's intermediates and outputs; the
quantized operator's states, intermediates and outputs; for each float output the result of the comparison; and the output as
float, where something reads it so.
"""

from __future__ import annotations

from collections.abc import Iterable

from qref.debugger.align import CONVERSIONS, Alignment, Stripped
from qref.debugger.constants import is_quantized
from qref.quantizer.graph import Graph, Node, Value
from qref.schema import TensorType


def tensor_numbers(float_graph: Graph, quantized_graph: Graph, alignment: Alignment) -> dict[Value, int]:
    """The number of each output of an aligned operator of the quantized graph."""
    stripped, pairs = Stripped(quantized_graph), {pair.node: pair for pair in alignment.pairs}
    verified = {node for node in pairs if any(is_quantized(value) for value in node.outputs)}
    twins = [node for pair in alignment.pairs if pair.node in verified for node in pair.region]
    variables = {value for node in twins for value in node.inputs if value is not None and value.is_variable}
    constants = _constants(quantized_graph.nodes)
    lacking = set(_constants(twins).values()) - set(constants.values())
    number = len(quantized_graph.inputs) + len(constants) + len(lacking) + len(variables)
    read_as_float = {v for node in quantized_graph.nodes if node.name == "DEQUANTIZE" for v in stripped.inputs(node)}
    read_as_float |= {value for node in verified for value in stripped.inputs(node)}
    number += sum(is_quantized(value) for value in quantized_graph.inputs)
    found: dict[Value, int] = {}
    for node in quantized_graph.nodes:
        if node.name == "DEQUANTIZE":
            continue
        if node.name in CONVERSIONS:
            number += 1
            continue
        if node in verified:
            number += len(node.intermediates) + sum(len(twin.outputs) for twin in pairs[node].region)
        number += sum(value is not None and value.is_variable for value in node.inputs) + len(node.intermediates)
        for value in node.outputs:
            found[value] = number
            number += 1
        for value in node.outputs:
            real = value.type != TensorType.FLOAT32 and value.quantization is not None
            number += (node in verified and real) + (real and value in read_as_float)
    return found


def _constants(nodes: Iterable[Node]) -> dict[Value, tuple]:
    """The constants that operators read, each with what makes two of them equal."""
    values = dict.fromkeys(value for node in nodes for value in node.inputs if value is not None and value.data is not None)
    return {
        v: (v.type, v.shape, v.data.tobytes(), b"" if v.quantization is None else v.quantization.scale.tobytes())
        for v in values
        if v.data is not None
    }
