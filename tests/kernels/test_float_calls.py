"""Float32 operators as calls against their references: the order of sums, padding, operands that broadcast, zeros and NaN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matmul_models import F32, conv_2d, depthwise_conv_2d, fully_connected
from oracle import assert_same_bits

from qref.dispatch import float_calls
from qref.dispatch.calls import CALLS, has_calls
from qref.dispatch.program import Program
from qref.execution import Execution
from qref.inputs import draw
from qref.kernels.cpu import COMPILED
from qref.ops import _convolution as convolution
from qref.ops import _pooling as pooling
from qref.ops import _relu, _unary, abs, add, average_pool_2d, div, leaky_relu, max_pool_2d, mean, mul, neg, softmax, sub, sum
from qref.ops._elementwise import PlainPlan
from qref.ops._reduction import ReducePlan
from qref.ops.optimized import fully_connected as optimized_fc
from qref.ops.optimized import mean as optimized_mean
from qref.ops.optimized import softmax as optimized_softmax
from qref.ops.session import Session
from qref.ops.xnnpack import _float, _functions, _reduction
from qref.ops.xnnpack import _unary as xnnpack_unary
from qref.ops.xnnpack import average_pool_2d as xnnpack_average
from qref.ops.xnnpack import leaky_relu as xnnpack_leaky_relu
from qref.ops.xnnpack import max_pool_2d as xnnpack_max
from qref.ops.xnnpack import softmax as xnnpack_softmax
from qref.ops.xnnpack._cpu import has_avx512
from qref.runtimes import runtime
from qref.schema import Padding

pytestmark = pytest.mark.skipif(not COMPILED, reason="calls exist only compiled; without, the references run")
SEEDS = st.integers(0, 2**32 - 1)
RUNTIMES = st.sampled_from(["litert-reference", "litert-optimized", "xnnpack"])
LIMITS = np.float32(-1.5), np.float32(2)
RARE = np.float32([0.0, -0.0, 1e-40, -1e-40, 2.0**-126, np.inf, -np.inf, np.nan, 3e38, -3e38])


def numbers(rng: np.random.Generator, shape: tuple[int, ...], share: float = 0.1) -> np.ndarray:
    """Drawn numbers, some of them rare."""
    x = (rng.normal(size=shape) * 10.0 ** rng.integers(-3, 2)).astype(np.float32)
    return np.where(rng.random(shape) < share, rng.choice(RARE, shape), x)


def equal_to_the_reference(reference, plan, *inputs: np.ndarray, constants=(None, None, None)) -> None:
    with np.errstate(all="ignore"):
        want = reference(*inputs, plan)
    y = np.full(want.shape, 99, want.dtype)
    calls = CALLS[reference](plan, constants[: len(inputs)], inputs, [y])
    assert calls is not None
    Program(calls)()
    assert_same_bits(y, want, reference.__name__)


@pytest.mark.parametrize(
    ("build", "fields"),
    [
        (conv_2d, {}),
        (conv_2d, {"groups": 3}),
        (conv_2d, {"wide": True}),
        (depthwise_conv_2d, {"wide": True}),
        (fully_connected, {}),
        (fully_connected, {"wide": True}),
    ],
    ids=lambda v: getattr(v, "__name__", None),
)
@settings(max_examples=25)
@given(name=RUNTIMES, seed=SEEDS)
def test_matmuls(build, fields, name, seed):
    model = build(seed, F32, **fields)
    execution = Execution(model, model.subgraphs[0], Session(runtime(name)), "numpy")
    execution.allocate()
    prepared, operands = execution.steps[0].prepared, execution.steps[0].node.inputs
    constants = [None if o is None else o.constant for o in operands]
    assert has_calls(prepared)
    for again in range(2):  # the padded image is used again
        x = draw(np.random.default_rng(seed + again), operands[0].shape, operands[0].dtype)
        equal_to_the_reference(prepared.reference, prepared.plan, x, *constants[1:], constants=[None, *constants[1:]])


@pytest.mark.parametrize("depth", [1, 3, 4, 7, 8, 13, 16, 23, 1017, 1500])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 19), (5, 1), (2, 3), (4, 8), (7, 15), (9, 66)])
def test_every_order_of_eigen(rows, columns, depth):
    rng = np.random.default_rng(depth)
    x, w, b = (numbers(rng, shape, 0) for shape in ((rows, depth), (columns, depth), (columns,)))
    for l1_bytes in (2**14, 3 * 2**14):
        plan = optimized_fc.Float32Plan(*LIMITS, (rows, columns), l1_bytes)
        equal_to_the_reference(optimized_fc.fully_connected_float32, plan, x, w, b, constants=(None, w, b))


@given(st.sampled_from(["same", "rows", "columns", "one"]), st.booleans(), SEEDS)
def test_operands_that_broadcast(form, exchanged, seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 6, 3).tolist())
    other = {"same": shape, "rows": (*shape[:2], 1), "columns": shape[2:], "one": ()}[form]
    x = [numbers(rng, shape), numbers(rng, other)][:: -1 if exchanged else 1]
    for reference in float_calls.PLAIN:
        limited = reference in (add.add, sub.sub, mul.mul, div.div_float32)
        equal_to_the_reference(reference, PlainPlan(*LIMITS) if limited else None, *x)
    for function in float_calls.NORMAL_TWO:
        equal_to_the_reference(_float.float_operands, _float.FloatPlan(function, *LIMITS), *x)
    constants = [None, x[1]] if x[1].size <= x[0].size else [x[0], None]
    equal_to_the_reference(add.add, PlainPlan(*LIMITS), *x, constants=constants)


@given(st.integers(1, 70), SEEDS)
def test_functions(size, seed):
    x = numbers(np.random.default_rng(seed), (size,))
    flushing = [_functions.flushing(function) for function in float_calls.NORMAL_ONE]
    for function in (*float_calls.FUNCTIONS, *(float_calls.NORMAL.keys() - float_calls.NORMAL_ONE), *flushing):
        equal_to_the_reference(_unary.by_function, _unary.FunctionPlan(function), x)
    for reference in (_relu.clamp_float32, xnnpack_unary.clamp):
        equal_to_the_reference(reference, _relu.Float32ClampPlan(np.float32(0), np.float32(6)), x)
    for reference in (neg.negative, abs.absolute):
        equal_to_the_reference(reference, _unary.AsIs(), x)
    for reference in (leaky_relu.leaky_relu_float32, *[xnnpack_leaky_relu.leaky_relu_float32] * has_avx512()):
        equal_to_the_reference(reference, leaky_relu.Float32LeakyReluPlan(np.float32(-0.3)), x)


@given(st.integers(1, 70), st.integers(1, 3), SEEDS)
def test_softmax(size, rows, seed):
    x = np.nan_to_num(numbers(np.random.default_rng(seed), (rows, size)), nan=1, posinf=9, neginf=-9).clip(-200, 200)
    for lanes in (8, 16):
        equal_to_the_reference(xnnpack_softmax.softmax_float32, xnnpack_softmax.SoftmaxFloat32Plan(lanes), x)
    for reference in (softmax.softmax_float, optimized_softmax.softmax_float32):
        equal_to_the_reference(reference, softmax.FloatSoftmaxPlan(np.float32(0.7)), x)


@given(st.data(), SEEDS)
def test_pooling(data, seed):
    sizes = st.integers(1, 7)
    padding = data.draw(st.sampled_from(list(Padding)))
    axes = [convolution.window(padding, data.draw(sizes), data.draw(sizes), data.draw(st.integers(1, 3)), 1) for _ in "hw"]
    count = np.multiply.outer(*(pooling._count(axis) for axis in axes))[..., None]
    plan = pooling.PoolPlan(*axes, count, *LIMITS, (2, axes[0].output_size, axes[1].output_size, 3))
    if 0 in plan.output_shape:
        return
    x = numbers(np.random.default_rng(seed), (2, axes[0].image_size, axes[1].image_size, 3), 0.02)
    for reference in (average_pool_2d.average_pool_2d_float32, max_pool_2d.max_pool_2d, xnnpack_average.average_pool_2d):
        equal_to_the_reference(reference, plan, x)
    equal_to_the_reference(xnnpack_max.max_pool_2d_float32, plan, x)


@given(st.sampled_from([(0,), (1,), (0, 1), (1, 2), (2,)]), SEEDS)
def test_means(axes, seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 14, 3).tolist())
    kept = tuple(n for i, n in enumerate(shape) if i not in axes)
    x, axis, plan = numbers(rng, shape, 0.01), np.array(axes, np.int32), ReducePlan(axes, kept, False)
    for reference in (mean.mean_float32, optimized_mean.mean_float32, sum.sum_float32):
        equal_to_the_reference(reference, plan, x, axis, constants=(None, axis))
    if 2 not in axes:
        plan = _reduction.FloatSumPlan(axes, kept, np.float32(0.3), 16)
        equal_to_the_reference(_reduction.sum_float32, plan, x, axis, constants=(None, axis))
