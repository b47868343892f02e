"""What TFLM takes in another form than LiteRT, or LiteRT not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import recurrent_models
from recurrent_models import Variant, random_rounds

from qref.schema import TensorType

from .combination import OF_TFLM, Case, Draw, T, conformance, const

I8, I16, I32, I64 = TensorType.INT8, TensorType.INT16, TensorType.INT32, TensorType.INT64


@conformance("UNIDIRECTIONAL_SEQUENCE_LSTM", "int8 int16 float32", OF_TFLM)
def lstm(draw: Draw, name: str, type: TensorType) -> Case:
    """No CIFG, peephole, projection nor layer normalization."""
    model = recurrent_models.tflm_lstm_model(
        draw.integer(0, 2**32),
        type,
        time_major=draw.chance(),
        cell_exponent=-draw.integer(9, 15),
        cell_clip=draw.one((0.0, 0.4)),
        bias_type=I64 if type == I16 else I32,
    )
    return model, random_rounds(model, seed=draw.integer(0, 2**32))


@conformance("SVDF", "int8 float32", OF_TFLM)
def svdf(draw: Draw, name: str, type: TensorType) -> Case:
    """With a bias, which has the scale of what it is added to; TFLM reads it unasked."""
    v = Variant(
        integer=type == I8,
        activation=1 if type == I8 else draw.one((0, 1, 2, 3, 4)),
        batch=draw.integer(1, 3),
        depth=draw.one((1, 3, 8, 17, 33)),
        cells=draw.one((1, 3, 8, 9)),
        seed=draw.integer(0, 2**32),
    )
    model = recurrent_models.svdf_model(v, rank=draw.integer(1, 3), memory=draw.integer(1, 9))
    model = recurrent_models.with_bias_scale(model) if type == I8 else model
    return model, random_rounds(model, seed=v.seed)


@conformance("FILL", "int8 int32 float32", OF_TFLM)
def fill(draw: Draw, name: str, type: TensorType) -> Case:
    """Of constant dimensions."""
    shape = draw.shape(1, 4)
    value = draw.tensor(type, ())
    return draw.case(name, [const(shape), value], [replace(value, shape=shape)])


@conformance("SOFTMAX", "int8xint16", OF_TFLM)
def softmax(draw: Draw, name: str, source: TensorType, target: TensorType) -> Case:
    shape = draw.shape(1, 3)
    options = ("SoftmaxOptions", {"beta": draw.one((1.0, 0.5, 1.7))})
    return draw.case(name, [draw.tensor(source, shape, 0.003, 0.3)], [T(target, shape, 2**-16, -(2**15))], options)


@conformance("CUMSUM", "int8", OF_TFLM)
def cumsum(draw: Draw, name: str, type: TensorType) -> Case:
    shape = draw.shape(1, 4)
    options = ("CumsumOptions", {"exclusive": draw.chance(), "reverse": draw.chance()})
    inputs = [draw.tensor(type, shape), const(draw.integer(-len(shape), len(shape) - 1))]
    return draw.case(name, inputs, [draw.tensor(type, shape, 1e-2, 3.0)], options)


@conformance("SQUARED_DIFFERENCE", "int16", OF_TFLM)
def squared_difference(draw: Draw, name: str, type: TensorType) -> Case:
    shapes = draw.broadcast(4)
    scales = [draw.scale(1e-6, 1e-3) for _ in shapes]
    y = T(type, np.broadcast_shapes(*shapes), max(scales) ** 2 * draw.one((5.0, 1000.0, 30000.0)))
    options = ("SquaredDifferenceOptions", {})
    return draw.case(name, [T(type, shape, scale) for shape, scale in zip(shapes, scales)], [y], options)


@conformance("ZEROS_LIKE", "int8", OF_TFLM)
def zeros_like(draw: Draw, name: str, type: TensorType) -> Case:
    x = draw.tensor(type, draw.shape(1, 4))
    return draw.case(name, [x], [x], ("ZerosLikeOptions", {}))


@conformance("ADD_N", "int8", OF_TFLM)
def add_n(draw: Draw, name: str, type: TensorType) -> Case:
    x = draw.tensor(type, draw.shape(1, 4))
    return draw.case(name, [x] * draw.integer(2, 5), [draw.tensor(type, x.shape, 1e-2, 3.0)])
