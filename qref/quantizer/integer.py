"""An operator that computes with integers: what its constants become, or what hinders it."""

from __future__ import annotations

from collections.abc import Callable
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
    per_axis   whether each of their channels has a scale, where the operator allows it
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
            known(encoding(node, value), value)
        elif position == specification.weights:
            made[position] = rules.weights(value.data, specification.axis if per_axis else None, bits)
        else:
            shared = encoding(node, value) if specification.same_scale else None
            made[position] = scales.constant(value.data, shared or rules.activation(range_of(value.data)))
    for value in node.outputs:
        if value.type == TensorType.FLOAT32:
            known(encoding(node, value), value)
    made |= _bias(node, encoding, rules, specification, made)
    return made


def range_of(data: np.ndarray) -> Range:
    """The range of a constant."""
    return Range(float(data.min()), float(data.max())) if data.size else Range(0.0, 0.0)


def _bias(
    node: Node, encoding: Reads, rules: Rules, specification: Specification, made: dict[int, Weights]
) -> dict[int, Weights]:
    """The bias by its place, if there is one; weights in `made` get larger scales where it would not fit."""
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
    place = specification.weights or 0
    weights_scale = made[place].quantization.scale if place in made else np.array([known(encoding(node, w), w).scale])
    x_scale = known(encoding(node, x), x).scale
    scale = (x_scale * weights_scale.astype(np.float64)).astype(np.float32).astype(np.float64)
    if rules.bias == TensorType.INT32 and place in made and w.data is not None:
        roomy = scales.roomy(value.data, scale)
        if (roomy != scale).any():
            made[place] = scales.rescaled(w.data, made[place], np.where(roomy != scale, roomy / x_scale, weights_scale))
        scale = roomy
    return {position: scales.bias(value.data, scale, rules.bias)}


def known(encoding: Encoding | None, value: Value | None) -> Encoding:
    """The encoding; raises Hindered where there is none."""
    if encoding is None:
        raise Hindered(f"no range is known for {value}")
    return encoding


def constant_of(node: Node, position: int) -> np.ndarray:
    """The constant at a place among an operator's inputs; raises Hindered where there is none."""
    value = node.inputs[position]
    if value is None or value.data is None:
        raise Hindered(f"its input {position}, {value}, is no constant")
    return value.data
