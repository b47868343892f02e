"""CAST against LiteRT's reference kernels: every type to every type, with the values that do not fit."""

import numpy as np
import pytest
from one_operator import T, both_refuse, compare, const, evaluate, model_of
from oracle import needs_litert

from qref.ops.cast import NARROW_LIMITS, TYPES
from qref.schema import GraphBuilder, TensorType

FLOAT32 = TensorType.FLOAT32
REALS = [
    0,
    -0.0,
    1.9,
    -1.9,
    127,
    128,
    -128.5,
    -129,
    255.9,
    256,
    -300,
    32767.5,
    32768,
    -32769,
    65535,
    65536,
    2147483520.0,
    2.0**31,
]
REALS += [-(2.0**31), -2147483904.0, 4294967040.0, 2.0**32, 1e10, 2.0**63, -(2.0**63), 9.2233715e18, 2.0**64, 1e30, -1e30, 1e-40]
REALS += [np.inf, -np.inf, np.nan, 0.5, 3.3e38, 2049.0, 1 / 3]


def values_of(type: TensorType) -> np.ndarray:
    with np.errstate(all="ignore"):
        if type.dtype.kind == "f":
            return np.array(REALS).astype(type.dtype)
        if type.dtype.kind == "c":
            return (np.array(REALS[:-7] + REALS[-4:]) + 2j).astype(type.dtype)
    if type.dtype.kind == "b":
        return np.array([False, True])
    limits = np.iinfo(type.dtype)
    return np.array([0, 1, limits.max, limits.min, limits.max // 2, limits.min // 2, limits.max // 7], type.dtype)


@needs_litert
@pytest.mark.parametrize("source", TYPES)
def test_cast_to_every_type(source):
    graph = GraphBuilder()
    x = graph.constant("x", values_of(source), source)
    outputs = [graph.tensor(target.name, target, values_of(source).shape) for target in TYPES]
    for y in outputs:
        graph.operator("CAST", [x], [y], ("CastOptions", {}))
    compare(graph.model(outputs=outputs))


@needs_litert
def test_cast_saturates_floats_and_takes_nan_for_the_greatest():
    graph = GraphBuilder()
    x = graph.constant("x", np.float32([np.nan, np.inf, -np.inf, 300, -300]))
    y = graph.tensor("y", TensorType.INT8, (5,))
    graph.operator("CAST", [x], [y], ("CastOptions", {}))
    assert evaluate(graph.model(outputs=[y]))[0].tolist() == [127, 127, -128, 127, -128]


@needs_litert
@pytest.mark.parametrize("type", NARROW_LIMITS)
def test_cast_of_4_and_2_bits(type):
    low, high = NARROW_LIMITS[type]
    integers = np.arange(low, high + 1).astype(type.dtype)
    compare(model_of("CAST", [T(type, integers.shape, value=integers)], [T(FLOAT32)], ("CastOptions", {})))
    reals = const(REALS, np.float32)
    compare(model_of("CAST", [reals], [T(type, (len(REALS),))], ("CastOptions", {})))


@needs_litert
@pytest.mark.parametrize(
    ("source", "target"),
    [(TensorType.UINT64, FLOAT32), (FLOAT32, TensorType.COMPLEX128), (TensorType.INT4, TensorType.INT8)],
)
def test_cast_refuses_what_litert_refuses(source, target):
    model = model_of("CAST", [T(source, (2,), value=np.ones(2, source.dtype))], [T(target, (2,))], ("CastOptions", {}))
    message = both_refuse(model)
    assert source.name in message or target.name in message
