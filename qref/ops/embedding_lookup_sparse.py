"""EMBEDDING_LOOKUP_SPARSE: weighted sums of rows of a table, one for each row of a sparse tensor of row numbers.

Layout   rows [n] int32, indices [n, r] int32, dense_shape [r] int32, weights [n], table [m, ...]
         -> y [dense_shape[0], ..., dense_shape[r - 2], ...]
Types    weights, table, y float32
Options  combiner 0 (SUM); 1 (MEAN), divided by the sum of weights; 2 (SQRTN), by the root of the sum of their squares
Note     a run of entries with the same first r - 1 indices is one sum; where the same indices come up again behind others, what
         was divided already is added to, and divided again
Source   LiteRT, embedding_lookup_sparse.cc; facts verified in tests/ops/test_rare_operators.py
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.errors import InputError
from qref.schema.enums import TensorType

from ._movement import index_vector
from .gather import check_range
from .node import Node, Prepared, Shape

SUM, MEAN, SQRTN = range(3)


@dataclass(frozen=True, slots=True)
class SparsePlan:
    """How rows are combined."""

    combiner: int
    dense_shape: Shape  # without its last dimension
    name: str  # of the operator, for messages


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan; dense_shape tells the output's shape."""
    rows, indices, dense_shape, weights, table = (node.input(position) for position in range(5))
    for operand, rank in ((rows, 1), (indices, 2)):
        node.expect_type(operand, TensorType.INT32)
        node.expect(len(operand.shape) == rank, f"{operand} has shape {list(operand.shape)}; expected {rank} dimensions")
    shape = index_vector(node, dense_shape, TensorType.INT32)
    for operand in (weights, table, node.output()):
        node.expect_type(operand, TensorType.FLOAT32)
    node.expect(len(table.shape) >= 2, f"{table} has shape {list(table.shape)}; expected at least two dimensions")
    n = rows.shape[0]
    node.expect(weights.shape == (n,), f"{weights} has shape {list(weights.shape)}; expected [{n}], as many as {rows}")
    expected = (n, len(shape))
    node.expect(indices.shape == expected and shape, f"{indices} has shape {list(indices.shape)}; expected {list(expected)}")
    combiner = node.options.get("combiner", SUM)
    node.expect(combiner in (SUM, MEAN, SQRTN), f"combiner is {combiner}; expected 0 (SUM), 1 (MEAN) or 2 (SQRTN)")
    node.resize(0, (*shape[:-1], *table.shape[1:]))
    return Prepared(embedding_lookup_sparse, SparsePlan(combiner, shape[:-1], str(node)), explain)


@np.errstate(all="ignore")
def embedding_lookup_sparse(
    rows: np.ndarray, indices: np.ndarray, dense_shape: np.ndarray, weights: np.ndarray, table: np.ndarray, plan: SparsePlan
) -> np.ndarray:
    """Return y float32; InputError where a row or an index is out of range."""
    check_range(rows, len(table), plan.name)
    y = np.zeros((*plan.dense_shape, *table.shape[1:]), np.float32)
    for place, entries in runs(indices, plan):
        for entry in entries:
            y[place] += table[rows[entry]] * weights[entry]
        if plan.combiner == MEAN:
            y[place] /= np.add.accumulate(weights[entries])[-1]
        elif plan.combiner == SQRTN:
            y[place] /= np.sqrt(np.add.accumulate(weights[entries] * weights[entries])[-1])
    return y


def runs(indices: np.ndarray, plan: SparsePlan) -> Iterator[tuple[Shape, list[int]]]:
    """The entries that follow each other with the same place in the output, with that place."""
    places = [tuple(row[:-1]) for row in indices.tolist()]
    for place in places:
        if not all(0 <= index < size for index, size in zip(place, plan.dense_shape)):
            raise InputError(f"{plan.name}: indices {list(place)} are outside of dense_shape {list(plan.dense_shape)}")
    for place, entries in itertools.groupby(range(len(places)), places.__getitem__):
        yield place, list(entries)


def explain(
    rows: np.ndarray,
    indices: np.ndarray,
    dense_shape: np.ndarray,
    weights: np.ndarray,
    table: np.ndarray,
    plan: SparsePlan,
    element: tuple[int, ...],
) -> Explanation:
    """Explain y[element]."""
    e, outer = Explanation(), len(plan.dense_shape)
    acc, count = e.given("start", 0.0, "what a sum begins with"), 0
    for place, entries in runs(indices, plan):
        if place != element[:outer]:
            continue
        count += 1
        found = e.given(f"x{count}", table[(rows[entries], *element[outer:])], "the elements of the rows")
        weight = e.given(f"weights{count}", weights[entries])
        e.derive(f"products{count}", f"float32({found} * {weight})")
        acc = e.derive(f"sum{count}", f"sum32(products{count}, {acc})", "one by one")
        if plan.combiner == MEAN:
            acc = e.derive(f"mean{count}", f"float32(divide({acc}, sum32({weight})))", "by the sum of weights")
        elif plan.combiner == SQRTN:
            root = f"float32(sqrt(sum32(float32({weight} * {weight}))))"
            acc = e.derive(f"scaled{count}", f"float32(divide({acc}, {root}))", "by the root of the sum of squares")
    e.derive("y", acc)
    return e
