"""Operators of two operands that broadcast, and ADD_N."""

from __future__ import annotations

import numpy as np
from elementwise_models import options_of

from qref.schema import TensorType

from .combination import Case, Draw, T, conformance

BOOL, F16, F32 = TensorType.BOOL, TensorType.FLOAT16, TensorType.FLOAT32
I8, I16, I32, U8 = TensorType.INT8, TensorType.INT16, TensorType.INT32, TensorType.UINT8
COMPARISONS = "EQUAL NOT_EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL"


def pair(draw: Draw, type: TensorType, ranks: int = 6, **quantization) -> list[T]:
    """Two operands; one of them is a constant now and then."""
    shapes = draw.broadcast(ranks)
    operands = [draw.tensor(type, shape, **quantization) for shape in shapes]
    if draw.chance(0.3):
        place = draw.integer(0, 1)
        x = operands[place]
        operands[place] = draw.constant(type, x.shape, scale=x.scale, zero_point=x.zero_point)
    return operands


def result(draw: Draw, type: TensorType, inputs: list[T]) -> T:
    """Declared with its shape, as converters do; quantized with a scale near those of the inputs, or any."""
    shape = np.broadcast_shapes(*(x.shape for x in inputs))
    scales = [x.scale for x in inputs if x.scale]
    low = max(scales) / 8 if scales and draw.chance(0.7) else 1e-3
    return draw.tensor(type, shape, low, max(low * 64, 1.0))


@conformance("ADD SUB MUL", "int8 uint8 int16 int32 int64 float32")
@conformance("DIV", "float32")
def arithmetic(draw: Draw, name: str, type: TensorType) -> Case:
    inputs = pair(draw, type)
    activations = (0,) if type == TensorType.INT64 else (0, 0, 1, 2, 3)
    fields = {"fused_activation_function": draw.one(activations)}
    if name in ("ADD", "SUB"):
        fields["pot_scale_int16"] = False
    version = {("SUB", I16): 5, ("MUL", I16): 4}.get((name, type), 2)
    return draw.case(name, inputs, [result(draw, type, inputs)], options_of(name, fields), version, infinite=True)


def nonzero(draw: Draw, x: T) -> np.ndarray:
    values = draw.values(x.type, x.shape)
    return np.where(values == int(x.zero_point or 0), values ^ 1, values)


@conformance("DIV", "int8 uint8 int32")
@conformance("FLOOR_DIV FLOOR_MOD", "int8 int16 int32 float32")
@conformance("FLOOR_MOD", "int64")
def quotients(draw: Draw, name: str, type: TensorType) -> Case:
    shapes = draw.broadcast(4)
    inputs = [draw.tensor(type, shapes[0], 0.02, 0.5), draw.tensor(type, shapes[1], 0.02, 0.5)]
    if name != "DIV" and type != F32:
        inputs = [T(type, shape) for shape in shapes]
    if type == F32:
        divisor = np.where((values := draw.values(type, shapes[1])) == 0, np.float32(1), values)
    else:
        divisor = nonzero(draw, inputs[1])
    if name != "DIV" and type != F32:
        divisor = np.where(divisor == -1, divisor.dtype.type(3), divisor)  # the least number divided by it traps
    y = draw.tensor(type, np.broadcast_shapes(*shapes), 0.01, 0.5) if name == "DIV" else T(type, np.broadcast_shapes(*shapes))
    fields = {"fused_activation_function": draw.one((0, 1, 3))} if name == "DIV" else {}
    return draw.case(name, inputs, [y], options_of(name, fields), 2 if name == "DIV" else 1, given={1: divisor})


@conformance("SQUARED_DIFFERENCE", "int8 int32 float32")
def squared_difference(draw: Draw, name: str, type: TensorType) -> Case:
    inputs = pair(draw, type, low=0.01, high=0.5)
    shape = np.broadcast_shapes(*(x.shape for x in inputs))
    return draw.case(name, inputs, [draw.tensor(type, shape, 0.1, 5.0)], options_of(name, {}), 2, infinite=True)


@conformance("MAXIMUM MINIMUM", "int8 uint8 int16 int32 int64 float32 float16")
def extrema(draw: Draw, name: str, type: TensorType) -> Case:
    inputs = pair(draw, type, 5, scale=0.1, zero_point=0)
    shape = np.broadcast_shapes(*(x.shape for x in inputs))
    y = draw.tensor(type, shape, scale=0.1, zero_point=0)
    return draw.case(name, inputs, [y], options_of(name, {}), 4 if type == I16 else 3, infinite=True)


@conformance(COMPARISONS, "int8 uint8 int32 int64 float32 float16")
@conformance("EQUAL NOT_EQUAL", "bool int16")
@conformance("GREATER GREATER_EQUAL LESS LESS_EQUAL", "int16")
def comparisons(draw: Draw, name: str, type: TensorType) -> Case:
    inputs = pair(draw, type, 4, high=0.99)
    shape = np.broadcast_shapes(*(x.shape for x in inputs))
    return draw.case(name, inputs, [T(BOOL, shape)], options_of(name, {}), 3 if type == BOOL else 2, infinite=True)


@conformance("LOGICAL_AND LOGICAL_OR", "bool")
def logic(draw: Draw, name: str, type: TensorType) -> Case:
    inputs = pair(draw, type, 4)
    return draw.case(name, inputs, [T(type, np.broadcast_shapes(*(x.shape for x in inputs)))], options_of(name, {}))


@conformance("BITWISE_XOR RIGHT_SHIFT", "int8 uint8 int16 uint16 int32 uint32")
def bits(draw: Draw, name: str, type: TensorType) -> Case:
    shapes = draw.broadcast(4)
    y = T(type, np.broadcast_shapes(*shapes))
    limits = np.iinfo(type.dtype)
    counts = draw.rng.integers(0, limits.bits, shapes[1]).astype(type.dtype)
    return draw.case(
        name,
        [T(type, shape) for shape in shapes],
        [y],
        options_of(name, {}),
        given={1: counts} if name == "RIGHT_SHIFT" else None,
    )


@conformance("POW", "int32 float32")
@conformance("ATAN2", "float32 float64 float16")
def powers(draw: Draw, name: str, type: TensorType) -> Case:
    shapes = draw.broadcast(4) if name == "POW" else (draw.shape(),) * 2
    y = T(type, np.broadcast_shapes(*shapes))
    given = {}
    if name == "POW":
        power = draw.rng.integers(0, 6, shapes[1]) if type == I32 or draw.chance() else draw.rng.normal(size=shapes[1])
        given = {1: np.asarray(power).astype(type.dtype)}
    return draw.case(name, [T(type, shape) for shape in shapes], [y], options_of(name, {}), given=given)


@conformance("PRELU", "int8 uint8 float32 int16xint8")
def prelu(draw: Draw, name: str, type: TensorType, alpha_type: TensorType | None = None) -> Case:
    shape = draw.shape(2, 4)
    alpha_shape = (*(1,) * (len(shape) - 2), shape[-1]) if draw.chance(0.8) else shape[1:]
    x, y = draw.tensor(type, shape), draw.tensor(type, shape)
    quantization = draw.tensor(alpha_type or type, alpha_shape)
    alpha = draw.constant(
        quantization.type, alpha_shape, scale=quantization.scale, zero_point=0 if alpha_type else quantization.zero_point
    )
    return draw.case(name, [x, alpha], [y])


@conformance("ADD_N", "int32 float32")
def add_n(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(0, 4)
    return draw.case(name, [T(type, shape)] * draw.integer(2, 6), [T(type, shape)], options_of(name, {}), infinite=True)


@conformance("SELECT SELECT_V2", "float32 int8 uint8 int16 int32 int64 bool uint32 float16")
def select(draw: Draw, name: str, type: TensorType) -> Case:
    if name == "SELECT":
        shape = draw.shape(1, 4)
        shapes = (shape if draw.chance() else shape[:1], shape, shape)
    else:
        whole, part = draw.broadcast(4)
        third = [1 if draw.chance(0.3) else n for n in whole]
        shapes = whole, part, tuple(third)
    y = T(type, np.broadcast_shapes(*(shapes if name == "SELECT_V2" else shapes[1:])))
    table = "SelectOptions" if name == "SELECT" else "SelectV2Options"
    return draw.case(name, [T(BOOL, shapes[0]), T(type, shapes[1]), T(type, shapes[2])], [y], (table, {}))


@conformance("STABLEHLO_ADD STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_MINIMUM", "float32 int32 int64")
@conformance("STABLEHLO_AND", "bool int8 uint8 int16 uint16 int32 uint32 int64")
@conformance("STABLEHLO_SHIFT_LEFT", "int8 int16 int32")
def stablehlo(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 5)
    return draw.case(name, [T(type, shape)] * 2, [T(type, shape)])


@conformance("BROADCAST_ARGS", "int32 int64")
def broadcast_args(draw: Draw, name: str, type: TensorType) -> Case:
    shapes = [np.array(shape, type.dtype) for shape in draw.broadcast(6)]
    while not all(array.size for array in shapes):
        shapes = [np.array(shape, type.dtype) for shape in draw.broadcast(6)]
    return draw.case(name, [T(type, a.shape) for a in shapes], [T(type)], given=dict(enumerate(shapes)))
