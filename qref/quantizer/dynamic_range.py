"""Integer weights, float activations: the operator quantizes its input while it runs, row by row."""

from __future__ import annotations

from qref.quantizer import lstm, scales
from qref.quantizer.graph import Node
from qref.quantizer.integer import Hindered
from qref.quantizer.scales import Weights
from qref.quantizer.specification import SPECIFICATIONS
from qref.schema import TensorType

LEAST_ELEMENTS = 1024  # of a constant that is worth it

# The inputs that hold weights, all with one scale.
PER_TENSOR = {
    lstm.NAME: (*range(1, 12), lstm.PROJECTION),
    "BATCH_MATMUL": (1,),
    "EMBEDDING_LOOKUP": (1,),
    "RNN": (1, 2),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (1, 2),
    "SVDF": (1,),
}
WHOLE = (lstm.NAME, "RNN", "UNIDIRECTIONAL_SEQUENCE_RNN")  # all weights of one type
PER_AXIS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def weights_of(node: Node, bits: int, least_elements: int = LEAST_ELEMENTS) -> dict[int, Weights]:
    """The integers of an operator's weights by place among its inputs; empty where all of them are too small.

    bits   8, or 4 for FULLY_CONNECTED
    Raises Hindered where the operator has no such form.
    """
    if node.name not in PER_AXIS and node.name not in PER_TENSOR:
        raise Hindered(f"there is no {node.name} with integer weights and float activations")
    if bits == 4 and node.name != "FULLY_CONNECTED":
        raise Hindered(f"{node.name} takes no 4-bit weights with float activations")
    specification = SPECIFICATIONS.get(node.name)
    positions = (specification.weights,) if node.name in PER_AXIS and specification is not None else PER_TENSOR[node.name]
    axis = specification.axis if node.name in PER_AXIS and specification is not None else None
    constants = {
        position: value.data
        for position, value in enumerate(node.inputs)
        if position in positions and value is not None and value.data is not None and value.type == TensorType.FLOAT32
    }
    small = [position for position, data in constants.items() if data.size < least_elements]
    if small and node.name in WHOLE:
        return {}
    return {
        position: scales.dynamic_range_weights(data, axis, bits) for position, data in constants.items() if position not in small
    }
