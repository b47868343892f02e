"""Tiles against the NumPy forms: every rounding rule, both forms of groups, blocks and rows that are not full."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matmul_models import I8, I16, I32, U8, conv_2d, depthwise_conv_2d, fully_connected
from oracle import assert_same_bits

from qref.arithmetic.fixed_point import wrap_int32
from qref.arithmetic.requantize import DoubleRounding, Float32HalfEven, Float64HalfAway, HalfUp, SingleRounding64
from qref.dispatch import tiles
from qref.dispatch.convolution import bind_depthwise_conv_2d
from qref.dispatch.depthwise import DepthwiseTiles
from qref.dispatch.tiled import ConvolutionTiles, RowTiles, depthwise_tiles
from qref.execution import Execution
from qref.inputs import draw
from qref.kernels.cpu import COMPILED
from qref.ops import conv_2d as conv
from qref.ops import depthwise_conv_2d as depthwise
from qref.ops._convolution import Axis, window
from qref.ops._matmul import IntegerPlan
from qref.ops.session import Session
from qref.runtimes import runtime
from qref.schema.enums import Padding

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


FORMS = {"amx": tiles.AMX, "quads": tiles.QUADS, "pairs": True}  # and whether this CPU has what they need


@pytest.fixture(params=FORMS)
def form(request):
    """A form of inputs and weights that is taken wherever the types allow it, for any number of rows."""
    if not FORMS[request.param]:
        pytest.skip(f"this CPU, or this process, has no {request.param}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "AMX", request.param == "amx")
        patch.setattr(tiles, "QUADS", request.param != "pairs")
        patch.setattr(tiles, "FEWEST_ROWS", 1)
        patch.setattr(tiles, "FEWEST_PRODUCTS", 1)
        yield request.param


@pytest.mark.parametrize(("build", "kind", "fields"), CASES, ids=lambda v: getattr(v, "__name__", None))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # what it sets is the same for all examples
@given(name=st.sampled_from(["litert-reference", "litert-optimized", "xnnpack"]), seed=SEEDS)
def test_tiles_give_what_the_reference_gives(build, kind, fields, form, name, seed):
    if kind is DepthwiseTiles and form == "amx":
        pytest.skip("AMX computes products of matrices only")
    model = build(seed, **fields)
    execution = Execution(model, model.subgraphs[0], Session(runtime(name)), "numpy")
    execution.allocate()
    prepared, operands = execution.steps[0].prepared, execution.steps[0].node.inputs
    rng = np.random.default_rng(seed)
    arrays = [None if o is None else o.constant if o.constant is not None else draw(rng, o.shape, o.dtype) for o in operands]
    made = kind.of(*arrays[:2], arrays[2] if len(arrays) > 2 else None, prepared.plan)
    assert made is not None
    for again in range(2):  # the padded image is used again
        x = arrays[0] if again == 0 else draw(rng, operands[0].shape, operands[0].dtype)
        y = np.empty(prepared.plan.output_shape, prepared.plan.output_dtype)
        for call in made.calls(x, y):
            call.kernel(*call.arguments)
        assert_same_bits(y, prepared.reference(x, *arrays[1:], prepared.plan), f"{build.__name__} {fields} {name} {seed}")


@pytest.mark.parametrize("depth", [1, 11, 64, 130, 192])
@pytest.mark.parametrize("channels", [1, 15, 16, 17, 33, 64, 65, 100])
def test_channels_rows_and_groups_that_fill_no_tile(channels, depth, form):
    rng = np.random.default_rng(channels * depth)
    w = matrices(rng, channels, depth)
    for rows in (1, 2, 13, 29, 32, 49, 71):
        x, y = matrices(rng, rows, depth), np.full((rows, channels), -1, np.int32)
        for call in RowTiles.of(x, w, None, plan_of(y.shape)).calls(x, y):
            call.kernel(*call.arguments)
        np.testing.assert_array_equal(y, (x.astype(np.int64) + 5) @ w.T.astype(np.int64))


@pytest.mark.parametrize("limits", [(-128, 127), (-100, 90), (7, 8)])
@pytest.mark.parametrize("offset", [-128, 0, 127])
@pytest.mark.parametrize("rule", [Float32HalfEven, Float64HalfAway, DoubleRounding, HalfUp])
def test_scales_of_all_sizes_and_the_sum_with_the_zero_point_in_32_bits(rule, offset, limits, form):
    rng = np.random.default_rng(3)
    x, w = matrices(rng, 37, 200), matrices(rng, 45, 200)
    bias = rng.integers(-(2**20), 2**20, 45).astype(np.int32)
    acc = (x.astype(np.int64) + 5) @ w.T.astype(np.int64) + bias
    for scale in (2.0**-12, 0.0371, 0.999, 1.5, 77.0, 1e8)[: 3 if rule in (DoubleRounding, HalfUp) else None]:
        requantize = rule.of(scale * rng.uniform(0.5, 1, 45))
        plan = IntegerPlan(5, 0, offset, requantize, *limits, 32, (37, 45), np.dtype(np.int8))
        y = np.empty(plan.output_shape, np.int8)
        for call in RowTiles.of(x, w, bias, plan).calls(x, y):
            call.kernel(*call.arguments)
        np.testing.assert_array_equal(y, np.clip(wrap_int32(requantize(acc) + offset), *limits), str(scale))


@pytest.mark.parametrize("first", [0, 1, 16, 30])
@pytest.mark.parametrize("count", [1, 15, 16, 17, 40])
def test_a_part_of_the_rows(first, count, form):
    rng = np.random.default_rng(first + count)
    x, w = matrices(rng, 80, 64), matrices(rng, 40, 64)
    y, expected = np.full((80, 40), -1, np.int32), np.full((80, 40), -1, np.int32)
    (*_, call) = RowTiles.of(x, w, None, plan_of(y.shape)).calls(x, y)
    flat, pixels, *rest = call.arguments
    flat[...] = (x.astype(np.int32) + (128 if flat.dtype == np.uint8 else 5 if flat.dtype == np.int16 else 0)).reshape(-1)
    call.kernel(flat, pixels[first : first + count], *rest[:-1], y[first : first + count])
    expected[first : first + count] = ((x.astype(np.int64) + 5) @ w.T.astype(np.int64))[first : first + count]
    np.testing.assert_array_equal(y, expected)


def test_threads_that_take_parts_of_the_rows(form):
    rng = np.random.default_rng(0)
    x, w = matrices(rng, 640, 64), matrices(rng, 40, 64)
    y = np.full((640, 40), -1, np.int32)
    *copies, call = RowTiles.of(x, w, None, plan_of(y.shape)).calls(x, y)
    for copy in copies:
        copy.kernel(*copy.arguments)
    flat, pixels, *rest = call.arguments

    def part(first: int) -> None:
        call.kernel(flat, pixels[first : first + 40], *rest[:-1], y[first : first + 40])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(part, range(0, 640, 40)))
    np.testing.assert_array_equal(y, (x.astype(np.int64) + 5) @ w.T.astype(np.int64))


@pytest.mark.parametrize("x_type", [np.int8, np.uint8])
@pytest.mark.parametrize(
    ("depth", "filters", "stride", "dilation"), [(64, 1, 1, 1), (64, 3, 1, 1), (64, 2, 2, 2), (32, 2, 1, 2), (7, 3, 2, 1)]
)
def test_windows_read_from_the_image_as_it_is(depth, filters, stride, dilation, x_type, form):
    rng = np.random.default_rng(depth)
    size, reach = 19, (filters - 1) * dilation
    limits = np.iinfo(x_type)
    x = tiles.aligned(rng.integers(limits.min, limits.max + 1, (2, size, size, depth)).astype(x_type))
    w = rng.integers(-127, 128, (24, filters, filters, depth)).astype(np.int8)
    count = (size - reach - 1) // stride + 1
    axis = Axis(size, filters, count, stride, dilation, 0)
    plan = conv.ConvPlan(
        -7,
        0,
        0,
        HalfUp(np.full(24, 2**30), np.full(24, 1)),
        -(2**31),
        2**31 - 1,
        32,
        (2, count, count, 24),
        I32.dtype,
        (axis, axis),
        1,
    )
    y = np.empty(plan.output_shape, np.int32)
    calls = ConvolutionTiles.of(x, w, None, plan).calls(x, y)
    assert len(calls) == 1 or form != "amx" or axis.padded_size != size
    for call in calls:
        call.kernel(*call.arguments)
    assert_same_bits(y, conv.conv_2d(x, w, np.zeros(24, np.int32), plan), f"{depth} {filters} {stride} {dilation}")


def matrices(rng: np.random.Generator, rows: int, depth: int) -> np.ndarray:
    return tiles.aligned(rng.integers(-128, 128, (rows, depth)).astype(np.int8))


def plan_of(shape: tuple[int, int]) -> IntegerPlan:
    """Accumulators as they are."""
    rule = HalfUp(np.full(shape[1], 2**30), np.full(shape[1], 1))
    return IntegerPlan(5, 0, 0, rule, -(2**31), 2**31 - 1, 32, shape, np.dtype(np.int32))


@pytest.mark.parametrize("rule", [DoubleRounding, HalfUp])
@pytest.mark.parametrize("shift", [0, -1, -2, -8, -24, -31])
def test_accumulators_at_the_ends_of_int32(rule, shift, form):
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
def test_weights_that_leave_int8_are_split(beyond, channels, form):
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


@given(
    channels=st.sampled_from([1, 3, 8, 16, 31, 33, 63, 64, 65, 96, 100, 128, 130]),
    filters=st.tuples(st.integers(1, 6), st.sampled_from([3, 6])),  # one compiled for its size, one not
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilations=st.sampled_from([(1, 1), (2, 1), (1, 3), (2, 2)]),
    image=st.tuples(st.integers(1, 2), st.integers(1, 12), st.integers(1, 9)),
    multiplier=st.sampled_from([1, 1, 2, 3]),
    dtype=st.sampled_from([np.int8, np.int16]),
    quads=st.booleans(),
    seed=SEEDS,
)
def test_depthwise_blocks_that_cut_rows_in_every_way(
    channels, filters, strides, dilations, image, multiplier, dtype, quads, seed
):
    axes = tuple(window(Padding.SAME, *sizes) for sizes in zip(image[1:], filters, strides, dilations))
    rng, count = np.random.default_rng(seed), channels * multiplier
    x = draw(rng, (*image, channels), np.dtype(dtype))
    w = rng.integers(-128, 128, (1, *filters, count)).astype(np.int8)
    shape = (image[0], axes[0].output_size, axes[1].output_size, count)
    rule = Float32HalfEven(rng.uniform(0.0001, 0.5, count).astype(np.float32))
    offset = 9 if dtype == np.int8 else 0
    plan = depthwise.DepthwiseConvPlan(offset, 0, 5, rule, -100, 127, 32, shape, np.dtype(dtype), axes, multiplier)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "QUADS", tiles.QUADS and quads)
        made = DepthwiseTiles.of(x, w, None, plan)
    y = np.empty(shape, dtype)
    (call,) = made.calls(x, y)
    *arguments, first, last = call.arguments
    cut = int(rng.integers(first, last + 1))  # any rows of the output can be computed alone
    call.kernel(*arguments, cut, last)
    call.kernel(*arguments, first, cut)
    assert_same_bits(y, depthwise.depthwise_conv_2d(x, w, None, plan), f"{plan}")


@pytest.mark.parametrize("rule", [DoubleRounding, HalfUp, Float64HalfAway])
@pytest.mark.parametrize("offset", [-100, 100])
def test_the_sum_with_the_zero_point_wraps(rule, offset):
    channels = 64
    bias = np.concatenate([2**31 - 1 - np.arange(32), -(2**31) + np.arange(32)]).astype(np.int32)
    rule = rule(np.ones(channels)) if rule == Float64HalfAway else rule(np.full(channels, 2**30), np.full(channels, 1))
    axes = (window(Padding.SAME, 2, 3, 1, 1),) * 2
    x, w, y = (
        np.zeros((1, 2, 2, channels), np.int8),
        np.zeros((1, 3, 3, channels), np.int8),
        np.empty((1, 2, 2, channels), np.int8),
    )
    plan = depthwise.DepthwiseConvPlan(0, 0, offset, rule, -128, 127, 32, y.shape, y.dtype, axes, 1)
    for call in DepthwiseTiles.of(x, w, bias, plan).calls(x, y):
        call.kernel(*call.arguments)
    assert_same_bits(y, depthwise.depthwise_conv_2d(x, w, bias, plan), f"{plan}")


@pytest.mark.parametrize(("multiplier", "kind"), [(7, DepthwiseTiles), (8, ConvolutionTiles), (20, ConvolutionTiles)])
def test_many_filters_of_a_single_channel_are_a_convolution(multiplier, kind):
    rng = np.random.default_rng(multiplier)
    axes = window(Padding.SAME, 9, 3, 2, 1), window(Padding.SAME, 7, 4, 1, 2)
    x, w = draw(rng, (2, 9, 7, 1), np.dtype(np.uint8)), draw(rng, (1, 3, 4, multiplier), np.dtype(np.int8))
    b, rule = draw(rng, (multiplier,), np.dtype(np.int32)) >> 16, HalfUp(np.full(multiplier, 2**30), np.full(multiplier, -8))
    plan = depthwise.DepthwiseConvPlan(-3, 1, 7, rule, 0, 255, 32, (2, 5, 7, multiplier), np.dtype(np.uint8), axes, multiplier)
    made, y = depthwise_tiles(x, w, b, plan), np.empty(plan.output_shape, np.uint8)
    assert isinstance(made, kind)
    for call in made.calls(x, y):
        call.kernel(*call.arguments)
    assert_same_bits(y, depthwise.depthwise_conv_2d(x, w, b, plan), f"{plan}")


@pytest.mark.parametrize("image", [(2, 9), (9, 2)])
def test_depthwise_windows_that_fit_nowhere(image):
    axes = tuple(window(Padding.VALID, size, 3, 1, 1) for size in image)
    x, w = np.zeros((1, *image, 5), np.int8), np.zeros((1, 3, 3, 5), np.int8)
    shape, rule = (1, axes[0].output_size, axes[1].output_size, 5), HalfUp(np.full(5, 2**30), np.full(5, -8))
    plan = depthwise.DepthwiseConvPlan(0, 0, 0, rule, -128, 127, 32, shape, x.dtype, axes, 1)
    assert depthwise_tiles(x, w, None, plan) is None
    y = bind_depthwise_conv_2d(plan, (None, w, None))(x, w, None)
    assert y.shape == shape  # one of them is 0


@pytest.mark.parametrize("channels", [5, 32, 40])
def test_depthwise_sums_are_in_the_order_of_the_channels(channels):
    rng = np.random.default_rng(channels)
    axes = (window(Padding.SAME, 5, 3, 1, 1),) * 2
    x, w = draw(rng, (1, 5, 5, channels), np.dtype(np.int16)), draw(rng, (1, 3, 3, channels), np.dtype(np.int8))
    rule, y = SingleRounding64.of(np.ones(1)), np.empty(x.shape, np.int32)
    plan = depthwise.DepthwiseConvPlan(0, 0, 0, rule, 0, 0, 32, y.shape, y.dtype, axes, 1)
    for call in DepthwiseTiles.of(x, w, None, plan).calls(x, y):
        call.kernel(*call.arguments)
    assert_same_bits(y, depthwise.accumulate(x, w, None, plan).astype(np.int32), f"{channels}")
