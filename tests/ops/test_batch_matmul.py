"""BATCH_MATMUL against LiteRT's reference kernels: every type, transposed operands, broadcast batches, what both refuse."""

from __future__ import annotations

import numpy as np
import pytest
from matmul_models import F32, I8, I16, I32, batch_matmul
from one_operator import T, both_refuse, compare, const, evaluate, model_of, refusal
from oracle import assert_equals_litert, needs_litert

BATCHES = [((2, 3), (2, 3)), ((2, 1), (3,)), ((2, 3, 2), (1, 1, 2)), ((3,), (2, 1)), ((2, 3), (2, 1)), ((2, 2), ())]


def plain(x=(2, 3), w=(3, 2), types=(F32, F32, F32), scale=None, **options):
    operands = [T(types[0], x, scale), T(types[1], w, scale)]
    return model_of("BATCH_MATMUL", operands, [T(types[2], (), scale)], ("BatchMatMulOptions", options))


@needs_litert
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("type", [I8, I16, F32])
def test_batch_matmul_broadcasts_batches_and_takes_transposed_operands(type, seed):
    assert_equals_litert(batch_matmul(seed, type))


@needs_litert
@pytest.mark.parametrize("seed", range(6))
def test_batch_matmul_takes_constants_on_the_right(seed):
    assert_equals_litert(batch_matmul(seed, I8, constant=True))


@needs_litert
def test_batch_matmul_int16_by_int8_accumulates_in_64_bits():
    rng = np.random.default_rng(3)
    for _ in range(6):
        rows, depth, columns = (int(n) for n in rng.integers(1, 9, 3))
        operands = [T(I16, (2, rows, depth), 0.01), T(I8, (depth, columns), 0.02)]
        compare(model_of("BATCH_MATMUL", operands, [T(I16, (), 0.03)], ("BatchMatMulOptions", {}), version=4))


@needs_litert
@pytest.mark.parametrize("seed", range(6))
def test_batch_matmul_int8_to_int32_gives_the_products_of_the_integers(seed):
    assert_equals_litert(batch_matmul(seed, I8, y_type=I32))


@needs_litert
@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("per_axis", [False, True])
def test_batch_matmul_hybrid_quantizes_each_row(per_axis, asymmetric):
    for seed in range(12):
        assert_equals_litert(batch_matmul(seed, F32, I8, per_axis=per_axis, asymmetric=asymmetric))


@needs_litert
@pytest.mark.parametrize("batches", BATCHES)
@pytest.mark.parametrize("asymmetric", [False, True])
def test_batch_matmul_hybrid_finds_row_scales_where_litert_does(batches, asymmetric):
    for seed in range(6):
        assert_equals_litert(batch_matmul(seed, F32, I8, batches=batches, asymmetric=asymmetric))


@needs_litert
def test_batch_matmul_hybrid_takes_zero_points_off_in_float32():
    x = T(F32, (2, 3000))
    w = const(np.random.default_rng(0).integers(90, 128, (3000, 3)), np.int8, 0.1)
    model = model_of("BATCH_MATMUL", [x, w], [T(F32)], ("BatchMatMulOptions", {"asymmetric_quantize_inputs": True}), version=4)
    compare(model, np.abs(np.random.default_rng(1).normal(size=(2, 3000))).astype(np.float32) + 3)


@needs_litert
def test_batch_matmul_float32_does_not_clamp_infinities():
    model = plain((1, 2), (2, 1))
    compare(model, np.float32([[3e38, 3e38]]), np.float32([[3], [1]]))
    assert evaluate(model, np.float32([[3e38, 3e38]]), np.float32([[3], [1]]))[0].item() == np.inf


@needs_litert
@pytest.mark.parametrize(("x", "w"), [((2, 0), (0, 2)), ((0, 3), (3, 2)), ((0, 2, 3), (1, 3, 2)), ((1, 2, 3), (0, 3, 2))])
@pytest.mark.parametrize("kernels", ["numba", "numpy"])
def test_batch_matmul_takes_empty_operands(x, w, kernels):
    y = evaluate(plain(x, w), np.ones(x, np.float32), np.ones(w, np.float32), kernels=kernels)[0]
    assert not y.any()
    assert y.shape == (*np.broadcast_shapes(x[:-2], w[:-2]), x[-2], w[-1])


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (plain((2, 3), (4, 2)), "expected equal ones"),
        (plain((2, 3), (3, 2), adj_x=True), "expected equal ones"),
        (plain((2, 2, 3), (3, 3, 2)), "do not broadcast"),
        (plain((3,), (3, 2)), "expected 2 to 5 dimensions"),
        (plain((1,) * 6, (1, 1)), "expected 2 to 5 dimensions"),
        (plain(types=(I32, I32, I32)), "has type INT32"),
        (plain(types=(F32, I16, F32)), "has type INT16"),
    ],
)
def test_batch_matmul_refuses_what_litert_refuses(model, message):
    assert message in both_refuse(model)


def test_batch_matmul_refuses_what_litert_computes_from_stale_or_missing_sums():
    assert "is not a constant" in refusal(batch_matmul(0, F32, I8, constant=False, asymmetric=True))
    assert "first of 5 dimensions" in refusal(batch_matmul(0, F32, I8, batches=((2, 1, 1), (2, 1, 1)), asymmetric=True))


def test_batch_matmul_needs_quantization_with_integers():
    assert "no quantization parameters" in refusal(plain(types=(I8, I8, I8)))
