"""SVDF in integers: what its state, weights and bias are stored as.

Inputs   x 0; feature weights 1, time weights 2, bias 3; state 4
Rules    feature weights int8 per tensor; time weights int16 of 10 bits, so that 64 products with the int16 state fit in 32 bits;
         the bias has the scale of such a product
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qref.quantizer import scales
from qref.quantizer.graph import Node, Value
from qref.quantizer.integer import Hindered, Reads, Rules, constant_of, known
from qref.quantizer.scales import Encoding, Range, Weights
from qref.schema import TensorType

NAME = "SVDF"
FEATURE_WEIGHTS, TIME_WEIGHTS, BIAS, STATE = range(1, 5)
TIME_MAGNITUDE = 512  # the integer of the greatest time weight


def settle(node: Node, ranges: Mapping[Value, Range], rules: Rules) -> dict[Value, Encoding]:
    """The encoding of the state.

    Raises Hindered where its range is missing, and for activations of 16 bits, with which no runtime has the operator.
    """
    if rules.type != TensorType.INT8:
        raise Hindered(f"there is no {NAME} with {rules.type.name} activations")
    state = node.inputs[STATE]
    if state is None or state not in ranges:
        raise Hindered(f"no range is known for {state}")
    return {state: scales.symmetric_int16(ranges[state])}


def constants_of(node: Node, encoding: Reads) -> dict[int, Weights]:
    """The integers of its constants, by place among its inputs; raises Hindered."""
    for value in (node.inputs[0], node.inputs[STATE], node.outputs[0]):
        known(None if value is None else encoding(node, value), value)
    time = constant_of(node, TIME_WEIGHTS)
    limit = scales.widened(scales.magnitudes(time, None))
    time_scale = Encoding(TensorType.INT16, float(limit[0] / np.float32(TIME_MAGNITUDE)))
    made = {
        FEATURE_WEIGHTS: scales.symmetric_weights(constant_of(node, FEATURE_WEIGHTS), None),
        TIME_WEIGHTS: scales.constant(time, time_scale),
    }
    state = node.inputs[STATE]
    assert state is not None
    if node.inputs[BIAS] is not None:
        scale = np.array([time_scale.scale * known(encoding(node, state), state).scale], np.float32)
        made[BIAS] = scales.bias(constant_of(node, BIAS), scale)
    return made
