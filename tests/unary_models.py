"""Models of one operator with one operand, for the tests of functions of one operand."""

from __future__ import annotations

from typing import Any

import numpy as np

from qref.schema import GraphBuilder, Model, TensorType

UnaryOptions = dict[str, tuple[str, dict[str, Any]]]

OPTIONS: UnaryOptions = {
    "GELU": ("GeluOptions", {}),
    "LEAKY_RELU": ("LeakyReluOptions", {"alpha": 0.2}),
    "SOFTMAX": ("SoftmaxOptions", {"beta": 1.0}),
    "L2_NORMALIZATION": ("L2NormOptions", {}),
}


def unary_model(
    name: str,
    type: TensorType,
    shape: tuple[int, ...],
    x: tuple[float, int] | None = None,
    y: tuple[float, int] | None = None,
    *,
    options: tuple[str, dict[str, Any]] | None = None,
    output_type: TensorType | None = None,
    output_shape: tuple[int, ...] | None = None,
) -> Model:
    """A model of one operator; x and y are (scale, zero point), None where the tensor is not quantized."""
    graph = GraphBuilder()
    source = graph.input("x", type, shape, **_quantization(x))
    result = graph.tensor("y", output_type or type, output_shape or shape, **_quantization(y))
    graph.operator(name, [source], [result], options or OPTIONS.get(name))
    return graph.model(outputs=[result])


def _quantization(pair: tuple[float, int] | None) -> dict[str, Any]:
    return {} if pair is None else {"scale": pair[0], "zero_point": pair[1]}


def every_value(dtype: Any) -> np.ndarray:
    """All values of an integer type of 8 or 16 bits, in order."""
    limits = np.iinfo(dtype)
    return np.arange(limits.min, limits.max + 1).astype(dtype)


def every_float16() -> np.ndarray:
    """All float16 values but NaN."""
    values = np.arange(2**16, dtype=np.uint16).view(np.float16)
    return values[~np.isnan(values)]


def random_scale(rng: np.random.Generator, low: float, high: float) -> float:
    """A scale between low and high: a power of two, a short decimal that provokes ties, or any."""
    kind = rng.integers(3)
    value = np.exp(rng.uniform(np.log(low), np.log(high)))
    if kind == 0:
        return float(np.clip(2.0 ** np.round(np.log2(value)), low, high))
    return float(f"{value:.1g}") if kind == 1 else float(value)
