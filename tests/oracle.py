"""Compares qref with LiteRT on one model: every tensor, every bit, in both of qref's forms."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

import qref
from qref.compare.litert import Litert
from qref.compare.tflm import Tflm
from qref.compare.verify import KERNEL_SET_OF, count_mismatches
from qref.inputs import draw as random_array  # noqa: F401  (tests draw their arrays with it)
from qref.inputs import draw_inputs
from qref.schema import Model, write

needs_tflm = pytest.mark.skipif(not Tflm.is_installed(), reason="tflite-micro is not installed")
needs_litert = pytest.mark.skipif(importlib.util.find_spec("ai_edge_litert") is None, reason="ai-edge-litert is not installed")


@functools.cache
def litert(kernel_set: str = "reference") -> Litert:
    """One LiteRT process for the whole test run."""
    return Litert(kernel_set, timeout=120)


@functools.cache
def tflm() -> Tflm:
    """One TFLM process for the whole test run."""
    return Tflm(timeout=120)


def run_qref(
    model: Model, rounds: Sequence[dict[int, np.ndarray]], kernels: str, runtime: str = "litert-reference"
) -> list[dict[int, np.ndarray]]:
    """Every tensor that holds something after each round, by index."""
    interpreter = qref.Interpreter(model_content=model, kernels=kernels, runtime=runtime)
    for position, array in rounds[0].items() if rounds else ():
        interpreter.resize_tensor_input(model.subgraphs[0].inputs[position], array.shape)
    interpreter.allocate_tensors()
    results = []
    for arrays in rounds:
        for position, array in arrays.items():
            interpreter.set_tensor(model.subgraphs[0].inputs[position], array)
        interpreter.invoke()
        found = {}
        for tensor in model.subgraphs[0].tensors:
            try:
                found[tensor.index] = interpreter.get_tensor(tensor.index)
            except qref.InputError:
                continue
        results.append(found)
    return results


def assert_same_bits(got: np.ndarray, want: np.ndarray, what: str = "") -> None:
    """Equal in dtype, shape and every bit, the sign of zero included; NaN equals NaN."""
    assert (got.dtype, got.shape) == (want.dtype, want.shape), f"{what}: {got.dtype}{got.shape}, LiteRT {want.dtype}{want.shape}"
    if count_mismatches(got, want):
        np.testing.assert_array_equal(got, want, err_msg=what)
        raise AssertionError(f"{what}: only signs of zero differ")


def assert_equals_litert(
    model: Model, rounds: Sequence[dict[int, np.ndarray]] | None = None, kernel_set: str = "reference"
) -> int:
    """qref's numba and NumPy forms both give LiteRT's bits in every tensor; returns how many elements were compared."""
    rounds = [draw_inputs(model, seed) for seed in range(2)] if rounds is None else rounds
    wanted = litert(kernel_set).run(write(model), rounds, keep_all=kernel_set != "xnnpack")
    runtime = next(name for name, its_set in KERNEL_SET_OF.items() if its_set == kernel_set)
    count = 0
    for kernels in ("numba", "numpy"):
        for number, (got, want) in enumerate(zip(run_qref(model, rounds, kernels, runtime), wanted)):
            for index, array in want.items():
                name = model.subgraphs[0].tensors[index].name
                assert_same_bits(got[index], array, f"{kernels}, round {number}, tensor {index} ({name})")
                count += array.size
    assert count, "nothing was compared"
    return count


def with_declared_shapes(model: Model, rounds: Sequence[dict[int, np.ndarray]]) -> Model:
    """The model with every tensor's shape as LiteRT's reference infers it, since TFLM infers none."""
    (found,) = run_qref(model, rounds[:1], "numpy")
    graph = model.subgraphs[0]
    tensors = tuple(replace(t, shape=found[t.index].shape) if t.index in found else t for t in graph.tensors)
    return replace(model, subgraphs=(replace(graph, tensors=tensors), *model.subgraphs[1:]))


def assert_equals_tflm(model: Model, rounds: Sequence[dict[int, np.ndarray]] | None = None) -> int:
    """qref's numba and NumPy forms both give TFLM's bits in every tensor; returns how many elements were compared."""
    rounds = [draw_inputs(model, seed) for seed in range(2)] if rounds is None else rounds
    wanted = tflm().run(write(model), rounds)
    count = 0
    for kernels in ("numba", "numpy"):
        for number, (got, want) in enumerate(zip(run_qref(model, rounds, kernels, "tflm"), wanted)):
            for index, array in want.items():
                assert_same_bits(got[index], array, f"{kernels}, round {number}, tensor {index}")
                count += array.size
    assert count, "nothing was compared"
    return count
