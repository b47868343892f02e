"""Integer weights, float activations: the operator quantizes its input while it runs, row by row."""

from __future__ import annotations

from qref.quantizer import lstm, scales
from qref.quantizer.graph import Node
from qref.quantizer.integer import Hindered
from qref.quantizer.scales import Weights
from qref.schema import TensorType

LEAST_ELEMENTS = 1024  # of a constant that is worth it

# The inputs that hold weights, and the axis that has a scale for each slice: None for one scale.
WEIGHTS: dict[str, tuple[tuple[int, ...], int | None]] = {
    "CONV_2D": ((1,), 0),
    "DEPTHWISE_CONV_2D": ((1,), 3),
    "FULLY_CONNECTED": ((1,), 0),
    "BATCH_MATMUL": ((1,), None),
    "EMBEDDING_LOOKUP": ((1,), None),
    "SVDF": ((1,), None),
    "RNN": ((1, 2), None),
    "UNIDIRECTIONAL_SEQUENCE_RNN": ((1, 2), None),
    lstm.NAME: ((*range(lstm.INPUT_WEIGHTS, lstm.BIASES), lstm.PROJECTION), None),
}
WHOLE = (lstm.NAME, "RNN", "UNIDIRECTIONAL_SEQUENCE_RNN")  # all weights of one type


def weights_of(node: Node, bits: int, per_axis: bool = True) -> dict[int, Weights]:
    """The integers of an operator's weights by place among its inputs; empty where it has none that are worth it.

    bits       8, or 4 for FULLY_CONNECTED
    per_axis   whether each channel has a scale, where the operator allows it
    Raises Hindered where the operator has no such form.
    """
    constants = {
        position: value.data
        for position, value in enumerate(node.inputs)
        if value is not None and value.data is not None and value.type == TensorType.FLOAT32
    }
    if all(data.size < LEAST_ELEMENTS for data in constants.values()):
        return {}
    if node.name not in WEIGHTS or (bits == 4 and node.name != "FULLY_CONNECTED"):
        raise Hindered(f"there is no {node.name} with {bits}-bit weights and float activations")
    positions, axis = WEIGHTS[node.name]
    axis = axis if per_axis else None
    weights = {position: data for position, data in constants.items() if position in positions}
    large = {position: data for position, data in weights.items() if data.size >= LEAST_ELEMENTS}
    if len(large) < len(weights) and node.name in WHOLE:
        return {}
    return {position: scales.dynamic_range_weights(data, axis, bits) for position, data in large.items()}
