"""Where a model departs from the 8-bit quantization specification, and from which of its clauses.

Source   https://ai.google.dev/edge/litert/models/quantization_spec
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from qref.quantizer.specification import SPECIFICATIONS, Specification
from qref.schema import Model, Operator, Quantization, Subgraph, Tensor, TensorType
from qref.schema.check import is_constant

INT8 = TensorType.INT8
FLOATS = (TensorType.FLOAT32, TensorType.FLOAT16, TensorType.BFLOAT16, TensorType.FLOAT64)
LISTED = frozenset(  # by the specification, each with clauses of its own
    [
        "ADD",
        "AVERAGE_POOL_2D",
        "CONCATENATION",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "L2_NORMALIZATION",
        "LOGISTIC",
        "MAX_POOL_2D",
        "MUL",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "SOFTMAX",
        "SPACE_TO_DEPTH",
        "TANH",
        "PAD",
        "GATHER",
        "BATCH_TO_SPACE_ND",
        "SPACE_TO_BATCH_ND",
        "TRANSPOSE",
        "MEAN",
        "SUB",
        "SQUEEZE",
        "LOG_SOFTMAX",
        "MAXIMUM",
        "ARG_MAX",
        "MINIMUM",
        "LESS",
        "PADV2",
        "GREATER",
        "GREATER_EQUAL",
        "LESS_EQUAL",
        "SLICE",
        "EQUAL",
        "NOT_EQUAL",
        "SHAPE",
        "QUANTIZE",
    ]
)
SCALE_TOLERANCE = 1e-6  # relative: a bias scale is a product rounded to float32, of scales that were

TYPE = "data_type: {}"
QUANTIZED = "real_value = (int8_value - zero_point) * scale"
PER_TENSOR = "granularity: per-tensor"
PER_AXIS = "granularity: per-axis (dim = {}) or per-tensor"
ZERO_POINT_RANGE = "zero_point in [-128, 127]"
SYMMETRIC = "restriction: zero_point = 0"
WEIGHTS_RANGE = "range: [-127, 127]"
BIAS = "restriction: (scale, zero_point) = (input0_scale * input1_scale[...], 0)"
FIXED = "restriction: (scale, zero_point) = ({}, {})"
SAME = "restriction: inputs and outputs have the same scale and zero_point"


@dataclass(frozen=True, slots=True)
class Breach:
    """An operand that is not as the specification asks.

    operand   "input 1 (weights)", "output 0", ...
    clause    what the specification asks, in its words or short for them
    found     what the file has
    """

    subgraph: int
    operator: int
    name: str
    operand: str
    tensor: int
    tensor_name: str
    clause: str
    found: str


@dataclass(frozen=True, slots=True)
class Conformance:
    """What was held against the specification.

    checked   operators on int8 activations
    unlisted  those of them, by name, that it has no clauses for: only what holds of all activations was checked
    """

    checked: int
    unlisted: tuple[str, ...]
    breaches: tuple[Breach, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return asdict(self)


def conformance(model: Model) -> Conformance:
    """Hold every operator on int8 activations against the specification; uint8 and hybrid ones are not its subject."""
    cases = [Case(model, s, o) for s in model.subgraphs for o in s.operators]
    cases = [case for case in cases if case.activations]
    unlisted = sorted({case.operator.name for case in cases} - LISTED)
    with np.errstate(all="ignore"):  # scales can be infinite, or NaN
        breaches = tuple(breach for case in cases for breach in case.breaches())
    return Conformance(len(cases), tuple(unlisted), breaches)


class Case:
    """An operator being checked."""

    def __init__(self, model: Model, subgraph: Subgraph, operator: Operator):
        self.model, self.subgraph, self.operator = model, subgraph, operator
        self.listed = operator.name in LISTED
        self.specification = _specification(operator.name)
        roles = {self.specification.weights: "weights", self.specification.bias: "bias"}
        self.operands: dict[str, Tensor] = {}
        self.by_role: dict[str, tuple[str, Tensor]] = {}
        for kind, indices in (("input", operator.inputs), ("output", operator.outputs)):
            for position, index in enumerate(indices):
                role = roles.get(position) if kind == "input" else None
                if role is not None and index >= 0:
                    self.by_role[role] = f"{kind} {position} ({role})", subgraph.tensors[index]
                elif index >= 0:
                    self.operands[f"{kind} {position}"] = subgraph.tensors[index]
        self.activations = self._activations()

    def _activations(self) -> dict[str, Tensor]:
        """The int8 operands that are neither weights nor bias; none where floats are computed with, as in hybrid operators."""
        tensors = [*self.operands.values(), *(tensor for _, tensor in self.by_role.values())]
        if any(tensor.type in FLOATS for tensor in tensors):
            return {}
        found = {operand: tensor for operand, tensor in self.operands.items() if tensor.type is INT8}
        if self.listed:
            return found
        return {operand: tensor for operand, tensor in found.items() if not is_constant(self.model, tensor)}

    def breaches(self) -> Iterator[Breach]:
        """All breaches of the operator's clauses, operand by operand."""
        quantized = {}
        for operand, tensor in self.activations.items():
            broken = list(self._activation(operand, tensor))
            yield from broken
            if not broken:
                quantized[operand] = tensor
        if self.specification.same_scale and quantized:
            yield from self._same(*quantized.items())
        if self.specification.fixed is not None:
            yield from self._fixed(quantized)
        if "weights" in self.by_role:
            yield from self._output_type()
            yield from self._weights(*self.by_role["weights"])
        if "bias" in self.by_role:
            yield from self._bias(*self.by_role["bias"])

    def _breach(self, operand: str, tensor: Tensor, clause: str, found: str) -> Breach:
        where = self.subgraph.index, self.operator.index, self.operator.name
        return Breach(*where, operand, tensor.index, tensor.name, clause, found)

    def _activation(self, operand: str, tensor: Tensor) -> Iterator[Breach]:
        quantization = _quantization(tensor)
        if quantization is None:
            yield self._breach(operand, tensor, QUANTIZED, "no scale")
            return
        if quantization.scale.size > 1:
            yield self._breach(operand, tensor, PER_TENSOR, f"{quantization.scale.size} scales")
        yield from self._zero_points(operand, tensor, -128, 127, ZERO_POINT_RANGE)

    def _zero_points(self, operand: str, tensor: Tensor, least: int, most: int, clause: str) -> Iterator[Breach]:
        zero_points = np.zeros(0) if tensor.quantization is None else tensor.quantization.zero_point
        outside = zero_points[(zero_points < least) | (zero_points > most)]
        if outside.size:
            found = f"zero_point {outside[0]}" + (f", {outside.size} of {zero_points.size}" if zero_points.size > 1 else "")
            yield self._breach(operand, tensor, clause, found)

    def _same(self, first: tuple[str, Tensor], *others: tuple[str, Tensor]) -> Iterator[Breach]:
        wanted = _parameters(first[1])
        for operand, tensor in others:
            if _parameters(tensor) != wanted:
                yield self._breach(operand, tensor, SAME, f"{_text(*_parameters(tensor))}, {first[0]} has {_text(*wanted)}")

    def _fixed(self, quantized: dict[str, Tensor]) -> Iterator[Breach]:
        (scale, zero_point), _ = self.specification.fixed  # type: ignore[misc]
        output = quantized.get("output 0")
        if output is not None and _parameters(output) != (scale, zero_point):
            clause = FIXED.format(f"1.0 / {1 / scale:g}", zero_point)
            yield self._breach("output 0", output, clause, _text(*_parameters(output)))

    def _output_type(self) -> Iterator[Breach]:
        output = self.operands.get("output 0")
        if output is not None and output.type is not INT8:
            yield self._breach("output 0", output, TYPE.format("int8"), output.type.name)

    def _weights(self, operand: str, tensor: Tensor) -> Iterator[Breach]:
        if tensor.type is not INT8:
            yield self._breach(operand, tensor, TYPE.format("int8"), tensor.type.name)
            return
        quantization, axis = _quantization(tensor), self.specification.axis
        if quantization is None:
            yield self._breach(operand, tensor, QUANTIZED, "no scale")
            return
        if quantization.scale.size > 1 and quantization.quantized_dimension != axis:
            found = f"{quantization.scale.size} scales along dim {quantization.quantized_dimension}"
            yield self._breach(operand, tensor, PER_AXIS.format(axis), found)
        yield from self._zero_points(operand, tensor, 0, 0, SYMMETRIC)
        data = self.model.data(tensor)
        lowest = 0 if data is None else int(np.count_nonzero(data == -128))
        if lowest:
            yield self._breach(operand, tensor, WEIGHTS_RANGE, f"-128 in {lowest:,} of {math.prod(tensor.shape):,} elements")

    def _bias(self, operand: str, tensor: Tensor) -> Iterator[Breach]:
        if tensor.type is not TensorType.INT32:
            yield self._breach(operand, tensor, TYPE.format("int32"), tensor.type.name)
            return
        bias, wanted = _quantization(tensor), self._products()
        if bias is None:
            yield self._breach(operand, tensor, BIAS, "no scale")
        elif wanted is not None and len({bias.scale.size, wanted.size} - {1}) > 1:
            yield self._breach(operand, tensor, BIAS, f"{bias.scale.size} scales for {wanted.size} of the weights")
        elif wanted is not None:
            yield from self._bias_scales(operand, tensor, *np.broadcast_arrays(bias.scale, wanted))
        yield from self._zero_points(operand, tensor, 0, 0, BIAS)

    def _products(self) -> np.ndarray | None:
        """The scale of input 0 times those of the weights, float64; None where one has none."""
        x, w = self.operands.get("input 0"), self.by_role.get("weights", ("", None))[1]
        scales = [None if t is None else _quantization(t) for t in (x, w)]
        if scales[0] is None or scales[1] is None:
            return None
        return scales[0].scale[0].astype(np.float64) * scales[1].scale

    def _bias_scales(self, operand: str, tensor: Tensor, found: np.ndarray, wanted: np.ndarray) -> Iterator[Breach]:
        wrong = np.flatnonzero(~np.isclose(found, wanted, rtol=SCALE_TOLERANCE, atol=0))
        if wrong.size:
            share = f" at {wrong[0]}, {wrong.size} of {wanted.size}" if wanted.size > 1 else ""
            text = f"scale {found[wrong[0]]:.9g}, the product is {wanted[wrong[0]]:.9g}{share}"
            yield self._breach(operand, tensor, BIAS, text)


def _specification(name: str) -> Specification:
    """The clauses of an operator; where the specification lists none, what it says of all weights is left."""
    found = SPECIFICATIONS.get(name, Specification())
    return found if name in LISTED else Specification(weights=found.weights, axis=found.axis)


def _quantization(tensor: Tensor) -> Quantization | None:
    found = tensor.quantization
    return found if found is not None and found.scale.size else None


def _parameters(tensor: Tensor) -> tuple[float, int]:
    """Scale and zero point of a tensor that has one scale."""
    zero_point = tensor.quantization.zero_point  # type: ignore[union-attr]
    return float(tensor.quantization.scale[0]), int(zero_point[0]) if zero_point.size else 0  # type: ignore[union-attr]


def _text(scale: float, zero_point: int) -> str:
    return f"({scale:.9g}, {zero_point})"
