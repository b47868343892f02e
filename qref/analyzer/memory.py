"""How much memory the tensors of a subgraph take while it runs, from the shapes that the file declares."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from qref.arena import ALIGNMENT, Placement, plan
from qref.schema import Model, Subgraph, Tensor
from qref.schema.check import is_constant

TFLM_ALIGNMENT = 16  # bytes


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of a subgraph's tensors; what kernels take besides, for temporary values, is not in it.

    arena, arena_16    for what operators compute and the graph's inputs, tensors that do not live at once sharing bytes: placed
                       at multiples of 64 bytes, as in TensorFlow Lite, and of 16, as in TFLM
    unshared           if each of these tensors had its own
    variables          of tensors that keep their value
    constants          that the file holds, each buffer once
    constant_results   of operators all of whose inputs are constants, as DEQUANTIZE of float16 weights: computed once
    """

    arena: int
    arena_16: int
    unshared: int
    variables: int
    constants: int
    constant_results: int

    def to_dict(self) -> dict[str, int]:
        """Plain values, as for JSON."""
        return asdict(self)


def memory_of(model: Model, subgraph: Subgraph) -> Memory:
    """The estimate for a subgraph: the greatest tensor is placed first, each in the smallest gap that is wide enough."""
    tensors = subgraph.tensors
    held = {t.index for t in tensors if is_constant(model, t)}
    folded = _folded(subgraph, held)
    placements = list(_placements(subgraph, held | folded))
    planned, planned_16 = (plan(placements, alignment) for alignment in (ALIGNMENT, TFLM_ALIGNMENT))
    buffers = {tensors[i].buffer: stored_bytes(model, tensors[i]) for i in held}
    return Memory(
        arena=planned.bytes,
        arena_16=planned_16.bytes,
        unshared=planned.unshared,
        variables=sum(bytes_of(t) for t in tensors if t.is_variable),
        constants=sum(buffers.values()),
        constant_results=sum(bytes_of(tensors[i]) for i in folded),
    )


def bytes_of(tensor: Tensor) -> int:
    """Bytes of a tensor in memory, where 4-bit elements take one each; 0 where elements have no fixed size."""
    return 0 if tensor.type.dtype is None else math.prod(tensor.shape) * tensor.type.dtype.itemsize


def stored_bytes(model: Model, tensor: Tensor) -> int:
    """Bytes that the file holds for a tensor; buffer 0 stands for none."""
    return len(model.buffers[tensor.buffer].data) if tensor.buffer else 0


def _folded(subgraph: Subgraph, held: set[int]) -> set[int]:
    """The results of operators that read constants and such results alone."""
    known: set[int] = {-1, *held}
    folded: set[int] = set()
    for operator in subgraph.operators:
        if operator.inputs and known.issuperset(operator.inputs):
            folded.update(operator.outputs)
            known.update(operator.outputs)
    return folded - set(subgraph.outputs)


def _placements(subgraph: Subgraph, elsewhere: set[int]) -> Iterator[Placement]:
    """The tensors of the arena with the first and the last operator that needs each; inputs and outputs live all the time."""
    lives: dict[int, tuple[int, int]] = {}
    for operator in subgraph.operators:
        for index in (*operator.inputs, *operator.outputs):
            first, _ = lives.get(index, (operator.index, 0))
            lives[index] = first, operator.index
    lives |= dict.fromkeys((*subgraph.inputs, *subgraph.outputs), (0, max(len(subgraph.operators) - 1, 0)))
    for index, (first, last) in lives.items():
        tensor = subgraph.tensors[index]
        if index >= 0 and index not in elsewhere and not tensor.is_variable and tensor.type.dtype is not None:
            yield Placement(index, tensor.name, bytes_of(tensor), first, last)
