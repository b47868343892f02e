"""Hybrid operators as calls against their references, to the bit: every order of scales, and inputs that are no plain numbers."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matmul_models import F32, I8, conv_2d, depthwise_conv_2d, fully_connected
from one_operator import with_declared_shapes
from oracle import assert_same_bits

from qref.dispatch import tiles
from qref.execution import Execution
from qref.kernels.cpu import COMPILED
from qref.ops.session import Session
from qref.runtimes import runtime
from qref.schema import Buffer, Model

pytestmark = pytest.mark.skipif(not COMPILED, reason="tiles exist only compiled; without, NumPy runs")
RUNTIMES = ("litert-reference", "litert-optimized", "xnnpack")
BUILDERS = {
    "rows": fully_connected,
    "rows_asymmetric": functools.partial(fully_connected, options={"asymmetric_quantize_inputs": True}),
    "rows_without_bias": functools.partial(fully_connected, bias="left away", per_axis=False, symmetric=True),
    "images": conv_2d,
    "images_per_tensor": functools.partial(conv_2d, per_axis=False),
    "channels": functools.partial(depthwise_conv_2d, multiplier=1),
    "channels_repeated": functools.partial(depthwise_conv_2d, multiplier=3),
    "channels_without_bias": functools.partial(depthwise_conv_2d, multiplier=1, has_bias=False),
}
HALF = 0.5 - 2.0**-25
INPUTS = {
    "normal": lambda rng, shape: rng.normal(size=shape) * rng.uniform(0.1, 30),
    "zeros": lambda rng, shape: np.zeros(shape),
    "positive": lambda rng, shape: rng.random(shape),
    "denormal": lambda rng, shape: rng.normal(size=shape) * 1e-40,
    "great": lambda rng, shape: np.clip(rng.normal(size=shape) * 1e38, -3e38, 3e38),
    "halves": lambda rng, shape: rng.choice([127, HALF, -HALF, 0.5, -0.5, 1.5, 2.5], shape),
    "nan": lambda rng, shape: np.where(rng.random(shape) < 0.1, np.nan, rng.normal(size=shape)),
    "infinite": lambda rng, shape: np.where(rng.random(shape) < 0.1, np.inf, rng.normal(size=shape)),
    "less": lambda rng, shape: np.where(rng.random(shape) < 0.1, -np.inf, rng.normal(size=shape)),
}


def without_least_weights(model: Model) -> Model:
    """The model with -127 for -128, which LiteRT takes the wrong way and calls do not."""
    buffer = model.subgraphs[0].tensors[model.subgraphs[0].operators[0].inputs[1]].buffer
    weights = np.maximum(np.frombuffer(model.buffers[buffer].data, np.int8), -127)
    return replace(model, buffers=(*model.buffers[:buffer], Buffer(weights.tobytes()), *model.buffers[buffer + 1 :]))


def prepared(model: Model, name: str) -> tuple[Execution, Execution]:
    forms = tuple(Execution(model, model.subgraphs[0], Session(runtime(name)), kernels) for kernels in ("numba", "numpy"))
    for form in forms:
        form.allocate()
    return forms


def assert_equal_forms(model: Model, name: str, rounds: list[np.ndarray], what: str) -> None:
    forms = prepared(model, name)
    (x,), (y,) = model.subgraphs[0].inputs, model.subgraphs[0].outputs
    for number, values in enumerate(rounds):
        for form in forms:
            form.put(x, values.copy())
            form.invoke()
        assert all(type(part).__name__ == "Program" for part in forms[0].parts), f"{what}: no calls"
        assert_same_bits(forms[0].values[y], forms[1].values[y], f"{what}, round {number}")


@pytest.mark.parametrize("quads", [True, False], ids=["quads", "pairs"])
@pytest.mark.parametrize("builder", BUILDERS)
@settings(max_examples=50)
@given(
    name=st.sampled_from(RUNTIMES),
    kinds=st.lists(st.sampled_from(sorted(INPUTS)), min_size=2, max_size=2),
    seed=st.integers(0, 10**6),
)
def test_calls_give_what_the_reference_gives(builder, quads, name, kinds, seed):
    model = with_declared_shapes(BUILDERS[builder](seed, F32, I8, wide=bool(seed % 2)))
    rng, tensor = np.random.default_rng(seed), model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]
    rounds = [INPUTS[kind](rng, tensor.shape).astype(np.float32) for kind in kinds]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "QUADS", tiles.QUADS and quads)
        assert_equal_forms(without_least_weights(model), name, rounds, f"{builder} {name} {kinds} {seed}")


@pytest.mark.parametrize("size", [1, 7, 8, 15, 16, 17, 33])
def test_the_last_elements_of_an_image_are_rounded_by_themselves(size):
    model = without_least_weights(with_declared_shapes(fully_connected(size, F32, I8, x_shape=(3, size), w_shape=(5, size))))
    x = np.full((3, size), np.float32(HALF))
    x[:, 0] = 127
    assert_equal_forms(model, "litert-reference", [x, -x], f"rows of {size}")
