"""What functions of one operand share: y has the type and shape of x, and y[i] depends on x[i] alone.

Floats go through the function itself, 8-bit integers through a table of 256 results, 16-bit ones through a table of 513.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.lookup_table import look_up_8bit, look_up_16bit, lookup_table_8bit, lookup_table_16bit
from qref.schema.enums import TensorType

from ._explain_table import explain_table_8bit, explain_table_16bit
from ._formulas import Explain, Formula
from .node import Node, Operand, Prepared

FLOAT = (TensorType.FLOAT32, TensorType.FLOAT16)
QUANTIZED_8BIT = (TensorType.INT8, TensorType.UINT8)

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class FunctionPlan:
    """A function of floats: float32 [...] -> float32 [...], or on the type of x itself."""

    function: Function


@dataclass(frozen=True, slots=True)
class TablePlan:
    """The results by input: [256], indexed by the input's byte, or [513], at every 128th input, to be interpolated."""

    table: np.ndarray


@dataclass(frozen=True, slots=True)
class AsIs:
    """Nothing is fixed beforehand."""


def operands(node: Node, *types: TensorType) -> tuple[Operand, Operand]:
    """Return the only input, of one of the types, and the output, which gets its shape and must have its type."""
    node.expect(len(node.inputs) == 1, f"expected 1 input, found {len(node.inputs)}: remove the others")
    x, y = node.input(0), node.output()
    node.expect_type(x, *types)
    node.expect(y.type == x.type, f"{y} has type {y.type.name}; expected {x.type.name}, that of {x}")
    node.resize(0, x.shape)
    return x, y


def scales(node: Node, x: Operand, y: Operand) -> tuple[np.float32, np.float32]:
    """Return the scales of input and output; the output's is one to divide by."""
    node.expect(y.scale > 0 and np.isfinite(y.scale), f"{y} has the scale {y.scale}; expected one above 0")
    for tensor in (x, y):
        expect_representable_zero(node, tensor)
    return x.scale, y.scale


def expect_representable_zero(node: Node, tensor: Operand) -> None:
    """Refuse a zero point that is no value of the tensor's type, so that offsets cannot overflow."""
    limits = np.iinfo(tensor.dtype)
    message = f"{tensor} has the zero point {tensor.zero_point}; expected a value of {tensor.type.name}"
    node.expect(limits.min <= tensor.zero_point <= limits.max, message)


def expect_symmetric(node: Node, *tensors: Operand) -> None:
    """Refuse 16-bit tensors with a zero point, as LiteRT does."""
    for tensor in tensors:
        node.expect(tensor.zero_point == 0, f"{tensor} has the zero point {tensor.zero_point}; int16 needs the zero point 0")


def ratio(numerator: np.float32, denominator: np.float32) -> np.float32:
    """The float32 quotient, which may overflow; the rule that gets it then refuses it."""
    with np.errstate(all="ignore"):
        return np.float32(numerator) / np.float32(denominator)


def prepare_function(function: Function, explain: Explain) -> Prepared:
    """The operator that applies a function of floats to each element, and its explanation."""
    return Prepared(by_function, FunctionPlan(function), explain)


def prepare_table(node: Node, x: Operand, y: Operand, function: Function, formulas: Iterable[Formula]) -> Prepared:
    """The operator that applies a function to each element of a quantized tensor, by table; the formulas are the function's."""
    input_scale, output_scale = scales(node, x, y)
    constants = (float(input_scale), x.zero_point, float(output_scale), y.zero_point)
    with np.errstate(all="ignore"):
        if x.type == TensorType.INT16:
            table = lookup_table_16bit(function, *constants)
            return Prepared(by_table_16bit, TablePlan(table), explain_table_16bit(formulas, constants))
        table = lookup_table_8bit(function, *constants, x.dtype)
        return Prepared(by_table_8bit, TablePlan(table), explain_table_8bit(formulas, constants))


def by_function(x: np.ndarray, plan: FunctionPlan) -> np.ndarray:
    """Return y[i] = f(x[i]); a float16 x is widened to float32 and f(x) rounded to float16."""
    with np.errstate(all="ignore"):
        y = plan.function(x.astype(np.float32) if x.dtype == np.float16 else x)
        return np.asarray(y).astype(x.dtype, copy=False)


def by_table_8bit(x: np.ndarray, plan: TablePlan) -> np.ndarray:
    """Return y[i] = table[x[i]]."""
    return np.asarray(look_up_8bit(plan.table, x))


def by_table_16bit(x: np.ndarray, plan: TablePlan) -> np.ndarray:
    """Return y[i] int16 between the two entries that stand around x[i]."""
    return np.asarray(look_up_16bit(plan.table, x)).astype(np.int16)
