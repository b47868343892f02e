"""A rewrite: magnitude pruning. The smallest weights of each tensor become zero, before it is quantized.

Zeros stay zeros in every scheme, since weights have the zero point 0; they shrink what a compressed
file takes and what a sparse kernel reads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.errors import InputError
from qref.quantizer.dynamic_range import LEAST_ELEMENTS, WEIGHTS
from qref.quantizer.graph import assemble, read
from qref.schema import Model, TensorType


@dataclass(frozen=True, slots=True)
class Pruned:
    """One tensor of weights: how many of its elements were zero before, and are after."""

    tensor: int
    name: str
    elements: int
    zeros_before: int
    zeros: int

    @property
    def sparsity(self) -> float:
        """The share of zeros."""
        return self.zeros / self.elements


def prune(model: Model, sparsity: float) -> tuple[Model, list[Pruned]]:
    """Make the `sparsity` share (0 to 1) of each weight tensor of 1024 or more elements zero, those of least magnitude.

    Of equal magnitudes the first ones go, so the same model gives the same bytes. Returns the model and a report by tensor.
    """
    if not 0 <= sparsity < 1:
        raise InputError(f"the sparsity is {sparsity}; it is a share of at least 0 and less than 1")
    graphs = read(model)
    found: list[Pruned] = []
    for graph in graphs:
        weights = [node.inputs[i] for node in graph.nodes for i in WEIGHTS.get(node.name, ((), None))[0] if i < len(node.inputs)]
        for value in dict.fromkeys(weights):
            if value is None or value.data is None or value.type != TensorType.FLOAT32 or value.data.size < LEAST_ELEMENTS:
                continue
            w = value.data.copy()
            order = np.argsort(np.abs(w), axis=None, kind="stable")
            w.reshape(-1)[order[: int(sparsity * w.size)]] = 0
            zeros = [int((array == 0).sum()) for array in (value.data, w)]
            found.append(Pruned(value.index or 0, value.name, w.size, *zeros))
            value.data = w
    return assemble(model, graphs), found
