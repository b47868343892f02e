"""Operators of one operand: functions, rounding, quantization, normalization."""

from __future__ import annotations

import numpy as np

from qref.schema import GraphBuilder, TensorType

from .combination import Case, Draw, T, conformance

F16, F32, F64, C64 = TensorType.FLOAT16, TensorType.FLOAT32, TensorType.FLOAT64, TensorType.COMPLEX64
I8, I16, I32, U8 = TensorType.INT8, TensorType.INT16, TensorType.INT32, TensorType.UINT8


def quantized(draw: Draw, name: str, type: TensorType) -> tuple[dict, dict]:
    """Quantization of x and y in the ranges that the function is made for."""
    if type not in (I8, U8, I16):
        return {}, {}
    size = 256 if type == I16 else 1
    x = {"scale": draw.scale(0.003 / size, 0.3 / size), "zero_point": draw.zero_point(type)}
    y = {"scale": draw.scale(0.003 / size, 0.3 / size), "zero_point": draw.zero_point(type)}
    if name in ("LOGISTIC", "TANH") and type == I16:
        x["scale"] = draw.one((2**-12, 2**-11, 2**-13, draw.scale(1e-5, 1e-2)))
        y["scale"] = 2**-15
    elif name == "LOGISTIC":
        y = {"scale": 2**-8, "zero_point": int(np.iinfo(type.dtype).min)}
    if name == "ABS" and draw.chance():
        y["scale"] = x["scale"]
    if name == "HARD_SWISH":
        x["scale"] = min(x["scale"], y["scale"] * 100)
    return x, y


@conformance("ABS", "int8 int16 int32 float32")
@conformance("EXP LOG RSQRT", "int8 int16 float32")
@conformance("EXP LOG SIN COS SQRT RSQRT ABS NEG SQUARE", "float32")
@conformance("SQRT", "int8 int16")
@conformance("LOGISTIC TANH", "int8 uint8 int16 float32 float16")
@conformance("GELU", "int8 uint8 int16 float32 float16")
@conformance("ELU", "int8 float32")
@conformance("HARD_SWISH", "int8 uint8 float32")
@conformance("LEAKY_RELU RELU RELU6", "int8 uint8 int16 float32")
@conformance("RELU_N1_TO_1 RELU_0_TO_1", "int8 uint8 float32")
@conformance("NEG", "int8 int16 int32 int64")
@conformance("SIN COS FLOOR ROUND", "float16")
@conformance("FLOOR CEIL ROUND", "float32")
@conformance("SIGN", "float32 float64 int32")
@conformance("LOGICAL_NOT", "bool")
@conformance("ZEROS_LIKE", "float32 int32 int64")
@conformance("REAL IMAG COMPLEX_ABS", "complex64")
def functions(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(0 if draw.chance(0.1) else 1, 4)
    x, y = quantized(draw, name, type)
    values = draw.values(type, shape, infinite=True)
    if name in ("SQRT", "RSQRT", "LOG") and type in (I8, I16):
        values = np.maximum(values, values.dtype.type(x["zero_point"]))
    options = {
        "GELU": ("GeluOptions", {"approximate": draw.chance()}),
        "LEAKY_RELU": ("LeakyReluOptions", {"alpha": draw.one((0.2, 0.5, 0.01, 1.5, -0.5, 0.125))}),
    }.get(name)
    output = F32 if type == C64 else type
    return draw.case(name, [T(type, shape, **x)], [T(output, shape, **y)], options, given={0: values})


@conformance("QUANTIZE", "float32xint8 float32xuint8 float32xint16 int8xint8 int8xuint8 uint8xint8 uint8xuint8 int16xint16")
@conformance("QUANTIZE", "int16xint8 int8xint16 uint8xint16 int16xint32 int32xint8 int32xint16")
def quantize(draw: Draw, name: str, source: TensorType, target: TensorType) -> Case:
    shape = draw.shape(0 if draw.chance(0.1) else 1, 4)
    x, y = (draw.tensor(t, shape) for t in (source, target))
    x = T(source, shape, draw.scale(), 0) if source == I32 else x
    y = T(target, shape, draw.scale(), 0) if target == I32 else y
    values = draw.values(source, shape)
    if source == F32 and draw.chance():  # on ties
        values = (draw.rng.integers(-600, 600, shape) / 2 * np.float32(y.scale)).astype(np.float32)
    if source == I32:
        values = draw.rng.integers(-(2**20), 2**20, shape).astype(np.int32)
    return draw.case(name, [x], [y], ("QuantizeOptions", {}), 2, given={0: values})


@conformance("DEQUANTIZE", "int8 uint8 int16 float16")
def dequantize(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(0 if draw.chance(0.1) else 1, 4)
    x = draw.tensor(type, shape)
    if type == I8 and shape and draw.chance(0.3):
        axis = draw.integer(0, len(shape) - 1)
        scales = [draw.scale() for _ in range(shape[axis])]
        return per_axis(draw, name, type, shape, scales, axis)
    return draw.case(name, [x], [T(F32, shape)], ("DequantizeOptions", {}), 3)


def per_axis(draw: Draw, name: str, type: TensorType, shape, scales, axis: int) -> Case:
    graph = GraphBuilder()
    x = graph.input("x", type, shape, scale=scales, quantized_dimension=axis)
    y = graph.tensor("y", F32, shape)
    graph.operator(name, [x], [y], ("DequantizeOptions", {}), version=5)
    return graph.model(outputs=[y]), [{0: draw.values(type, shape)}]


TYPES = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "float16", "float32", "float64", "complex64")


@conformance("CAST", " ".join(f"{a}x{b}" for a in TYPES for b in TYPES if a != b))
def cast(draw: Draw, name: str, source: TensorType, target: TensorType) -> Case:
    shape = draw.shape(0, 4)
    options = ("CastOptions", {"in_data_type": source, "out_data_type": target})
    return draw.case(name, [T(source, shape)], [T(target, shape)], options, 4, infinite=True)


@conformance("BITCAST", "float32xint32 int32xfloat32 int16xfloat16 uint8xint8 int32xint8 int8xint32 float32xint16")
def bitcast(draw: Draw, name: str, source: TensorType, target: TensorType) -> Case:
    shape = draw.shape(0, 3)
    ratio = source.dtype.itemsize / target.dtype.itemsize
    if ratio > 1:
        output = (*shape, int(ratio))
    elif ratio < 1:
        shape, output = (*shape, int(1 / ratio)), shape
    else:
        output = shape
    return draw.case(name, [T(source, shape)], [T(target, output)], ("BitcastOptions", {}))


@conformance("SOFTMAX", "int8 uint8 int16 float32 float16 int8xint16 uint8xint16")
@conformance("LOG_SOFTMAX", "int8 uint8 float32")
@conformance("L2_NORMALIZATION", "int8 uint8 float32")
def normalization(draw: Draw, name: str, type: TensorType, target: TensorType | None = None) -> Case:
    target = type if target is None else target
    shape = draw.shape(1, 4)
    outputs = {
        "SOFTMAX": {I8: (2**-8, -128), U8: (2**-8, 0), I16: (2**-15, 0)},
        "LOG_SOFTMAX": {I8: (2**-4, 127), U8: (2**-4, 255)},
        "L2_NORMALIZATION": {I8: (2**-7, 0), U8: (2**-7, 128)},
    }[name]
    if name == "SOFTMAX" and type != I16 and target == I16:
        outputs = {I16: (2**-15, -32768)}
    x = draw.tensor(type, shape, 1e-3 if type != I16 else 1e-5, 0.5 if type != I16 else 1e-2)
    options = {
        "SOFTMAX": ("SoftmaxOptions", {"beta": draw.one((1.0, 1.0, 0.5, 2.0, 0.37))}),
        "L2_NORMALIZATION": ("L2NormOptions", {}),
        "LOG_SOFTMAX": ("LogSoftmaxOptions", {}),
    }[name]
    given = {}
    if type in (F32, F16):
        given = {0: (draw.rng.normal(size=shape) * draw.one((1, 5, 30))).astype(type.dtype)}
        if draw.chance(0.2):
            given[0] = np.where(draw.rng.random(shape) < 0.2, np.array(-np.inf, type.dtype), given[0])
            given[0][..., 0] = 0
        if name == "L2_NORMALIZATION":
            given = {0: np.nan_to_num(given[0], neginf=-1)}
    scale, zero_point = outputs.get(target, (None, 0))
    y = T(target, shape, scale, zero_point)
    return draw.case(name, [x], [y], options, 3 if type == I16 else 2, given=given)


@conformance("LOCAL_RESPONSE_NORMALIZATION", "float32")
def local_response_normalization(draw: Draw, name: str, type: TensorType) -> Case:
    shape = (draw.integer(1, 2), draw.integer(1, 4), draw.integer(1, 4), draw.size())
    fields = {"radius": draw.integer(0, 6), "bias": 1.0, "alpha": draw.scale(), "beta": draw.one((0.5, 0.75, 1.0, 0.33))}
    values = draw.rng.normal(size=shape).astype(np.float32)
    return draw.case(name, [T(type, shape)], [T(type, shape)], ("LocalResponseNormalizationOptions", fields), given={0: values})


@conformance("FAKE_QUANT", "float32")
def fake_quant(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 4)
    low = -float(draw.scale(0.1, 10))
    fields = {"min": low, "max": low + draw.scale(0.5, 20), "num_bits": draw.one((8, 8, 4, 16, 2)), "narrow_range": False}
    return draw.case(name, [T(type, shape)], [T(type, shape)], ("FakeQuantOptions", fields), infinite=True)


@conformance("BUCKETIZE", "float32 float64 int32 int64")
def bucketize(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 4)
    boundaries = sorted({float(np.float32(v)) for v in (*draw.rng.normal(size=draw.size()) * 20, 0.0)})
    options = ("BucketizeOptions", {"boundaries": boundaries})
    return draw.case(name, [T(type, shape)], [T(I32, shape)], options)
