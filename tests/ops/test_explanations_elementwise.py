"""Explanations of operators of one and two operands, in every runtime: they end at the result and every step follows."""

from __future__ import annotations

import numpy as np
import pytest
from elementwise_models import binary, quantizations
from explanations import check_in_every_runtime
from one_operator import T, model_of
from unary_models import unary_model

from qref.schema import TensorType

INT8, UINT8, INT16, INT32, INT64, FLOAT16, FLOAT32, BOOL = (
    TensorType[name] for name in ("INT8", "UINT8", "INT16", "INT32", "INT64", "FLOAT16", "FLOAT32", "BOOL")
)
REAL = np.float32([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-40, -1e-40, 6.5, -1.5, 2.5, 0.5, 1e30, -1e30, 1.0, -1.0])
SHAPES = [((3, 5), (5,)), ((2, 3, 9), (2, 3, 9)), ((4, 1), (7,))]


def drawn(rng, type, shape, *, divisor=False):
    """Values of a type, of floats infinities, NaN and denormals too; as a divisor none is 0 among the integers."""
    if type in (FLOAT32, FLOAT16):
        with np.errstate(all="ignore"):
            values = np.concatenate([REAL, rng.normal(size=50) * 4]).astype(type.dtype)
        return rng.choice(values, shape).astype(type.dtype)
    if type == BOOL:
        return rng.integers(0, 2, shape).astype(bool)
    limits = np.iinfo(type.dtype)
    values = [limits.min, limits.max, 1, 2, 3, 7, *([] if divisor else [0]), *rng.integers(1, 100, 20).tolist()]
    return rng.choice(np.array(values, type.dtype), shape)


@pytest.mark.parametrize(
    ("name", "types"),
    [
        *((name, (INT32, INT64, FLOAT32)) for name in ("ADD", "SUB", "MUL")),
        ("DIV", (INT32, FLOAT32)),
        ("SQUARED_DIFFERENCE", (INT32, FLOAT32)),
        *((name, (INT8, UINT8, INT16, INT32, INT64, FLOAT16, FLOAT32)) for name in ("MAXIMUM", "MINIMUM")),
        *((name, (INT32, INT64, FLOAT32)) for name in ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")),
        ("FLOOR_MOD", (INT8, INT16, INT32, INT64, FLOAT32)),
        ("FLOOR_DIV", (INT8, INT16, INT32)),
        ("BITWISE_XOR", (INT8, UINT8, INT32)),
        ("RIGHT_SHIFT", (INT8, UINT8, INT32)),
        *((name, (BOOL,)) for name in ("LOGICAL_AND", "LOGICAL_OR")),
    ],
)
def test_operators_of_two_plain_operands(name, types):
    rng, output = np.random.default_rng(len(name)), BOOL if "EQUAL" in name or name in ("LESS", "GREATER") else None
    for number, type in enumerate(types):
        for shapes in SHAPES:
            fields = {"fused_activation_function": number % 4} if name in ("ADD", "SUB", "MUL", "DIV") else {}
            if name.startswith(("BITWISE", "RIGHT")):
                model = model_of(name, [T(type, shape) for shape in shapes], [T(type)])
            else:
                model = binary(name, type, *shapes, output=output, **fields)
            divisor = name in ("DIV", "FLOOR_DIV", "FLOOR_MOD")
            x1, x2 = drawn(rng, type, shapes[0], divisor=divisor), drawn(rng, type, shapes[1], divisor=divisor)
            if divisor and type != FLOAT32:
                x1[x1 == np.iinfo(type.dtype).min] = 5
            check_in_every_runtime(model, x1, x2)


@pytest.mark.parametrize("name", ["EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"])
def test_comparisons_of_quantized_operands(name):
    rng = np.random.default_rng(5)
    for type in (INT8, UINT8):
        for scales, zero_points in quantizations(rng, type, 6):
            model = binary(name, type, *SHAPES[0], [min(s, 0.9) for s in scales], zero_points, output=BOOL)
            check_in_every_runtime(model, drawn(rng, type, SHAPES[0][0]), drawn(rng, type, SHAPES[0][1]), count=3)


def test_powers_are_powers_of_the_library_or_repeated_squares():
    rng = np.random.default_rng(6)
    for exponent in (0, 1, 2, 5, 13):
        check_in_every_runtime(binary("POW", INT32, (3, 5), (1,)), drawn(rng, INT32, (3, 5)), np.int32([exponent]))
        check_in_every_runtime(binary("POW", INT32, (5,), (5,)), drawn(rng, INT32, (5,)), np.full(5, exponent, np.int32))
    for exponent in (0.5, 3.0, 7.0, -1.0):
        x = np.abs(rng.normal(size=(3, 5))).astype(np.float32)
        check_in_every_runtime(binary("POW", FLOAT32, (3, 5), (1,)), x, np.float32([exponent]))
        check_in_every_runtime(binary("POW", FLOAT32, (3, 5), (5,)), x, np.full(5, exponent, np.float32))


def test_operators_of_one_plain_operand():
    rng = np.random.default_rng(7)
    for name, types in (
        ("ABS", (FLOAT32, INT32)),
        ("NEG", (FLOAT32, INT8, INT32, INT64)),
        ("SIGN", (FLOAT32, INT32)),
        ("LOGICAL_NOT", (BOOL,)),
    ):
        for type in types:
            check_in_every_runtime(unary_model(name, type, (4, 6)), drawn(rng, type, (4, 6)))


def test_abs_of_quantized_operands():
    rng = np.random.default_rng(8)
    for type in (INT8, INT16):
        for scales in ((0.25, 0.5), (0.03, 0.02), (0.04, 0.04)):
            zero_point = 3 if type == INT8 else 0
            model = unary_model("ABS", type, (4, 6), (scales[0], zero_point), (scales[1], zero_point))
            check_in_every_runtime(model, drawn(rng, type, (4, 6)))


@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL", "DIV", "PRELU", "SQUARED_DIFFERENCE"])
def test_quantized_operators_of_two_operands_in_every_runtime(name):
    rng = np.random.default_rng(9)
    for type in (INT8, INT16) if name != "SQUARED_DIFFERENCE" else (INT8,):
        for number, (scales, zero_points) in enumerate(quantizations(rng, type, 6)):
            shapes = SHAPES[number % 2]
            fields = {} if name in ("PRELU", "SQUARED_DIFFERENCE") else {"fused_activation_function": number % 4}
            fields |= {"pot_scale_int16": False} if name in ("ADD", "SUB") else {}
            zero_points = tuple(int(z) // 2 for z in zero_points)
            model = binary(name, type, *shapes, scales, zero_points, **fields)
            x1, x2 = drawn(rng, type, shapes[0]), drawn(rng, type, shapes[1])
            x2[x2 == zero_points[1]] += 1
            check_in_every_runtime(model, x1, x2, count=3)


def test_sums_of_int16_by_shifts_and_products_of_fractions():
    rng = np.random.default_rng(10)
    for scales in ((0.25, 0.5, 0.5), (0.5, 0.125, 0.5), (0.5, 2**-20, 0.5)):
        model = binary("ADD", INT16, (40,), (40,), scales, pot_scale_int16=True)
        check_in_every_runtime(model, drawn(rng, INT16, (40,)), drawn(rng, INT16, (40,)))
    for type in (INT8, UINT8):
        model = binary("MUL", INT16, (40,), (40,), (2**-15, 2**-15, 2**-7), (0, 0, 5), output=type)
        check_in_every_runtime(model, drawn(rng, INT16, (40,)), drawn(rng, INT16, (40,)))
