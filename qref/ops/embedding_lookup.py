"""EMBEDDING_LOOKUP: rows of a table.

Layout   rows [n] int32, table [m, ...] -> y [n, ...]
Types    table, y alike, every type; or table int8, uint8, int4 or int2 and y float32: y = q * s_table, whatever the zero point;
         the kernel reads uint8 as int8 and rows of packed elements from a whole byte on, and so does qref
Scales   table: per tensor or per axis 0
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._movement import EVERY_TYPE
from .gather import check_range
from .node import Node, Prepared

HYBRID = (TensorType.INT8, TensorType.UINT8, TensorType.INT4, TensorType.INT2)


@dataclass(frozen=True, slots=True)
class EmbeddingPlan:
    """How rows are read."""

    scale: np.ndarray | None  # of each row of the table, float32 [m] or [1]; None where rows are copied
    elements_per_byte: int
    name: str  # of the operator, for messages


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    positions, table, y = node.input(0), node.input(1), node.output()
    node.expect_type(positions, TensorType.INT32)
    node.expect(len(positions.shape) == 1, f"{positions} has shape {list(positions.shape)}; expected a vector")
    node.expect(len(table.shape) >= 2, f"{table} has shape {list(table.shape)}; expected at least two dimensions")
    node.resize(0, positions.shape + table.shape[1:])
    if y.type != TensorType.FLOAT32 or table.type == TensorType.FLOAT32:
        node.expect_type(table, *EVERY_TYPE)
        node.expect_type(y, table.type)
        return Prepared(embedding_lookup, EmbeddingPlan(None, 1, str(node)), explain)
    node.expect_type(table, *HYBRID)
    scales = table.scales
    fits = scales.size == 1 or (scales.size == table.shape[0] and table.quantization.quantized_dimension == 0)
    node.expect(fits, f"{table} has {scales.size} scales; expected one, or one for each of its {table.shape[0]} rows")
    return Prepared(embedding_lookup, EmbeddingPlan(scales, max(1, 8 // table.type.bits), str(node)), explain)


def embedding_lookup(positions: np.ndarray, table: np.ndarray, plan: EmbeddingPlan) -> np.ndarray:
    """Return y; InputError where a row is out of range."""
    check_range(positions, len(table), plan.name)
    found = rows_of(positions, table, plan.elements_per_byte)
    if plan.scale is not None and table.dtype == np.uint8:
        found = found.view(np.int8)
    if plan.scale is None:
        return found
    scale = plan.scale if plan.scale.size == 1 else plan.scale[positions]
    return found.astype(np.float32) * scale.reshape(-1, *[1] * (table.ndim - 1))


def explain(positions: np.ndarray, table: np.ndarray, plan: EmbeddingPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    row = e.value(e.given("row", positions[element[0]], "of the table, which the position names"))
    found = rows_of(positions[element[0] : element[0] + 1], table, plan.elements_per_byte)
    e.given("x", found[(0, *element[1:])], "the element of that row, as it is found")
    if plan.scale is None:
        e.derive("y", "x", "moved as it is")
        return e
    e.given("scale", plan.scale[row if plan.scale.size > 1 else 0], "of the row, real units per LSB")
    e.derive("y", "float32(int8(x) * scale)", "bytes are read as int8")
    return e


def rows_of(positions: np.ndarray, table: np.ndarray, elements_per_byte: int) -> np.ndarray:
    """Rows of a table; where elements share bytes, LiteRT reads each from the start of its first byte on."""
    if elements_per_byte == 1:
        return table[positions]
    size = table[0].size
    start = positions.astype(np.int64) * size // elements_per_byte * elements_per_byte
    return table.reshape(-1)[start[:, None] + np.arange(size)].reshape(len(positions), *table.shape[1:])
