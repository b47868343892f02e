"""What an operator sees of the graph while it prepares: a Node with its Operands; and what it returns: Prepared.

`prepare` runs once per shape, checks all that can be checked and derives every integer into a frozen plan. The reference
is a pure function of the inputs and that plan. So an operator's file has

    def prepare(node: Node) -> Prepared:
        ...
        node.resize(0, output_shape)
        return Prepared(fully_connected, plan)

    def fully_connected(x, w, b, plan):
        ...
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import DoubleRounding, FixedPointRule, Requantize, SingleRounding
from qref.errors import SpecViolation, UnsupportedOperator
from qref.schema.enums import ActivationFunctionType, TensorType
from qref.schema.model import Operator, Options, Quantization, Tensor

from .session import Session

Shape = tuple[int, ...]


class NotYetKnown(Exception):
    """A shape or value that only exists once the graph runs; the operator is then prepared just before it is evaluated."""


@dataclass(slots=True)
class Operand:
    """A tensor as an operator's prepare sees it; `tensor` is the file's record."""

    tensor: Tensor
    type: TensorType
    known_shape: Shape | None
    constant: np.ndarray | None = None  # the file's data, or None
    known_value: np.ndarray | None = None  # what the tensor holds now, while the graph runs

    def __str__(self) -> str:
        return f"tensor {self.tensor.index} ({self.tensor.name!r})"

    @property
    def shape(self) -> Shape:
        """Present shape; raises NotYetKnown where only evaluation tells."""
        if self.known_shape is None:
            raise NotYetKnown(str(self))
        return self.known_shape

    @property
    def value(self) -> np.ndarray:
        """What the tensor holds, for operators whose output shape depends on it; raises NotYetKnown before it is computed."""
        value = self.constant if self.constant is not None else self.known_value
        if value is None:
            raise NotYetKnown(str(self))
        return value

    @property
    def dtype(self) -> np.dtype:
        """NumPy dtype of an element."""
        dtype = self.type.dtype
        if dtype is None:
            raise UnsupportedOperator(f"{self}: elements of type {self.type.name} are not supported")
        return dtype

    @property
    def quantization(self) -> Quantization | None:
        """The file's quantization, None where it has no scales."""
        quantization = self.tensor.quantization
        return quantization if quantization is not None and quantization.scale.size else None

    @property
    def scales(self) -> np.ndarray:
        """Real units per LSB, float32 [1] per tensor or [channels] per axis."""
        if self.quantization is None:
            raise SpecViolation(
                f"{self} has type {self.type.name} but no quantization parameters: give it a scale and a zero point"
            )
        return self.quantization.scale

    @property
    def zero_points(self) -> np.ndarray:
        """Zero points in LSB, int64, as many as scales."""
        scales = self.scales
        zero_points = self.tensor.quantization.zero_point  # type: ignore[union-attr]
        return np.broadcast_to(zero_points if zero_points.size else np.int64(0), scales.shape)

    @property
    def scale(self) -> np.float32:
        """The scale of a tensor quantized per tensor."""
        if self.scales.size != 1:
            raise SpecViolation(
                f"{self}: expected one scale for the whole tensor, found {self.scales.size}: quantize it per tensor"
            )
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a tensor quantized per tensor, LSB."""
        if self.scales.size != 1:
            raise SpecViolation(f"{self}: expected one zero point for the whole tensor, found {self.scales.size}")
        return int(self.zero_points[0])


@dataclass(slots=True)
class Node:
    """One operator of the graph with its operands, and the session it is prepared for. An absent optional input is None."""

    operator: Operator
    inputs: tuple[Operand | None, ...]
    outputs: tuple[Operand, ...]
    session: Session
    intermediates: tuple[Operand, ...] = ()

    def __str__(self) -> str:
        return f"operator {self.operator.index} ({self.operator.name})"

    @property
    def options(self) -> Options:
        """The operator's builtin options; of table 2 where the file uses that."""
        return self.operator.options if self.operator.options.values else self.operator.options_2

    @property
    def activation(self) -> str:
        """Name of the fused activation function: NONE, RELU, RELU_N1_TO_1, RELU6 (TANH and SIGN_BIT are not supported)."""
        code = self.options.get("fused_activation_function", 0)
        name = ActivationFunctionType(code).name if code in set(ActivationFunctionType) else str(code)
        if name not in ("NONE", "RELU", "RELU_N1_TO_1", "RELU6"):
            self.unsupported(f"fused activation function {name}; known are NONE, RELU, RELU_N1_TO_1 and RELU6")
        return name

    def input(self, position: int, *, optional: bool = False) -> Any:
        """The operand at `position`; if absent, None when optional and SpecViolation otherwise.

        An optional input that the file leaves away becomes an absent one, so that the reference gets None for it.
        """
        if optional and position >= len(self.inputs):
            self.inputs += (None,) * (position + 1 - len(self.inputs))
        operand = self.inputs[position] if position < len(self.inputs) else None
        if operand is None and not optional:
            self.fail(f"input {position} is missing; the operator has {len(self.inputs)} inputs")
        return operand

    def arguments(self, arrays: Sequence[np.ndarray | None]) -> list[np.ndarray | None]:
        """The arrays of the inputs that the file gives, and None for each optional one that it leaves away."""
        return [*arrays, *[None] * (len(self.inputs) - len(arrays))]

    def output(self, position: int = 0) -> Operand:
        """The output operand at `position`; SpecViolation if the file gives fewer."""
        if position >= len(self.outputs):
            self.fail(f"output {position} is missing; the operator has {len(self.outputs)} outputs")
        return self.outputs[position]

    def resize(self, position: int, shape: Sequence[int], type: TensorType | None = None) -> None:
        """Set the shape of an output and, where it is not the declared one, its type."""
        operand = self.output(position)
        operand.known_shape = tuple(int(n) for n in shape)
        if any(n < 0 for n in operand.known_shape):
            self.fail(f"output {operand} would have the shape {list(operand.known_shape)}: no dimension may be negative")
        size, most = math.prod(operand.known_shape) * max(operand.type.bits, 8) // 8, self.session.limits.max_tensor_bytes
        if size > most:
            shape_text = list(operand.known_shape)
            self.fail(f"output {operand} of shape {shape_text} takes {size} bytes; Limits.max_tensor_bytes is {most}")
        if type is not None:
            operand.type = type

    def requantize(self, effective_scale: Any, acc_bits: int = 32) -> Requantize:
        """The runtime's rounding rule for this operator, with the constants of these effective scales (float64 [channels])."""
        return self.session.rules.requantize(self.operator.name, acc_bits).of(
            np.atleast_1d(np.asarray(effective_scale, np.float64))
        )

    def fixed_point_rule(self) -> type[FixedPointRule]:
        """The runtime's rounding of 31-bit multipliers, for operators that derive multiplier and shift themselves."""
        rule = self.session.rules.requantize(self.operator.name, 32)
        assert issubclass(rule, DoubleRounding | SingleRounding)
        return rule

    def expect(self, condition: Any, message: str) -> None:
        """Raise SpecViolation with `message`, which says what was expected and what was found, unless `condition` holds."""
        if not condition:
            self.fail(message)

    def expect_type(self, operand: Operand, *types: TensorType) -> None:
        """Raise UnsupportedOperator unless the operand has one of the types."""
        if operand.type not in types:
            self.unsupported(f"{operand} has type {operand.type.name}; expected {' or '.join(t.name for t in types)}")

    def fail(self, message: str) -> NoReturn:
        """Raise SpecViolation that names this operator."""
        raise SpecViolation(f"{self}: {message}")

    def unsupported(self, message: str) -> NoReturn:
        """Raise UnsupportedOperator that names this operator."""
        raise UnsupportedOperator(f"{self}: {message}")


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operator ready to evaluate: outputs = reference(*inputs, plan).

    reference   the NumPy form, whole tensors in and out; a tuple of arrays where there are several outputs
    plan        its frozen constants
    explain     explain(*inputs, plan, element) -> Explanation: one output element in plain Python numbers; None: not written
    accumulate  accumulate(*inputs, plan) -> int64 in the output's order: what `reference` requantizes; None where there is none
    updates     positions of the variable inputs that receive the trailing results of `reference` (an LSTM's states)
    pure        whether the results depend on the inputs alone: then an operator on constants is evaluated once

    An output that `prepare` did not resize takes its result's shape. An output whose Operand.known_value `prepare` has set is
    a constant from then on.
    """

    reference: Callable[..., Any]
    plan: Any
    explain: Callable[..., Explanation] | None = None
    accumulate: Callable[..., np.ndarray] | None = None
    updates: tuple[int, ...] = ()
    pure: bool = True
