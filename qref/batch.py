"""Many samples through a model that takes one at a time: the bytes that they give one by one, computed some at once.

Where the graph treats samples independently (see sample_wise.py), a copy of the model takes a batch of them in each invoke, with
no Python between them. RESHAPE is the usual obstacle: its shape is a constant that begins with the batch 1. In the copy it begins
with -1, "what is left over". Other graphs take samples one by one, and states go from each to the next.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from qref.errors import InputError, QrefError
from qref.execution import Execution
from qref.interpreter import Interpreter
from qref.sample_wise import held_samples
from qref.schema import Model
from qref.schema.enums import TensorType
from qref.schema.model import Buffer, Operator

CHUNK_BYTES = 1 << 20  # of all tensors of the samples in an invoke: they stay in the cache
MOST = 1024  # samples in an invoke

Sample = Mapping[int, np.ndarray]


def invoke_many(
    interpreter: Interpreter,
    samples: Iterable[Sample] | Sample,
    tensors: Sequence[int] | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> Iterator[dict[int, np.ndarray]]:
    """What tensors hold after each sample, bit for bit what invoke gives one by one, for some samples at a time.

    interpreter  tells model, runtime, kernels and threads, and the shapes of a sample; what it holds afterwards is not defined
    samples      each an array for every input, by tensor index; or, by tensor index, all of them: [samples, *shape]
    tensors      which to give, by index; the outputs by default
    chunk_bytes  of all tensors together in one invoke: many samples at once if it is great, one by one if it is 0
    Yields the tensors by index, [samples, *shape]: [0] is what get_tensor gives after the first of these samples.
    Raises InputError for a sample that does not fit.

    >>> import numpy as np, qref
    >>> interpreter = qref.Interpreter(qref.bundled("digits_cnn_int8"))
    >>> images = np.zeros((100, 1, 8, 8, 1), np.int8)
    >>> sum(len(scores) for chunk in qref.invoke_many(interpreter, {0: images}) for scores in chunk.values())
    100
    """
    interpreter.allocate_tensors()
    one = interpreter.main
    wanted = one.subgraph.outputs if tensors is None else tensors
    batch = _batch(one, chunk_bytes)
    several = None
    for number, chunk in enumerate(_chunks(one, samples, max(batch, 1))):
        full = batch > 1 and all(len(arrays) == batch for arrays in chunk.values())
        if number == 0 and full:  # fewer are not worth another interpreter
            several = together(interpreter, batch)
        yield _one_by_one(interpreter, chunk, wanted) if several is None else _at_once(one, *several, batch, chunk, wanted)


def together(interpreter: Interpreter, batch: int) -> tuple[Interpreter, frozenset[int]] | None:
    """An interpreter of `batch` samples, allocated, and its tensors that hold samples; None where they are not independent."""
    one = interpreter.main
    if any(not shape or shape[0] != 1 for shape in (one.operands[i].known_shape for i in one.subgraph.inputs)):
        return None
    try:
        many = interpreter.like_this(with_free_batch(interpreter.model, one))
        for index in one.subgraph.inputs:
            many.resize_tensor_input(index, (batch, *one.operands[index].shape[1:]))
        many.allocate_tensors()
    except QrefError:  # the graph fits one batch only
        return None
    held = held_samples(one, many.main, batch)
    return None if held is None else (many, held)


def with_free_batch(model: Model, one: Execution) -> Model:
    """The model with -1 for the batch of 1 in every constant shape that RESHAPE is given; `one` is it, allocated."""
    graph = model.subgraphs[0]
    tensors, buffers, operators = list(graph.tensors), list(model.buffers), list(graph.operators)

    def freed(operator: Operator) -> Operator:
        shape = one.operands[operator.outputs[0]].known_shape
        if operator.name != "RESHAPE" or not shape or shape[0] != 1 or 0 in shape:
            return operator
        free = (-1, *shape[1:])
        if len(operator.inputs) < 2 or operator.inputs[1] < 0:
            values = {**operator.options.values, "new_shape": free}
            return replace(operator, options=replace(operator.options, values=values))
        given = graph.tensors[operator.inputs[1]]
        if one.operands[given.index].constant is None or given.type != TensorType.INT32 or len(given.shape) != 1:
            return operator
        tensors.append(replace(given, index=len(tensors), buffer=len(buffers), shape=(len(free),), sparsity=None))
        buffers.append(Buffer(np.array(free, "<i4").tobytes()))
        return replace(operator, inputs=(operator.inputs[0], tensors[-1].index))

    operators = [freed(operator) for operator in operators]
    changed = replace(graph, tensors=tuple(tensors), operators=tuple(operators))
    return replace(model, subgraphs=(changed, *model.subgraphs[1:]), buffers=tuple(buffers))


def _batch(one: Execution, chunk_bytes: int) -> int:
    """Samples in an invoke."""
    shapes = ((o.known_shape, o.type.dtype) for o in one.operands if o.constant is None and o.known_value is None)
    each = sum(int(np.prod(shape)) * dtype.itemsize for shape, dtype in shapes if shape is not None and dtype is not None)
    return min(MOST, chunk_bytes // max(1, each))


def _chunks(one: Execution, samples: Iterable[Sample] | Sample, size: int) -> Iterator[dict[int, np.ndarray]]:
    """The inputs [samples, *shape] of at most `size` samples at a time."""
    indices, first = one.subgraph.inputs, 0
    if isinstance(samples, Mapping):
        total = min((len(samples[index]) for index in indices if index in samples), default=0)
        pieces = ({i: a[start : start + size] for i, a in samples.items()} for start in range(0, total, size))
        for piece in pieces:
            yield {index: _fitting(one, index, piece.get(index), first) for index in indices}
            first += size
        return
    rest = iter(samples)
    while some := list(itertools.islice(rest, size)):
        yield {index: _fitting(one, index, _stacked([sample.get(index) for sample in some]), first) for index in indices}
        first += len(some)


def _stacked(arrays: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """None where their shapes differ, or one is missing."""
    shapes = {None if array is None else array.shape for array in arrays}
    return np.stack(arrays) if len(shapes) == 1 and None not in shapes else None  # type: ignore[arg-type]


def _fitting(one: Execution, index: int, arrays: np.ndarray | None, first: int) -> np.ndarray:
    """The arrays of one input for the samples from `first` on, if they have its shape and dtype."""
    operand = one.operands[index]
    if arrays is not None and arrays.shape[1:] == operand.shape and arrays.dtype == operand.dtype:
        return arrays
    found = "none, or of several shapes" if arrays is None else f"{arrays.dtype} of shape {list(arrays.shape[1:])}"
    raise InputError(
        f"samples from {first} on: {operand} takes {operand.dtype} of shape {list(operand.shape)} for each; found {found}"
    )


def _one_by_one(interpreter: Interpreter, chunk: dict[int, np.ndarray], wanted: Sequence[int]) -> dict[int, np.ndarray]:
    found: dict[int, list[np.ndarray]] = {index: [] for index in wanted}
    for arrays in zip(*chunk.values()):
        for index, array in zip(chunk, arrays):
            interpreter.set_tensor(index, array)
        interpreter.invoke()
        for index in wanted:
            found[index].append(interpreter.get_tensor(index))
    return {index: np.stack(arrays) for index, arrays in found.items()}


def _at_once(
    one: Execution,
    many: Interpreter,
    held: frozenset[int],
    batch: int,
    chunk: dict[int, np.ndarray],
    wanted: Sequence[int],
) -> dict[int, np.ndarray]:
    count = min(map(len, chunk.values()))
    for index, arrays in chunk.items():
        many.set_tensor(index, np.resize(arrays, (batch, *arrays.shape[2:])))  # the last ones are filled up with the first
    many.invoke()
    found = {}
    for index in wanted:
        array, shape = many.get_tensor(index), (count, *one.operands[index].shape)
        found[index] = array[:count].reshape(shape) if index in held else np.array(np.broadcast_to(array, shape))
    return found
