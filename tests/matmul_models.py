"""Models of one operator of the matmul family, drawn at random: every dtype, shapes with edges, scales that provoke ties."""

from __future__ import annotations

import math

import numpy as np

from qref.schema import DimensionMetadata, GraphBuilder, Model, Sparsity, TensorType

F32, I4, I2, I8, U8, I16, I32, I64 = (
    TensorType.FLOAT32,
    TensorType.INT4,
    TensorType.INT2,
    TensorType.INT8,
    TensorType.UINT8,
    TensorType.INT16,
    TensorType.INT32,
    TensorType.INT64,
)
SCALES = (0.02, 0.03, 0.04, 2.0**-6, 2.0**-5, 0.0173)
ACTIVATIONS = (0, 0, 1, 2, 3)
RANGES = {I4: (-8, 7), I2: (-2, 1), I8: (-128, 127), U8: (0, 255), I16: (-(2**15), 2**15 - 1)}
BIAS_OF = {I8: I32, U8: I32, I16: I64, F32: F32}
WIDE = (1, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40)  # channels around blocks of vector code


class Drawn:
    """A graph under construction whose operands are drawn from a seed; wide: with numbers of channels around vector blocks."""

    def __init__(self, seed: int, wide: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.wide = wide
        self.graph = GraphBuilder()

    def channels(self, limit: int) -> int:
        """Less than the limit, unless wide."""
        return int(self.rng.choice(WIDE)) if self.wide and self.rng.random() < 0.6 else int(self.rng.integers(1, limit))

    def scale(self) -> float:
        return float(self.rng.choice(SCALES))

    def zero_point(self, type: TensorType) -> int:
        low, high = RANGES[type]
        return (
            0
            if type in (I16, I4, I2)
            else int(self.rng.choice([low, high, (low + high + 1) // 2, int(self.rng.integers(low, high))]))
        )

    def activation(self) -> int:
        return int(self.rng.choice(ACTIVATIONS))

    def values(self, type: TensorType, shape) -> np.ndarray:
        if type == F32:
            return self.rng.normal(size=shape).astype(np.float32)
        low, high = RANGES[type]
        return self.rng.integers(low, high, shape, endpoint=True).astype(type.dtype)

    def quantization(self, type: TensorType, channels: int | None = None, axis: int = 0) -> dict:
        """Of an operand; one scale for each of `channels` where those are given."""
        if type == F32:
            return {}
        if channels is None:
            return {"scale": self.scale(), "zero_point": self.zero_point(type)}
        return {"scale": self.rng.choice(SCALES, channels) * self.rng.uniform(0.3, 1, channels), "quantized_dimension": axis}

    def input(self, type: TensorType, shape, **quantization) -> int:
        return self.graph.input("x", type, shape, **(quantization or self.quantization(type)))

    def weights(self, type: TensorType, shape, channels: int | None, axis: int, *, symmetric: bool, constant: bool = True) -> int:
        quantization = self.quantization(type, channels, axis)
        if symmetric:
            quantization["zero_point"] = 0
        if constant:
            return self.graph.constant("w", self.values(type, shape), type, **({} if type == F32 else quantization))
        return self.graph.input("w", type, shape, **quantization)

    def scale_of(self, index: int) -> np.ndarray:
        return self.graph._tensors[index].quantization.scale.astype(np.float64)

    def bias(self, type: TensorType, channels: int, x: int, w: int, *, constant: bool = True) -> int:
        if type == F32:
            return self.graph.constant("b", self.values(F32, channels))
        scale = (self.scale_of(x) * self.scale_of(w)).astype(np.float32)
        if not constant:
            return self.graph.input("b", type, [channels], scale=scale)
        return self.graph.constant("b", self.rng.integers(-3000, 3000, channels), type, scale=scale)

    def output(self, type: TensorType, x_type: TensorType, w_type: TensorType, x: int, w: int, taps: int) -> int:
        """Scaled so that most outputs are inside the range and some saturate."""
        if type == F32:
            return self.graph.tensor("y")
        spread = math.sqrt(max(taps, 1)) * (RANGES[x_type][1] - RANGES[x_type][0]) * (RANGES[w_type][1] - RANGES[w_type][0]) / 12
        scale = spread * float(self.scale_of(x).max() * self.scale_of(w).max()) / (RANGES[type][1] - RANGES[type][0]) * 4
        scale = 2.0 ** round(math.log2(scale)) if self.rng.random() < 0.3 else scale
        return self.graph.tensor("y", type, (), scale=scale, zero_point=self.zero_point(type))

    def model(self, name: str, inputs, output: int, options, version: int) -> Model:
        self.graph.operator(name, inputs, [output], options, version=version)
        return self.graph.model(outputs=[output])


def windows(drawn: Drawn, *, largest_filter: int = 4, dilated: bool = True) -> tuple[tuple[int, int], tuple[int, int], dict]:
    """Sizes of image and filter, and options of the windows; at least one window fits."""
    rng = drawn.rng
    padding, strides = int(rng.integers(0, 2)), rng.integers(1, 4, 2)
    dilations = rng.integers(1, 4, 2) if dilated and rng.random() < 0.4 else (1, 1)
    kernel = rng.integers(1, largest_filter + 1, 2)
    reach = [(int(k) - 1) * int(d) + 1 for k, d in zip(kernel, dilations)]
    image = tuple(int(rng.integers(r if padding == 1 else 1, r + 6)) for r in reach)
    options = {"padding": padding, "stride_h": int(strides[0]), "stride_w": int(strides[1])}
    if dilated:
        options |= {"dilation_h_factor": int(dilations[0]), "dilation_w_factor": int(dilations[1])}
    return image, tuple(int(k) for k in kernel), options


def conv_2d(
    seed: int, x_type: TensorType, w_type: TensorType | None = None, *, per_axis: bool = True, groups: int = 1, **extra
) -> Model:
    """CONV_2D. extra, here and below: wide; bias_type, constant (weights and bias are constants), options"""
    drawn, w_type = Drawn(seed, extra.get("wide", False)), w_type or (I8 if x_type == I16 else x_type)
    rng, constant = drawn.rng, extra.get("constant", True)
    image, kernel, options = windows(drawn)
    depth, channels, batch = drawn.channels(10), drawn.channels(5) * groups, int(rng.integers(1, 3))
    quantized = w_type != F32
    x = drawn.input(x_type, (batch, *image, depth * groups))
    w_shape = (channels, *kernel, depth)
    w = drawn.weights(w_type, w_shape, channels if per_axis and quantized else None, 0, symmetric=x_type != U8, constant=constant)
    b = drawn.bias(extra.get("bias_type", BIAS_OF[x_type]), channels, x, w, constant=constant)
    y = drawn.output(x_type, x_type, w_type, x, w, depth * kernel[0] * kernel[1])
    options |= {"fused_activation_function": drawn.activation(), **extra.get("options", {})}
    return drawn.model("CONV_2D", [x, w, b], y, ("Conv2DOptions", options), 8 if x_type == I16 else 7 if w_type == I4 else 6)


def depthwise_conv_2d(
    seed: int, x_type: TensorType, w_type: TensorType | None = None, *, per_axis: bool = True, **extra
) -> Model:
    """DEPTHWISE_CONV_2D. extra: multiplier, has_bias, constant, options"""
    drawn, w_type = Drawn(seed, extra.get("wide", False)), w_type or (I8 if x_type == I16 else x_type)
    rng, constant = drawn.rng, extra.get("constant", True)
    image, kernel, options = windows(drawn)
    depth, multiplier, batch = drawn.channels(20), extra.get("multiplier", int(rng.integers(1, 4))), int(rng.integers(1, 3))
    channels, quantized = depth * multiplier, w_type != F32
    x = drawn.input(x_type, (batch, *image, depth))
    w_shape = (1, *kernel, channels)
    w = drawn.weights(w_type, w_shape, channels if per_axis and quantized else None, 3, symmetric=x_type != U8, constant=constant)
    has_bias = extra.get("has_bias", True)
    b = [drawn.bias(BIAS_OF[x_type], channels, x, w, constant=constant)] if has_bias else []
    y = drawn.output(x_type, x_type, w_type, x, w, kernel[0] * kernel[1])
    options |= {"fused_activation_function": drawn.activation(), "depth_multiplier": multiplier, **extra.get("options", {})}
    return drawn.model("DEPTHWISE_CONV_2D", [x, w, *b], y, ("DepthwiseConv2DOptions", options), extra.get("version", 6))


def transpose_conv(seed: int, x_type: TensorType, w_type: TensorType | None = None, *, per_axis: bool = True, **extra) -> Model:
    """TRANSPOSE_CONV. extra: bias ("constant", "absent", "left away"), shape_is_input, bias_type, constant, options"""
    drawn, w_type = Drawn(seed, extra.get("wide", False)), w_type or (I8 if x_type == I16 else x_type)
    rng = drawn.rng
    image, kernel, options = windows(drawn, dilated=False)
    sizes = [
        -(-size // options[f"stride_{name}"]) if options["padding"] == 0 else (size - k) // options[f"stride_{name}"] + 1
        for size, k, name in zip(image, kernel, "hw")
    ]
    depth, channels, batch = drawn.channels(10), drawn.channels(6), int(rng.integers(1, 3))
    shape = np.int32([batch, *image, channels])
    shape_tensor = drawn.graph.input("shape", I32, (4,)) if extra.get("shape_is_input") else drawn.graph.constant("shape", shape)
    x = drawn.input(x_type, (batch, *sizes, depth))
    per_axis = per_axis and w_type != F32
    w_shape = (channels, *kernel, depth)
    w = drawn.weights(
        w_type, w_shape, channels if per_axis else None, 0, symmetric=x_type != U8, constant=extra.get("constant", True)
    )
    bias = extra.get("bias", "constant")
    b = (
        []
        if bias == "left away"
        else [-1 if bias == "absent" else drawn.bias(extra.get("bias_type", BIAS_OF[x_type]), channels, x, w)]
    )
    y = drawn.output(x_type, x_type, w_type, x, w, depth * 2)
    options |= {"fused_activation_function": drawn.activation(), **extra.get("options", {})}
    return drawn.model("TRANSPOSE_CONV", [shape_tensor, w, x, *b], y, ("TransposeConvOptions", options), extra.get("version", 4))


def fully_connected(seed: int, x_type: TensorType, w_type: TensorType | None = None, *, per_axis: bool = True, **extra) -> Model:
    """FULLY_CONNECTED. extra: symmetric; as in TRANSPOSE_CONV; y_type, x_shape, w_shape, version"""
    drawn, w_type = Drawn(seed, extra.get("wide", False)), w_type or (I8 if x_type == I16 else x_type)
    rng, constant = drawn.rng, extra.get("constant", True)
    units, depth = extra.get("w_shape", (drawn.channels(12), drawn.channels(40)))
    x_shape = (
        extra.get("x_shape")
        or [(int(rng.integers(1, 5)), depth), (2, 3, depth), (1, 1, depth), (2, depth, 3)][int(rng.integers(0, 4))]
    )
    x = drawn.input(x_type, x_shape)
    symmetric = x_type == I16 or (per_axis and w_type != F32) or extra.get("symmetric", False)
    w = drawn.weights(
        w_type, (units, depth), units if per_axis and w_type != F32 else None, 0, symmetric=symmetric, constant=constant
    )
    bias = extra.get("bias", "constant")
    bias_type = extra.get("bias_type", BIAS_OF[x_type])
    b = [] if bias == "left away" else [-1 if bias == "absent" else drawn.bias(bias_type, units, x, w, constant=constant)]
    y = drawn.output(extra.get("y_type", x_type), x_type, w_type, x, w, depth)
    keep = bool(rng.integers(0, 2)) and x_shape[-1] == depth
    options = {"fused_activation_function": drawn.activation(), "keep_num_dims": keep, **extra.get("options", {})}
    return drawn.model("FULLY_CONNECTED", [x, w, *b], y, ("FullyConnectedOptions", options), extra.get("version", 11))


def batch_matmul(seed: int, x_type: TensorType, w_type: TensorType | None = None, **extra) -> Model:
    """BATCH_MATMUL. extra: y_type, batches ((of x), (of w)), constant, asymmetric, per_axis"""
    drawn, w_type = Drawn(seed, extra.get("wide", False)), w_type or x_type
    rng = drawn.rng
    rows, depth, columns = drawn.channels(9), drawn.channels(9), drawn.channels(9)
    adj_x, adj_y = bool(rng.integers(0, 2)), bool(rng.integers(0, 2))
    choices = [
        ((), ()),
        ((3,), (3,)),
        ((2,), ()),
        ((2, 3), (3,)),
        ((2, 1), (1, 3)),
        ((), (2, 2)),
        ((2, 1, 2), (1, 2, 2)),
        ((4, 2), (1, 1)),
    ]
    x_batch, w_batch = extra.get("batches") or choices[int(rng.integers(0, len(choices)))]
    x = drawn.input(x_type, (*x_batch, *((depth, rows) if adj_x else (rows, depth))))
    w_shape = (*w_batch, *((columns, depth) if adj_y else (depth, columns)))
    per_axis, axis = extra.get("per_axis", False), len(w_shape) - (2 if adj_y else 1)
    hybrid = x_type == F32 and w_type != F32
    constant = extra.get("constant", hybrid)
    w = drawn.weights(w_type, w_shape, columns if per_axis else None, axis, symmetric=hybrid, constant=constant)
    if extra.get("y_type"):
        y = drawn.graph.tensor("y", extra["y_type"], (), scale=1.0)
    else:
        y = drawn.output(x_type, x_type, w_type, x, w, depth)
    options = {"adj_x": adj_x, "adj_y": adj_y, "asymmetric_quantize_inputs": extra.get("asymmetric", False)}
    return drawn.model("BATCH_MATMUL", [x, w], y, ("BatchMatMulOptions", options), 4)


def sparse(x_type: TensorType, w: np.ndarray, block: int, scale=None, bias=None, version: int = 8, **options) -> Model:
    """FULLY_CONNECTED with weights [O, I] stored as blocks of 1 x `block` that are not all zero; block 1: single elements."""
    graph = GraphBuilder()
    units, depth = w.shape
    blocks = w.reshape(units, depth // block, block)
    filled = blocks.any(axis=2)
    segments = np.concatenate([[0], np.cumsum(filled.sum(axis=1))]).astype(np.int32)
    levels = [DimensionMetadata(0, units), DimensionMetadata(1, 0, segments, np.nonzero(filled)[1].astype(np.int32))]
    if block > 1:
        sparsity = Sparsity((0, 1, 2), (1,), (*levels, DimensionMetadata(0, block)))
    else:
        sparsity = Sparsity((0, 1), (), tuple(levels))
    x_quantization = {} if x_type == F32 else {"scale": 0.05, "zero_point": 3}
    x = graph.input("x", x_type, (5, depth), **x_quantization)
    quantization = {} if scale is None else {"scale": scale}
    stored = graph.constant("w", w, data=blocks[filled].tobytes(), sparsity=sparsity, **quantization)
    b = [] if bias is None else [graph.constant("b", bias, scale=None if x_type == F32 else np.float32(0.05) * np.float32(scale))]
    y = graph.tensor("y") if x_type == F32 else graph.tensor("y", x_type, scale=2.0, zero_point=-5)
    graph.operator("FULLY_CONNECTED", [x, stored, *b], [y], ("FullyConnectedOptions", options), version=version)
    return graph.model(outputs=[y])


def sparse_weights(dtype, depth: int = 64, units: int = 6) -> np.ndarray:
    """Weights [units, depth] with about half of the blocks of 16 zero."""
    rng = np.random.default_rng(5)
    w = rng.normal(size=(units, depth)) if dtype == np.float32 else rng.integers(-127, 128, (units, depth))
    keep = np.repeat(rng.random((units, depth // 16)) < 0.5, 16, axis=1)
    return np.where(keep, w, 0).astype(dtype)
