"""Tiles against the NumPy forms: every rounding rule, both forms of groups, blocks and rows that are not full."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matmul_models import I8, I16, I32, U8, conv_2d, depthwise_conv_2d, fully_connected
from oracle import assert_same_bits

from qref.arithmetic.requantize import DoubleRounding, HalfUp
from qref.dispatch import tiles
from qref.dispatch.tiled import ConvolutionTiles, DepthwiseTiles, RowTiles
from qref.execution import Execution
from qref.inputs import draw
from qref.kernels.vector import COMPILED
from qref.ops import conv_2d as conv
from qref.ops._convolution import Axis
from qref.ops._matmul import IntegerPlan
from qref.ops.session import Session
from qref.runtimes import runtime

pytestmark = pytest.mark.skipif(not COMPILED, reason="tiles exist only compiled; without, plain loops run")
SEEDS = st.integers(0, 2**32 - 1)
INT32_BIAS = {"bias_type": I32, "options": {"quantized_bias_type": I32}}
CASES = [
    *[(conv_2d, ConvolutionTiles, {"x_type": x, "per_axis": x == I8}) for x in (I8, U8)],
    (conv_2d, ConvolutionTiles, {"x_type": I16, **INT32_BIAS}),
    *[(depthwise_conv_2d, DepthwiseTiles, {"x_type": x, "per_axis": x == I8}) for x in (I8, U8)],
    *[(fully_connected, RowTiles, {"x_type": x, "per_axis": x == I8}) for x in (I8, U8)],
    (fully_connected, RowTiles, {"x_type": I16, **INT32_BIAS}),
]


@pytest.mark.parametrize("quads", [True, False], ids=["quads", "pairs"])
@pytest.mark.parametrize(("build", "kind", "fields"), CASES, ids=lambda v: getattr(v, "__name__", None))
@given(name=st.sampled_from(["litert-reference", "litert-optimized", "xnnpack"]), seed=SEEDS)
def test_tiles_give_what_the_reference_gives(build, kind, fields, quads, name, seed):
    model = build(seed, **fields)
    execution = Execution(model, model.subgraphs[0], Session(runtime(name)), "numpy")
    execution.allocate()
    prepared, operands = execution.steps[0].prepared, execution.steps[0].node.inputs
    rng = np.random.default_rng(seed)
    arrays = [None if o is None else o.constant if o.constant is not None else draw(rng, o.shape, o.dtype) for o in operands]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "QUADS", tiles.QUADS and quads)
        made = kind.of(*arrays[:2], arrays[2] if len(arrays) > 2 else None, prepared.plan)
    assert made is not None
    for again in range(2):  # the padded image is used again
        x = arrays[0] if again == 0 else draw(rng, operands[0].shape, operands[0].dtype)
        y = np.empty(prepared.plan.output_shape, prepared.plan.output_dtype)
        for call in made.calls(x, y):
            call.kernel(*call.arguments)
        assert_same_bits(y, prepared.reference(x, *arrays[1:], prepared.plan), f"{build.__name__} {fields} {name} {seed}")


@pytest.mark.parametrize("channels", [1, 15, 16, 17, 33, 64, 65, 100])
@pytest.mark.parametrize("rows", [1, 2, 13, 29])
def test_channels_and_rows_that_fill_no_tile(channels, rows):
    rng = np.random.default_rng(channels * rows)
    x, w = rng.integers(-128, 128, (rows, 11)).astype(np.int8), rng.integers(-128, 128, (channels, 11)).astype(np.int8)
    form, vectors = tiles.Form.of(x.dtype, 5, w), tiles.vectors_of(channels)
    panels, segments = tiles.pack(w.astype(np.int32)[:, None], np.zeros(1, np.int64), form, len(vectors))
    start = tiles.start_of(None, w.astype(np.int32), form)
    padded = np.zeros(panels.shape[0] * len(vectors) * 16, np.int32)
    padded[:channels] = start
    image = form.image((rows, 11))
    image[...] = (x.astype(np.int16) + form.offset).astype(form.dtype)
    acc, limits = np.full((rows, channels), -1, np.int32), np.zeros(3, np.int32)
    from qref.kernels import tile

    pixels, flat, each = np.arange(rows) * 11, image.reshape(-1), tile.ROWS[len(vectors)]
    tile.matmul(flat, pixels, *segments, panels, vectors, each, (padded,), limits, acc)
    np.testing.assert_array_equal(acc, (x.astype(np.int64) + 5) @ w.T.astype(np.int64))


@pytest.mark.parametrize("rule", [DoubleRounding, HalfUp])
@pytest.mark.parametrize("shift", [0, -1, -2, -8, -24, -31])
def test_accumulators_at_the_ends_of_int32(rule, shift):
    channels = 32
    bias = np.concatenate([2**31 - 1 - np.arange(16), -(2**31) + np.arange(16)]).astype(np.int32)
    requantize = rule(np.full(channels, 2**31 - 1), np.full(channels, shift))
    x, w, y = np.zeros((1, 4), np.int8), np.zeros((channels, 4), np.int8), np.empty((1, channels), np.int32)
    plan = IntegerPlan(0, 0, 0, requantize, -(2**31), 2**31 - 1, 32, y.shape, y.dtype)
    for call in RowTiles.of(x, w, bias, plan).calls(x, y):
        call.kernel(*call.arguments)
    np.testing.assert_array_equal(y[0], requantize(bias.astype(np.int64)))


@pytest.mark.parametrize("beyond", [[], [127], [128], [254], [-129, 3], [-256, 200], [255], [-257], [200] * 40])
@pytest.mark.parametrize("channels", [1, 40])
def test_weights_that_leave_int8_are_split(beyond, channels):
    rng = np.random.default_rng(len(beyond))
    w = rng.integers(-128, 128, (channels, 3, 3, 7)).astype(np.int16)
    w.reshape(-1)[rng.choice(w.size, len(beyond), replace=False)] = beyond
    x, plan = rng.integers(0, 256, (1, 6, 5, 7)).astype(np.uint8), plan_of_conv(channels)
    y = np.empty(plan.output_shape, np.int32)
    for call in ConvolutionTiles.of(x, w, None, plan).calls(x, y):
        call.kernel(*call.arguments)
    assert_same_bits(y, conv.conv_2d(x, w, np.zeros(channels, np.int32), plan), f"{beyond} {channels}")


def plan_of_conv(channels: int) -> conv.ConvPlan:
    rule = HalfUp(np.full(channels, 2**30), np.full(channels, 1))
    axes = Axis(6, 3, 6, 1, 1, 1), Axis(5, 3, 3, 1, 1, 0)
    return conv.ConvPlan(-7, 0, 0, rule, -(2**31), 2**31 - 1, 32, (1, 6, 3, channels), np.dtype(np.int32), axes, 1)
