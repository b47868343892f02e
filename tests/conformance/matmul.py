"""The matmul family, drawn by the builders that the operators' tests share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import matmul_models
import numpy as np
from one_operator import with_declared_shapes

from qref.schema import Model, TensorType

from .combination import Case, Draw, T, conformance, const

F32, I4, I8, U8, I16, I32, I64 = (
    TensorType.FLOAT32,
    TensorType.INT4,
    TensorType.INT8,
    TensorType.UINT8,
    TensorType.INT16,
    TensorType.INT32,
    TensorType.INT64,
)


def inputs_of(draw: Draw, model: Model) -> Case:
    """The model, its outputs' shapes declared as a rule, with values for its inputs."""
    graph = model.subgraphs[0]
    types = [graph.tensors[index].type for index in graph.operators[0].inputs if index >= 0]
    hybrid = F32 in types and (I8 in types or I4 in types)
    operands = [graph.tensors[index] for index in graph.inputs]
    given = {place: draw.values(operand.type, operand.shape) for place, operand in enumerate(operands)}
    if hybrid:  # the range of a row must be finite
        given = {place: np.clip(x, -1e38, 1e38) for place, x in given.items()}
    return (with_declared_shapes(model) if draw.chance(0.85) else model), [given]


def drawn(draw: Draw, x_type: TensorType, w_type: TensorType | None, bias_type: TensorType | None) -> dict[str, Any]:
    """What all builders take: seed, types, granularity."""
    per_axis = x_type != U8 and draw.chance(0.7)
    given: dict[str, Any] = {"seed": draw.integer(0, 2**32), "x_type": x_type, "per_axis": per_axis, "wide": True}
    if w_type is not None:
        given["w_type"] = w_type
    if bias_type is not None:
        given["bias_type"] = bias_type
    given["symmetric"] = x_type == F32 and w_type is not None
    if x_type != F32 and w_type != I4 and draw.chance(0.15):
        given["constant"] = False
    return given


@conformance("FULLY_CONNECTED", "int8 uint8 int8xint4 int16xint8xint32 int16xint8xint64 int16xint4xint64 float32 float32xint8")
@conformance("FULLY_CONNECTED", "float32xint4 int16xint16xint64")
def fully_connected(
    draw: Draw, name: str, x_type: TensorType, w_type: TensorType | None = None, bias_type: TensorType | None = None
) -> Case:
    given = drawn(draw, x_type, w_type, bias_type)
    options: dict[str, Any] = {}
    if bias_type is not None:
        options["quantized_bias_type"] = bias_type
    if x_type == F32 and w_type is not None:
        options["asymmetric_quantize_inputs"] = draw.chance()
    bias = draw.one(("constant", "constant", "absent", "left away"))
    if given.get("constant") is False or w_type == I16:
        bias = "constant"
    if draw.chance(0.1):
        rows, units, depth = draw.integer(1, 3), draw.integer(1, 9), draw.integer(600, 1500)
        given |= {"x_shape": (rows, depth), "w_shape": (units, depth)}
    version = 14 if w_type == I4 else 11
    return inputs_of(draw, matmul_models.fully_connected(**given, bias=bias, options=options, version=version))


@conformance("CONV_2D", "int8 uint8 int8xint4 int16xint8xint32 int16xint8xint64 float32 float32xint8 float32xint4")
def conv_2d(
    draw: Draw, name: str, x_type: TensorType, w_type: TensorType | None = None, bias_type: TensorType | None = None
) -> Case:
    given = drawn(draw, x_type, w_type, bias_type)
    hybrid = x_type == F32 and w_type is not None
    groups = 1 if hybrid or w_type == I4 or draw.chance(0.8) else draw.integer(2, 3)
    options = {"quantized_bias_type": bias_type} if bias_type is not None else {}
    return inputs_of(draw, matmul_models.conv_2d(**given, groups=groups, options=options))


@conformance("DEPTHWISE_CONV_2D", "int8 uint8 int8xint4 int16xint8xint64 float32 float32xint8")
def depthwise_conv_2d(
    draw: Draw, name: str, x_type: TensorType, w_type: TensorType | None = None, bias_type: TensorType | None = None
) -> Case:
    given = drawn(draw, x_type, w_type, bias_type)
    if x_type == F32 and w_type is not None:
        given["per_axis"] = True
    extra = {"multiplier": 1} if draw.chance() else {}
    has_bias = x_type != I16 or draw.chance(0.85)  # without one LiteRT's optimized kernels for other types die
    return inputs_of(draw, matmul_models.depthwise_conv_2d(**given, **extra, has_bias=has_bias))


@conformance("TRANSPOSE_CONV", "int8 uint8 int16xint8xint32 int16xint8xint64 float32 float32xint8")
def transpose_conv(
    draw: Draw, name: str, x_type: TensorType, w_type: TensorType | None = None, bias_type: TensorType | None = None
) -> Case:
    given = drawn(draw, x_type, w_type, bias_type)
    given.pop("constant", None)
    options = {"quantized_bias_type": bias_type} if bias_type is not None else {}
    bias = draw.one(("constant", "constant", "absent", "left away"))
    return inputs_of(draw, matmul_models.transpose_conv(**given, bias=bias, options=options))


@conformance("BATCH_MATMUL", "int8 int16 int16xint8 float32 float32xint8 int8xint8xint32")
def batch_matmul(
    draw: Draw, name: str, x_type: TensorType, w_type: TensorType | None = None, y_type: TensorType | None = None
) -> Case:
    hybrid = x_type == F32 and w_type == I8
    extra: dict[str, Any] = {"wide": True}
    if hybrid:
        extra |= {"asymmetric": draw.chance(), "per_axis": draw.chance()}
    elif draw.chance(0.4):
        extra["constant"] = True
    if y_type is not None:
        extra["y_type"] = y_type
    model = matmul_models.batch_matmul(draw.integer(0, 2**32), x_type, w_type, **extra)
    if x_type == I16 or (x_type == I8 and draw.chance()):
        model = with_symmetric_weights(model)
    return inputs_of(draw, model)


def with_symmetric_weights(model: Model) -> Model:
    """The model with the zero point 0 in its second operand, as XNNPACK wants it."""
    graph = model.subgraphs[0]
    right = graph.operators[0].inputs[1]
    tensors = tuple(
        replace(t, quantization=replace(t.quantization, zero_point=np.zeros(1, np.int64))) if t.index == right else t
        for t in graph.tensors
    )
    return replace(model, subgraphs=(replace(graph, tensors=tensors),))


AXES = ("d", "h", "w")


@conformance("CONV_3D CONV_3D_TRANSPOSE", "float32")
def conv_3d(draw: Draw, name: str, type: TensorType) -> Case:
    fields = {f"stride_{axis}": draw.integer(1, 3) for axis in AXES} | {"padding": draw.integer(0, 1)}
    fields |= {"fused_activation_function": draw.integer(0, 3)}
    filter = [draw.integer(1, 3) for _ in AXES]
    depth, channels = draw.one((1, 3, 4, 8, 9)), draw.one((1, 3, 4, 8, 17))
    bias = [draw.constant(type, (channels,))] if draw.chance() else []
    if name == "CONV_3D":
        fields |= {f"dilation_{axis}_factor": draw.integer(1, 2) for axis in AXES}
        volume = [draw.integer(2 * n, 2 * n + 3) for n in filter]
        x = T(type, (draw.integer(1, 2), *volume, depth))
        inputs = [x, draw.constant(type, (*filter, depth, channels)), *bias]
    else:
        shape = [draw.integer(n, n + 3) for n in filter]
        strides = [fields[f"stride_{axis}"] for axis in AXES]
        sizes = [
            -(-size // step) if fields["padding"] == 0 else (size - n) // step + 1
            for size, n, step in zip(shape, filter, strides)
        ]
        batch = draw.integer(1, 2)
        inputs = [
            const([batch, *shape, channels]),
            draw.constant(type, (*filter, channels, depth)),
            T(type, (batch, *sizes, depth)),
        ]
        inputs += bias
    return draw.case(name, inputs, [T(type)], ("Conv3DOptions", fields))
