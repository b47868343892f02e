"""What EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS and LESS_EQUAL share.

Quantized operands are compared as multiples of 1/256:  c_i = round(2^8 (q_i - zero_point_i) * s_i), rounded twice as everywhere.
So real values closer than 1/256 may compare as equal. A scale must not be 1, where LiteRT aborts, and above 1 it leaves only the
sign (1 for 0), since LiteRT then shifts by a negative count. int16 is scaled by EQUAL and NOT_EQUAL alone; the others compare it
as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._elementwise import Scaling, element_of, operands, zero_point
from ._formulas import explain_by
from .node import Node, Prepared

LEFT_SHIFT = 8
GREATEST_SHIFT = {1: 15, 2: 7}  # by bytes: above, a negative shift leaves more than a sign

Compare = Callable[[np.ndarray, np.ndarray], np.ndarray]

SYMBOLS: dict[Compare, str] = {
    np.equal: "==",
    np.not_equal: "!=",
    np.greater: ">",
    np.greater_equal: ">=",
    np.less: "<",
    np.less_equal: "<=",
}


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    """The comparison, and the integers by which quantized operands come to one scale."""

    compare: Compare
    input1: Scaling
    input2: Scaling


def prepare_comparison(node: Node, compare: Compare, types: Sequence[TensorType], scaled: Sequence[TensorType]) -> Prepared:
    """Check the operands and derive the plan; `scaled` are the types that are compared as real values."""
    x1, _ = operands(node, *types)
    node.resize(0, node.output().shape, TensorType.BOOL)
    unquantized_int16 = x1.type == TensorType.INT16 and x1.quantization is None
    if x1.type not in scaled or unquantized_int16:
        if unquantized_int16 and node.operator.name == "NOT_EQUAL":
            node.unsupported(f"{x1} has type INT16 without quantization, for which LiteRT leaves the output as it was")
        return Prepared(compared, compare, explain_by(("y", f"int_of(x1 {SYMBOLS[compare]} x2)", "1 where it holds")))

    def scaling(position: int) -> Scaling:
        x = node.input(position)
        constants = {"input_offset": -zero_point(node, x), "left_shift": LEFT_SHIFT}
        return Scaling.of(node, float(x.scale), str(x), **constants, greatest_shift=GREATEST_SHIFT[x.dtype.itemsize])

    return Prepared(compared_quantized, ComparisonPlan(compare, scaling(0), scaling(1)), explain)


def compared(x1: np.ndarray, x2: np.ndarray, plan: Compare) -> np.ndarray:
    """Return y = compare(x1, x2) bool."""
    return np.asarray(plan(x1, x2))


def compared_quantized(x1: np.ndarray, x2: np.ndarray, plan: ComparisonPlan) -> np.ndarray:
    """Return y = compare(scale_1(x1), scale_2(x2)) bool."""
    return np.asarray(plan.compare(plan.input1(x1), plan.input2(x2)))


def explain(x1: np.ndarray, x2: np.ndarray, plan: ComparisonPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    for q, x, scaling in (("q1", x1, plan.input1), ("q2", x2, plan.input2)):
        e.given(q, element_of(x, element), "the stored value, LSB")
        scaling.explain_operand(e, q, f"x{q[1]}")
    e.derive("y", f"int_of(scaled_x1 {SYMBOLS[plan.compare]} scaled_x2)", "1 where it holds, in steps of 1/256")
    return e
