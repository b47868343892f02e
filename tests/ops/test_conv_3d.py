"""CONV_3D and CONV_3D_TRANSPOSE against LiteRT's reference kernels."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_some_explanations
from matmul_models import F32, I8
from one_operator import T, both_refuse, compare, const, model_of
from oracle import needs_litert

AXES = ("d", "h", "w")


def options(**fields):
    return ("Conv3DOptions", {"padding": 1, "stride_d": 1, "stride_h": 1, "stride_w": 1, **fields})


def conv_3d(volume=(1, 4, 5, 6, 2), filter=(2, 3, 2, 2, 3), bias=(3,), **fields):
    rng = np.random.default_rng(len(fields))
    operands = [
        T(F32, volume),
        const(rng.normal(size=filter), np.float32),
        *([const(rng.normal(size=bias), np.float32)] if bias else []),
    ]
    return model_of("CONV_3D", operands, [T(F32)], options(**fields))


def conv_3d_transpose(shape=(1, 4, 6, 5, 3), volume=(1, 2, 6, 5, 2), filter=(2, 3, 2, 3, 2), bias=(3,), **fields):
    rng = np.random.default_rng(len(fields))
    bias = [const(rng.normal(size=bias), np.float32)] if bias else []
    operands = [const(shape), const(rng.normal(size=filter), np.float32), T(F32, volume), *bias]
    return model_of("CONV_3D_TRANSPOSE", operands, [T(F32)], options(**{"padding": 0, "stride_d": 2, **fields}))


def random_fields(rng):
    fields = {f"stride_{axis}": int(rng.integers(1, 4)) for axis in AXES} | {"padding": int(rng.integers(0, 2))}
    return fields | {"fused_activation_function": int(rng.integers(0, 4))}


@needs_litert
@pytest.mark.parametrize("seed", range(12))
def test_conv_3d_slides_over_a_volume(seed):
    rng = np.random.default_rng(seed)
    fields = random_fields(rng) | {f"dilation_{axis}_factor": int(rng.integers(1, 3)) for axis in AXES}
    filter = [int(n) for n in rng.integers(1, 4, 3)]
    volume = [int(rng.integers(2 * n, 2 * n + 4)) for n in filter]
    depth, channels = (int(n) for n in rng.integers(1, 5, 2))
    compare(conv_3d((2, *volume, depth), (*filter, depth, channels), (channels,) if seed % 3 else None, **fields))


@needs_litert
@pytest.mark.parametrize("seed", range(12))
def test_conv_3d_transpose_spreads_over_a_volume(seed):
    rng = np.random.default_rng(seed)
    fields = random_fields(rng)
    filter = [int(n) for n in rng.integers(1, 4, 3)]
    shape = [int(rng.integers(n, n + 4)) for n in filter]
    sizes = [
        -(-size // fields[f"stride_{axis}"]) if fields["padding"] == 0 else (size - n) // fields[f"stride_{axis}"] + 1
        for size, n, axis in zip(shape, filter, AXES)
    ]
    depth, channels = (int(n) for n in rng.integers(1, 5, 2))
    bias = (channels,) if seed % 3 else None
    compare(conv_3d_transpose((2, *shape, channels), (2, *sizes, depth), (*filter, channels, depth), bias, **fields))


@needs_litert
def test_conv_3d_transpose_dilates():
    compare(conv_3d_transpose(dilation_h_factor=2, dilation_w_factor=3))


def test_conv_3d_and_its_transpose_are_explained():
    for fields in ({}, {"stride_h": 2, "dilation_d_factor": 2, "fused_activation_function": 3}, {"padding": 0, "stride_d": 3}):
        check_some_explanations(conv_3d(**fields), "litert-reference")
        check_some_explanations(conv_3d(bias=(), **fields), "litert-reference")
    for fields in ({}, {"dilation_h_factor": 2, "dilation_w_factor": 3}, {"fused_activation_function": 1}):
        check_some_explanations(conv_3d_transpose(**fields), "litert-reference", count=9)


@needs_litert
def test_conv_3d_takes_an_absent_bias():
    operands = [T(F32, (1, 4, 5, 6, 2)), const(np.ones((2, 3, 2, 2, 3)), np.float32), None]
    compare(model_of("CONV_3D", operands, [T(F32)], options()))


@needs_litert
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (conv_3d(stride_d=0), "stride_d is 0"),
        (conv_3d(dilation_d_factor=0), "dilation_d_factor is 0"),
        (conv_3d((1, 4, 5, 6)), "expected 5 dimensions"),
        (conv_3d(filter=(2, 3, 2, 1, 3)), "expected as many"),
        (conv_3d((1, 1, 5, 6, 2), (4, 3, 2, 2, 3)), "reaches over 4 positions along d"),
        (conv_3d((1, 0, 5, 6, 2)), "no empty dimensions"),
        (conv_3d(bias=(2,)), "expected [3]"),
        (conv_3d_transpose(volume=(1, 3, 6, 5, 2)), "expected that of tensor 2 ('x2'), [3, 6, 5]"),
        (conv_3d_transpose((2, 4, 6, 5, 3)), "expected batch 1 and 3 channels"),
        (conv_3d_transpose((1, 4, 6, 5, 6)), "expected batch 1 and 3 channels"),
        (conv_3d_transpose((1, 4, 6, 5)), "expected [5]"),
        (conv_3d_transpose(filter=(2, 3, 2, 3, 1)), "expected as many"),
        (conv_3d_transpose(stride_d=0), "stride_d is 0"),
        (model_of("CONV_3D", [T(I8, (1, 4, 5, 6, 2), 0.1), T(F32, (2, 3, 2, 2, 3))], [T(F32)], options()), "has type INT8"),
    ],
)
def test_conv_3d_refuses_what_litert_refuses(model, message):
    assert message in both_refuse(model)
