"""HASHTABLE_LOOKUP: rows of a table by their keys; zeros where there is no such key.

Layout   wanted [n] int32, keys [m] int32 in rising order, table [m, ...] -> y [n, ...], hits [n] uint8 (1: found)
Types    table, y float32 or int32; alike
"""

from __future__ import annotations

import numpy as np

from qref.errors import InputError
from qref.schema.enums import TensorType

from ._movement import copied
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands; the plan is the operator's name, for messages."""
    wanted, keys, table, hits = node.input(0), node.input(1), node.input(2), node.output(1)
    node.expect_type(wanted, TensorType.INT32)
    node.expect_type(keys, TensorType.INT32)
    node.expect_type(hits, TensorType.UINT8)
    copied(node, table, TensorType.FLOAT32, TensorType.INT32)
    node.expect(len(wanted.shape) == len(keys.shape) == 1, f"{wanted} and {keys} must be vectors")
    node.expect(
        table.shape and table.shape[0] == keys.shape[0], f"{table} has shape {list(table.shape)}; expected a row for each key"
    )
    node.resize(0, wanted.shape + table.shape[1:])
    node.resize(1, wanted.shape)
    return Prepared(hashtable_lookup, str(node))


def hashtable_lookup(wanted: np.ndarray, keys: np.ndarray, table: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return y and hits; InputError where the keys are not in rising order."""
    if np.any(keys[:-1] >= keys[1:]):
        raise InputError(f"{name}: the keys {keys[:8].tolist()}... must be in rising order, each once")
    y, place = np.zeros((len(wanted), *table.shape[1:]), table.dtype), np.searchsorted(keys, wanted)
    hits = np.isin(wanted, keys)
    y[hits] = table[place[hits]]
    return y, hits.astype(np.uint8)
