"""What the delegate's functions of one float32 operand share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qref.arithmetic.fused import flush_denormals
from qref.arithmetic.lookup_table import lookup_table_8bit_half_even

from .._explain_table import explain_table_8bit
from .._formulas import Explain, explain_by
from .._function_formulas import Formulas
from .._relu import Float32ClampPlan, clamp_float32
from .._unary import Function, TablePlan, by_table_8bit, prepare_function, scales
from ..node import Node, Prepared
from ._delegate import has_rank, is_float16, is_float32, is_q8


def prepare_float32(node: Node, base: Callable[[Node], Prepared], function: Function, explain: Explain) -> Prepared | None:
    """Apply the function to float32 tensors, after the base operator's checks; other nodes are left."""
    if not takes_float32(node):
        return None
    base(node)
    return prepare_function(function, explain)


def prepare_float16(node: Node, base: Callable[[Node], Prepared], function: Function, explain: Explain) -> Prepared | None:
    """Apply the function to float16 tensors, after the base operator's checks; other nodes are left."""
    x, y = node.input(0), node.output()
    if not (is_float16(x) and is_float16(y) and has_rank(x)):
        return None
    base(node)
    return prepare_function(function, explain)


def prepare_float32_or_table(
    node: Node,
    base: Callable[[Node], Prepared],
    of_float32: tuple[Function, Explain],
    of_table: tuple[Function, Formulas],
) -> Prepared | None:
    """Apply a function to float32 tensors, or another one to 8-bit tensors, by table; other nodes are left.

    of_float32  the function and its explanation
    of_table    the function and its formulas
    """
    x, y = node.input(0), node.output()
    if not (is_q8(x) and is_q8(y)):
        return prepare_float32(node, base, *of_float32)
    base(node)
    input_scale, output_scale = scales(node, x, y)
    constants = (float(input_scale), x.zero_point, float(output_scale), y.zero_point)
    table = lookup_table_8bit_half_even(of_table[0], *constants, x.dtype)
    return Prepared(by_table_8bit, TablePlan(table), explain_table_8bit(of_table[1], constants, half_even=True))


def takes_float32(node: Node) -> bool:
    """Input and output are float32, of as many dimensions as the delegate takes."""
    x, y = node.input(0), node.output()
    return is_float32(x) and is_float32(y) and has_rank(x)


def prepare_clamp_float32(node: Node, base: Callable[[Node], Prepared]) -> Prepared | None:
    """Clamp float32 tensors to the limits of the base operator's plan; other nodes are left."""
    return Prepared(clamp, base(node).plan, EXPLAIN_CLAMP) if takes_float32(node) else None


EXPLAIN_CLAMP = explain_by(
    ("v", "flush(x)", "denormals count as zeros"),
    ("y", "clamp(v, low, high)", ""),
    low="the least output",
    high="the greatest output",
)


def clamp(x: np.ndarray, plan: Float32ClampPlan) -> np.ndarray:
    """Return y[i], x[i] within the limits; denormals count as zeros."""
    return clamp_float32(flush_denormals(x), plan)
