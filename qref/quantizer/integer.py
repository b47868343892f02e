"""An operator that computes with integers: what its constants become, or what hinders it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from qref.quantizer import scales
from qref.quantizer.graph import Node, Value
from qref.quantizer.scales import Encoding, Range, Weights
from qref.quantizer.sharing import Shared, share, share_forward
from qref.quantizer.specification import SPECIFICATIONS, Specification
from qref.schema import TensorType

Reads = Callable[[Node, Value], Encoding | None]


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs between integer activations of 8 and of 16 bits.

    type         of activations
    activation   from a range to an encoding
    weights      (constant, axis or None, bits) -> integers
    bias         the type of a bias
    share        which tensors share a scale, as in sharing.py
    """

    type: TensorType
    activation: Callable[[Range], Encoding]
    weights: Callable[[np.ndarray, int | None, int], Weights]
    bias: TensorType
    share: Callable[..., Shared]


INT8 = Rules(TensorType.INT8, scales.asymmetric, scales.symmetric_weights, TensorType.INT32, share)
INT16 = Rules(TensorType.INT16, scales.symmetric_int16, scales.legacy_weights, TensorType.INT64, share_forward)


class Hindered(Exception):
    """Why an operator cannot compute with integers, in words."""


def constants_of(node: Node, encoding: Reads, rules: Rules, bits: int = 8, per_axis: bool = True) -> dict[int, Weights]:
    """The integers of an operator's float constants, by place among its inputs.

    encoding   how it reads or writes a value that is no constant; also what a constant shares with others; None: nothing is known
    bits       of the weights: 8 or 4
    Raises Hindered.
    """
    specification = SPECIFICATIONS.get(node.name)
    if specification is None or (rules.type == TensorType.INT16 and not specification.int16):
        raise Hindered(f"there is no {node.name} with {rules.type.name} activations")
    if bits == 4 and node.name not in ("FULLY_CONNECTED", "CONV_2D"):
        raise Hindered(f"{node.name} takes no 4-bit weights")
    made: dict[int, Weights] = {}
    for position, value in enumerate(node.inputs):
        if value is None or value.type != TensorType.FLOAT32 or position == specification.bias:
            continue
        if value.data is None:
            _known(encoding(node, value), value)
        elif position == specification.weights:
            made[position] = rules.weights(value.data, specification.axis if per_axis else None, bits)
        else:
            shared = encoding(node, value) if specification.same_scale else None
            made[position] = scales.constant(value.data, shared or rules.activation(range_of(value.data)))
    for value in node.outputs:
        if value.type == TensorType.FLOAT32:
            _known(encoding(node, value), value)
    return made | _bias(node, encoding, rules, specification, made)


def range_of(data: np.ndarray) -> Range:
    """The range of a constant."""
    return Range(float(data.min()), float(data.max())) if data.size else Range(0.0, 0.0)


def _bias(
    node: Node, encoding: Reads, rules: Rules, specification: Specification, made: Mapping[int, Weights]
) -> dict[int, Weights]:
    position = specification.bias
    if position is None or position >= len(node.inputs):
        return {}
    value = node.inputs[position]
    if value is None:
        return {}
    if value.data is None:
        raise Hindered(f"its bias, {value}, is no constant")
    (x,) = (node.inputs[i] for i in specification.activations or ())
    w = node.inputs[specification.weights or 0]
    assert x is not None
    assert w is not None
    weights = made.get(specification.weights or 0)
    weights_scale = np.array([_known(encoding(node, w), w).scale]) if weights is None else weights.quantization.scale
    scale = _known(encoding(node, x), x).scale * weights_scale.astype(np.float64)
    return {position: scales.bias(value.data, scale.astype(np.float32), rules.bias)}


def _known(encoding: Encoding | None, value: Value) -> Encoding:
    if encoding is None:
        raise Hindered(f"no range is known for {value}")
    return encoding
