"""UNIDIRECTIONAL_SEQUENCE_LSTM in integers: what its states, intermediates, weights and biases are stored as.

Inputs   x 0; input weights 1-4, recurrent weights 5-8, peephole weights 9-11, biases 12-15; projection 16, its bias 17;
         output state 18, cell state 19; layer normalization 20-23
Rules    the output shares one encoding with its state, over both ranges; the cell state is int16 with a power of two; weights are
         int8 per tensor, peephole and normalization weights int16; a bias has the scale of the product that it is added to
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qref.quantizer import scales
from qref.quantizer.graph import Graph, Node, Value
from qref.quantizer.integer import Hindered, Reads, Rules, constant_of, known, range_of
from qref.quantizer.scales import Encoding, Range, Weights
from qref.schema import TensorType

NAME = "UNIDIRECTIONAL_SEQUENCE_LSTM"
GATES = range(4)
INPUT_WEIGHTS, RECURRENT_WEIGHTS, PEEPHOLE_WEIGHTS, BIASES, PROJECTION, PROJECTION_BIAS = 1, 5, 9, 12, 16, 17
OUTPUT_STATE, CELL_STATE, NORMALIZATION = 18, 19, 20
NORMALIZED_SCALE = 2.0**-10  # of what layer normalization gives, in units of its weights
COUPLED_CELL_SCALES = 2.0**-15, 2.0**-9  # of a cell state without an input gate: LiteRT has a tanh for these and those between
INTERMEDIATES = (
    *(f"input_to_{gate}_intermediate" for gate in ("input", "forget", "cell", "output")),
    "effective_hidden_scale_intermediate",
)
HIDDEN = 4  # the intermediate that holds the output before the projection


def settle(node: Node, ranges: Mapping[Value, Range], rules: Rules) -> dict[Value, Encoding]:
    """The encodings of states, output and intermediates.

    Raises Hindered where a range is missing, and for activations of 16 bits, with which no runtime of LiteRT has the operator.
    """
    if rules.type != TensorType.INT8:
        raise Hindered(f"there is no {NAME} with {rules.type.name} activations")
    output_state, cell_state, y = node.inputs[OUTPUT_STATE], node.inputs[CELL_STATE], node.outputs[0]
    assert output_state is not None
    assert cell_state is not None
    hidden = node.intermediates[HIDDEN] if len(node.intermediates) > HIDDEN else None
    for value in (output_state, cell_state, y, hidden):
        if value is None or value not in ranges:
            raise Hindered(f"no range is known for {value or 'its hidden state: it has no intermediate tensors'}")
    shared = scales.asymmetric(ranges[output_state].union(ranges[y]))
    assert hidden is not None
    settled = {output_state: shared, y: shared, hidden: scales.asymmetric(ranges[hidden])}
    settled[cell_state] = scales.power_of_two_int16(ranges[cell_state])
    if not has(node, INPUT_WEIGHTS):
        scale = min(max(settled[cell_state].scale, COUPLED_CELL_SCALES[0]), COUPLED_CELL_SCALES[1])
        settled[cell_state] = Encoding(TensorType.INT16, scale)
    if has(node, NORMALIZATION + 1):
        for gate in GATES:
            if has(node, NORMALIZATION + gate):
                value = node.intermediates[gate]
                if value not in ranges:
                    raise Hindered(f"no range is known for {value}")
                settled[value] = scales.symmetric_int16(ranges[value])
    return settled


def constants_of(node: Node, encoding: Reads) -> dict[int, Weights]:
    """The integers of its constants, by place among its inputs; Raises Hindered."""
    x = node.inputs[0]
    found = known(None if x is None else encoding(node, x), x)
    made: dict[int, Weights] = {}
    for position in (*range(INPUT_WEIGHTS, PEEPHOLE_WEIGHTS), PROJECTION):
        if has(node, position):
            made[position] = scales.symmetric_weights(constant_of(node, position), None)
    for position in (*range(PEEPHOLE_WEIGHTS, BIASES), *range(NORMALIZATION, NORMALIZATION + 4)):
        if has(node, position):
            data = constant_of(node, position)
            made[position] = scales.constant(data, scales.symmetric_int16(range_of(data)))
    for gate in GATES:
        if has(node, BIASES + gate):
            normal = NORMALIZATION + gate
            factors = (made[normal], NORMALIZED_SCALE) if normal in made else (made[INPUT_WEIGHTS + gate], found.scale)
            made[BIASES + gate] = _bias(node, BIASES + gate, *factors)
    if has(node, PROJECTION_BIAS):
        hidden = encoding(node, node.intermediates[HIDDEN])
        assert hidden is not None
        made[PROJECTION_BIAS] = _bias(node, PROJECTION_BIAS, made[PROJECTION], hidden.scale)
    return made


def add_intermediates(graph: Graph) -> None:
    """A rewrite: give each LSTM without intermediate tensors the five that say how it rounds between its steps."""
    for node in graph.nodes:
        if node.name == NAME and not node.intermediates:
            node.intermediates = [Value(name, TensorType.FLOAT32, (0,)) for name in INTERMEDIATES]


def has(node: Node, position: int) -> bool:
    """Whether an optional input is there."""
    return position < len(node.inputs) and node.inputs[position] is not None


def _bias(node: Node, position: int, weights: Weights, scale: float) -> Weights:
    product = scale * weights.quantization.scale.astype(np.float64)
    return scales.bias(constant_of(node, position), product.astype(np.float32))
