"""Inputs for a model: drawn from a seed, or read from files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qref.errors import InputError
from qref.schema.model import Model


def draw_inputs(model: Model, seed: int) -> dict[int, np.ndarray]:
    """Arrays for the inputs of the main subgraph, by position; a dimension of -1 becomes 1."""
    rng, graph = np.random.default_rng(seed), model.subgraphs[0]
    arrays = {}
    for position, index in enumerate(graph.inputs):
        tensor = graph.tensors[index]
        if tensor.type.dtype is None:
            raise InputError(f"input {position} ({tensor.name!r}) has type {tensor.type.name}, for which no values can be drawn")
        arrays[position] = draw(rng, [abs(n) for n in tensor.shape], tensor.type.dtype)
    return arrays


def draw(rng: np.random.Generator, shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """Normal floats, random bools, 8 and 16 bits over their whole range, wider integers 0 to 2 (they are indices as a rule)."""
    if dtype.kind in "fc":
        return rng.normal(size=shape).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    if dtype.itemsize >= 4:
        return rng.integers(0, 3, shape).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)
