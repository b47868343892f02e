"""Many samples through a model that takes one at a time: the bytes that invoke gives one by one, with no Python between them.

A graph of calls alone runs for one sample after the other, in one call each; states go from each to the next. Small graphs, and
those with operators that are no calls, take a batch of samples in each invoke instead, where they treat samples independently:
see sample_wise.py. RESHAPE is the usual obstacle: its shape is a constant that begins with the batch 1. In a copy of the model it
begins with -1, "what is left over". Other graphs take samples one by one.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
LEAST, MOST = 8, 256  # samples that are computed before the next are asked for
MANY = 2048  # samples of a graph so small that MOST fit in a chunk: then a batch costs less than a call for each, and pays

Sample = Mapping[int, np.ndarray]
Run = Callable[[dict[int, np.ndarray]], dict[int, np.ndarray]]


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
    chunk_bytes  of all tensors of the samples that are computed before the next are asked for
    Yields the tensors by index, [samples, *shape]: [0] is what get_tensor gives after the first of these samples.
    Raises InputError for a sample that does not fit, and for a graph whose shapes are only known while it runs.

    >>> import numpy as np, qref
    >>> interpreter = qref.Interpreter(qref.bundled("digits_cnn_int8"))
    >>> images = np.zeros((100, 1, 8, 8, 1), np.int8)
    >>> sum(len(scores) for chunk in qref.invoke_many(interpreter, {0: images}) for scores in chunk.values())
    100
    """
    interpreter.allocate_tensors()
    one = interpreter.main
    wanted = one.subgraph.outputs if tensors is None else tensors
    size = max(LEAST, min(MOST, chunk_bytes // max(1, _bytes(one))))
    if not one.has_known_shapes():
        raise InputError(
            "some shapes are only known while the graph runs, and may differ from sample to sample: invoke one by one"
        )
    for index in wanted:
        interpreter.expect_kept(index)
    run: Run = functools.partial(_one_by_one, interpreter, wanted)
    by_row, done = None, 0
    for chunk in _chunks(one, samples, size):
        count = min(map(len, chunk.values()))
        if done == 0 and count == size:  # fewer are not worth a preparation
            by_row = one.row_by_row(wanted, size)
            run = by_row or _batched(interpreter, wanted, size) or run
        elif by_row is not None and size == MOST and done < MANY <= done + count:
            run = _batched(interpreter, wanted, size) or run
        yield run(chunk)
        done += count


def invoke_each(
    interpreter: Interpreter, samples: Iterable[Sample], tensors: Sequence[int], *, carry: bool = False
) -> Iterator[dict[int, np.ndarray]]:
    """As invoke_many, but each sample starts from the initial state, and shapes may depend on data.

    carry   states go from one sample to the next instead
    Yields the tensors for some samples at a time; for one where shapes may differ from sample to sample.
    """
    known = interpreter.main.has_known_shapes()
    has_states = any(tensor.is_variable for subgraph in interpreter.model.subgraphs for tensor in subgraph.tensors)
    if known and (carry or not has_states):
        yield from invoke_many(interpreter, samples, tensors)
        return
    left = iter(samples)
    while some := list(itertools.islice(left, LEAST if known else 1)):
        done = [_invoked(interpreter, sample, tensors, carry) for sample in some]
        yield {index: np.stack([found[index] for found in done]) for index in tensors}


def _invoked(interpreter: Interpreter, sample: Sample, tensors: Sequence[int], carry: bool) -> dict[int, np.ndarray]:
    if not carry:
        interpreter.reset_all_variables()
    for index, array in sample.items():
        interpreter.set_tensor(index, array)
    interpreter.invoke()
    return {index: interpreter.get_tensor(index) for index in tensors}


def _batched(interpreter: Interpreter, wanted: Sequence[int], size: int) -> Run | None:
    several = together(interpreter, size)
    return None if several is None else functools.partial(_at_once, interpreter.main, *several, wanted, size)


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


def _bytes(one: Execution) -> int:
    """Of all tensors of a sample."""
    shapes = ((o.known_shape, o.type.dtype) for o in one.operands if o.constant is None and o.known_value is None)
    return sum(math.prod(shape) * dtype.itemsize for shape, dtype in shapes if shape is not None and dtype is not None)


def _chunks(one: Execution, samples: Iterable[Sample] | Sample, size: int) -> Iterator[dict[int, np.ndarray]]:
    """The inputs [samples, *shape] of at most `size` samples at a time."""
    inputs = one.subgraph.inputs
    if isinstance(samples, Mapping):
        every = {index: _fitting(one, index, samples.get(index), 0) for index in inputs}
        total = max(map(len, every.values()), default=0)
        for index, arrays in every.items():
            if len(arrays) != total:
                raise InputError(f"{one.operands[index]} is given {len(arrays)} samples, another input {total}; expected as many")
        for start in range(0, total, size):
            yield {index: arrays[start : start + size] for index, arrays in every.items()}
        return
    rest = iter(samples)
    for first in itertools.count(0, size):
        some = list(itertools.islice(rest, size))
        if not some:
            return
        yield {index: _fitting(one, index, _stacked([sample.get(index) for sample in some]), first) for index in inputs}


def _stacked(arrays: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """None where their shapes differ, or one is missing."""
    shapes = {None if array is None else array.shape for array in arrays}
    return np.stack(arrays) if len(shapes) == 1 and None not in shapes else None  # type: ignore[arg-type]


def _fitting(one: Execution, index: int, arrays: np.ndarray | None, first: int) -> np.ndarray:
    """The arrays of one input for the samples from `first` on, if they have its shape and dtype."""
    operand = one.operands[index]
    if arrays is not None and arrays.shape[1:] == operand.shape and arrays.dtype == operand.dtype:
        if arrays.dtype.kind == "f" and np.isnan(arrays).any():
            raise InputError(
                f"samples from {first} on: {operand} is given NaN, for which quantized kernels have no defined result"
            )
        return arrays
    found = "none, or of several shapes" if arrays is None else f"{arrays.dtype} of shape {list(arrays.shape[1:])}"
    raise InputError(
        f"samples from {first} on: {operand} takes {operand.dtype} of shape {list(operand.shape)} for each; found {found}"
    )


def _one_by_one(interpreter: Interpreter, wanted: Sequence[int], chunk: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
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
    wanted: Sequence[int],
    batch: int,
    chunk: dict[int, np.ndarray],
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
