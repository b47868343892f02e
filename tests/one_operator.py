"""Models of one operator, in a line, and what becomes of them in qref and in LiteRT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from oracle import assert_equals_litert, litert, random_array, run_qref

import qref
from qref.schema import GraphBuilder, Model, TensorType, write

FIRST_VERSIONS = {"BROADCAST_TO": 2}  # where LiteRT has no version 1


@dataclass(frozen=True)
class T:
    """An operand: a type and shape, or a constant; per-tensor quantization where it has a scale."""

    type: TensorType
    shape: Sequence[int] = ()
    scale: Any = None
    zero_point: Any = 0
    value: np.ndarray | None = None


def const(value: Any, dtype: Any = np.int32, scale: Any = None, zero_point: Any = 0) -> T:
    """A constant operand."""
    array = np.asarray(value, dtype)
    return T(next(t for t in TensorType if t.dtype is not None and t.dtype == array.dtype), array.shape, scale, zero_point, array)


def model_of(
    name: str,
    inputs: Sequence[T | None],
    outputs: Sequence[T],
    options: tuple[str, Mapping[str, Any]] | None = None,
    version: int | None = None,
) -> Model:
    """A model of that one operator; operands without a value are inputs of the graph."""
    graph = GraphBuilder()
    operands = []
    for position, t in enumerate(inputs):
        if t is None:
            operands.append(-1)
        elif t.value is not None:
            operands.append(graph.constant(f"c{position}", t.value, t.type, scale=t.scale, zero_point=t.zero_point))
        else:
            operands.append(graph.input(f"x{position}", t.type, t.shape, scale=t.scale, zero_point=t.zero_point))
    results = [graph.tensor(f"y{i}", t.type, t.shape, scale=t.scale, zero_point=t.zero_point) for i, t in enumerate(outputs)]
    graph.operator(name, operands, results, options, version=version or FIRST_VERSIONS.get(name, 1))
    return graph.model(outputs=results)


def evaluate(model: Model, *inputs: np.ndarray, kernels: str = "numba") -> list[np.ndarray]:
    """What qref computes for the inputs, one array for each output of the graph."""
    (found,) = run_qref(model, [dict(enumerate(inputs))], kernels)
    return [found[index] for index in model.subgraphs[0].outputs]


def compare(model: Model, *inputs: np.ndarray) -> int:
    """assert_equals_litert on given inputs, on drawn ones where there are none."""
    return assert_equals_litert(model, [dict(enumerate(inputs))] if inputs else None)


def both_refuse(model: Model, *inputs: np.ndarray) -> str:
    """qref raises ModelError or InputError where LiteRT refuses too; returns qref's message."""
    rounds = [dict(enumerate(inputs))]
    try:
        litert().run(write(model), rounds)
    except qref.BackendError:
        pass
    else:
        raise AssertionError("LiteRT takes this model")
    return refusal(model, *inputs)


def refusal(model: Model, *inputs: np.ndarray) -> str:
    """The message with which qref refuses a model or its inputs."""
    try:
        evaluate(model, *inputs)
    except (qref.ModelError, qref.InputError) as error:
        return str(error)
    raise AssertionError("qref takes this model")


def every(rng: np.random.Generator, type: TensorType, shape: Sequence[int]) -> np.ndarray:
    """A random array of the type."""
    return random_array(rng, tuple(shape), type.dtype)


def with_declared_shapes(model: Model) -> Model:
    """The model with the true shapes of its outputs declared: XNNPACK leaves convolutions whose output has no shape."""
    interpreter = qref.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    graph = model.subgraphs[0]
    shapes = {detail["index"]: tuple(int(n) for n in detail["shape"]) for detail in interpreter.get_output_details()}
    tensors = tuple(replace(t, shape=shapes.get(t.index, t.shape)) for t in graph.tensors)
    return replace(model, subgraphs=(replace(graph, tensors=tensors), *model.subgraphs[1:]))
