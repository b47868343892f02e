"""What operators of two operands share: the checks of prepare, broadcasting, the fused clamp, the scaling of quantized operands.

Operands have one type, and the output takes it whatever type the file declares for it. Shapes broadcast as in NumPy, at any rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.arithmetic import fixed_point as fp
from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import DoubleRounding, FixedPointRule
from qref.schema.enums import TensorType

from .node import Node, Operand, Shape

QUANTIZED_TYPES = (TensorType.INT8, TensorType.UINT8, TensorType.INT16)
ORDERED_TYPES = (*QUANTIZED_TYPES, TensorType.INT32, TensorType.INT64, TensorType.FLOAT16, TensorType.FLOAT32)
WORD_TYPES = (*QUANTIZED_TYPES, TensorType.UINT16, TensorType.INT32, TensorType.UINT32)


@dataclass(frozen=True, slots=True)
class PlainPlan:
    """An operator on plain numbers: only the limits of its fused activation function."""

    low: Any  # of the operands' dtype
    high: Any


def operands(node: Node, *types: TensorType) -> tuple[Operand, Operand]:
    """The two inputs, which have one type, one of `types`; the output takes that type and the shape that they broadcast to."""
    check_counts(node, 2)
    x1, x2 = node.input(0), node.input(1)
    node.expect_type(x1, *types)
    check_same_type(node, x1, x2)
    node.resize(0, broadcast_shape(node, x1, x2), x1.type)
    return x1, x2


def check_counts(node: Node, inputs: int) -> None:
    """The operator has that many inputs and one output."""
    node.expect(len(node.inputs) == inputs, f"expected {inputs} inputs, found {len(node.inputs)}")
    node.expect(len(node.outputs) == 1, f"expected one output, found {len(node.outputs)}")


def check_same_type(node: Node, first: Operand, *others: Operand) -> None:
    """All operands have the type of the first; there is no promotion."""
    for other in others:
        node.expect(
            other.type == first.type,
            f"{first} has type {first.type.name} and {other} {other.type.name}; expected one type: insert a CAST",
        )


def broadcast_shape(node: Node, *inputs: Operand) -> Shape:
    """The shape that the inputs broadcast to."""
    try:
        return np.broadcast_shapes(*(operand.shape for operand in inputs))
    except ValueError:
        shapes = " and ".join(str(list(operand.shape)) for operand in inputs)
        node.fail(f"shapes {shapes} do not broadcast to one: from the last axis on, sizes must be equal or 1")


def zero_point(node: Node, operand: Operand) -> int:
    """The zero point of a tensor quantized per tensor, LSB, which its type can hold."""
    limits, value = np.iinfo(operand.dtype), operand.zero_point
    message = f"the zero point of {operand} is {value}; {operand.type.name} holds {limits.min} to {limits.max}"
    node.expect(limits.min <= value <= limits.max, message)
    return value


def plain_plan(node: Node, dtype: np.dtype) -> PlainPlan:
    """The limits of the fused activation function for plain numbers; without one, those of the finite numbers of dtype."""
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    bounds = {
        "NONE": (limits.min, limits.max),
        "RELU": (0, limits.max),
        "RELU6": (0, 6),
        "RELU_N1_TO_1": (limits.max if dtype.kind == "u" else -1, 1),  # as in C, where -1 is the greatest unsigned number
    }
    return PlainPlan(*(dtype.type(bound) for bound in bounds[node.activation]))


def clamp(x: np.ndarray, low: Any, high: Any) -> np.ndarray:
    """min(max(x, low), high) as in C++: NaN stays, and so does -0 where a limit is 0."""
    x = np.where(x < low, low, x)
    return np.where(high < x, high, x)


@dataclass(frozen=True, slots=True)
class Scaling:
    """(q + input_offset) * 2^left_shift times a real factor below 1: the scaling of one operand, or of a result.

    scaled = divide(high(wrap32((q + input_offset) * 2^left_shift), quantized_multiplier), -shift)      or with one rounding

    The factor is quantized_multiplier * 2^(shift - 31) with shift <= 0. Some kernels let a factor above 1 pass and then divide by
    a negative power of two, which C does not define: what comes of it is the sign of the value, 1 for 0.
    """

    input_offset: int  # -zero_point, LSB; 0 for a result
    left_shift: int
    quantized_multiplier: int
    shift: int
    rule: type[FixedPointRule] = DoubleRounding  # the runtime's

    @classmethod
    def of(
        cls, node: Node, factor: float, what: str, *, input_offset: int = 0, left_shift: int = 0, greatest_shift: int = 0
    ) -> Scaling:
        """The scaling by `factor`, which must be in (0, 1), or with a greatest_shift also in (1, 2^greatest_shift).

        LiteRT aborts at 1 and wherever else its kernel does not let a factor pass. Above 2^greatest_shift its result depends on
        where in memory an element lies.
        """
        expected = f"in (0, 1) or (1, {2**greatest_shift})" if greatest_shift else "in (0, 1)"
        message = f"the scales give {what} a factor of {factor:g}; expected one {expected}: choose another scale"
        node.expect(np.isfinite(factor) and factor > 0 and factor != 1, message)
        multiplier, shift = (int(v) for v in fp.quantize_multiplier(factor))
        node.expect(shift <= (greatest_shift if factor > 1 else 0), message)
        return cls(input_offset, left_shift, multiplier, shift, node.fixed_point_rule())

    def __call__(self, q: np.ndarray) -> np.ndarray:
        """The scaled integers, int64."""
        shifted = fp.wrap_int32((np.asarray(q, np.int64) + self.input_offset) << self.left_shift)
        if self._is_undefined:
            return np.where(fp.saturating_rounding_doubling_high_mul(shifted, self.quantized_multiplier) < 0, -1, 1)
        return self._rounding(shifted.reshape(-1)).reshape(shifted.shape)

    @property
    def _is_undefined(self) -> bool:
        return self.shift > 0 and self.rule is DoubleRounding

    @property
    def _rounding(self) -> FixedPointRule:
        return self.rule(np.array([self.quantized_multiplier]), np.array([self.shift]))

    def explain_operand(self, e: Explanation, q: str, name: str) -> str:
        """Append how the stored value `q` is scaled, `name` what comes before the rounding; returns the name of the result."""
        e.given(f"input_offset_{name}", self.input_offset, "minus the zero point, LSB")
        e.derive(name, f"wrap(({q} + input_offset_{name}) * 2**{self.left_shift}, 32)", "shifted to the left, in 32 bits")
        return self.explain(e, name)

    def explain(self, e: Explanation, acc: str) -> str:
        """Append how the step `acc` is rounded, zero point and left shift behind it; returns the name of the result."""
        if self._is_undefined:
            return e.derive(
                f"scaled_{acc}", f"-1 if {acc} < 0 else 1", "C does not define the shift: its sign is what comes of it"
            )
        return self._rounding.explain(e, acc)


def finish(result: np.ndarray, output_offset: int, low: int, high: int, dtype: np.dtype) -> np.ndarray:
    """clamp(result + output_offset), the sum in 32 bits."""
    return np.clip(fp.wrap_int32(result + output_offset), low, high).astype(dtype)


def element_of(x: np.ndarray, element: Sequence[int]) -> Any:
    """The element of an operand that meets `element` of the broadcast output, as a Python number."""
    tail = tuple(element)[len(element) - x.ndim :] if x.ndim else ()
    return x[tuple(i if n > 1 else 0 for i, n in zip(tail, x.shape))].item()
