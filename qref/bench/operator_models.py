"""Models of one operator from a description such as CONV_2D:56x56x128x128k1.

    OPERATOR:SIZES[kN][sN][dN][mN][v][:TYPE]

    CONV_2D, TRANSPOSE_CONV      HEIGHTxWIDTHxINPUT_CHANNELSxOUTPUT_CHANNELS
    DEPTHWISE_CONV_2D            HEIGHTxWIDTHxCHANNELS, m: depth multiplier
    FULLY_CONNECTED              ROWSxDEPTHxUNITS
    BATCH_MATMUL                 BATCHxROWSxDEPTHxCOLUMNS
    ADD, MUL, SOFTMAX            the shape, as many sizes as wanted

k, s and d are filter, stride and dilation: one number or HEIGHTxWIDTH, 1 by default; v stands for padding VALID, which is SAME
without it. TYPE is int8 (the default), int16 or float32. Images have batch 1. Weights of convolutions and FULLY_CONNECTED are
constants drawn from a seed, int8 with a scale for each output channel unless TYPE is float32.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from qref.errors import InputError
from qref.inputs import draw
from qref.schema import GraphBuilder, Model, Padding, TensorType

DESCRIPTION = re.compile(r"([A-Z][A-Z0-9_]*):(.*)")
SIZES_AND_OPTIONS = re.compile(r"(\d+(?:x\d+)*)((?:[ksdm]\d+(?:x\d+)?|v)*)(?::(\w+))?")
TYPES = {"int8": TensorType.INT8, "int16": TensorType.INT16, "float32": TensorType.FLOAT32}
BIAS = {TensorType.INT8: TensorType.INT32, TensorType.INT16: TensorType.INT64, TensorType.FLOAT32: TensorType.FLOAT32}
MOST_PRODUCTS = 2**32  # so that neither memory nor patience runs out
INPUT_SCALE, WEIGHT_SCALE = 0.05, 0.01


@dataclass(frozen=True, slots=True)
class Description:
    """What a description says."""

    operator: str
    sizes: tuple[int, ...]
    filter: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    multiplier: int = 1
    padding: Padding = Padding.SAME
    type: TensorType = TensorType.INT8


def is_description(text: str) -> bool:
    """Whether a text looks like the description of an operator, a right one or not."""
    return DESCRIPTION.fullmatch(text) is not None


def parse(text: str) -> Description:
    """The description of an operator; InputError where it is none, with what was expected."""
    named = DESCRIPTION.fullmatch(text)
    if named is None or named[1] not in OPERATORS:
        raise InputError(f"{text!r} describes no operator that can be made; those that can are {', '.join(OPERATORS)}")
    name, found = named[1], SIZES_AND_OPTIONS.fullmatch(named[2])
    form = OPERATORS[name]
    if found is None:
        raise InputError(f"{text!r}: after {name}: comes {form.sizes}[kN][sN][dN][mN][v][:TYPE], as in {form.example}")
    sizes = tuple(map(int, found[1].split("x")))
    options = re.findall(r"([ksdmv])(\d*)x?(\d*)", found[2])
    letters = [letter for letter, _, _ in options]
    if (form.count is not None and len(sizes) != form.count) or 0 in sizes:
        raise InputError(
            f"{text!r}: {name} takes the sizes {form.sizes}, each at least 1, as in {form.example}; found {found[1]}"
        )
    wrong = [letter for letter in letters if letter not in form.letters or letters.count(letter) > 1]
    if wrong:
        allowed = ", ".join(form.letters) or "none"
        raise InputError(f"{text!r}: option {wrong[0]!r} is not one of {name}, or given twice; its options are {allowed}")
    kind = found[3] or "int8"
    if kind not in TYPES:
        raise InputError(f"{text!r}: unknown type {kind!r}; known are {', '.join(TYPES)}")
    values = {letter: (int(high), int(wide or high)) for letter, high, wide in options if letter != "v"}
    if any(0 in pair for pair in values.values()):
        raise InputError(f"{text!r}: filter, stride, dilation and multiplier are at least 1")
    most = math.prod((*sizes, *(n for letter in "km" for n in values.get(letter, ()))))
    if most > MOST_PRODUCTS:
        raise InputError(f"{text!r}: the sizes and the filter multiply to {most:,}; the most is {MOST_PRODUCTS:,}")
    k, s, d = (values.get(letter, (1, 1)) for letter in "ksd")
    padding = Padding.VALID if "v" in letters else Padding.SAME
    if padding == Padding.VALID and any((f - 1) * step + 1 > size for f, step, size in zip(k, d, sizes)):
        raise InputError(f"{text!r}: the filter is larger than the image; leave v away, or give a smaller filter")
    return Description(name, sizes, k, s, d, values.get("m", (1, 1))[0], padding, TYPES[kind])


def build(description: Description, seed: int) -> Model:
    """A model of that operator alone, its constants drawn from the seed."""
    return OPERATORS[description.operator].build(_Operands(description, seed))


class _Operands:
    """The operands of the operator under construction."""

    def __init__(self, description: Description, seed: int):
        self.description, self.type = description, description.type
        self.rng, self.graph = np.random.default_rng(seed), GraphBuilder()
        self.is_float, self.zero_point = self.type == TensorType.FLOAT32, -3 if self.type == TensorType.INT8 else 0

    def input(self, name: str, shape: Sequence[int]) -> int:
        return self.graph.input(name, self.type, shape, scale=None if self.is_float else INPUT_SCALE, zero_point=self.zero_point)

    def weights(self, shape: Sequence[int], axis: int) -> tuple[int, int]:
        """Weights and bias of the output channels along an axis."""
        channels, kind = shape[axis], self.type if self.is_float else TensorType.INT8
        scale = WEIGHT_SCALE * self.rng.uniform(0.5, 1, channels).astype(np.float32)
        values = draw(self.rng, shape, kind.dtype)  # type: ignore[arg-type]
        if self.is_float:
            return self.graph.constant("w", values), self.graph.constant("b", draw(self.rng, [channels], np.dtype(np.float32)))
        bias = self.rng.integers(-3000, 3000, channels)
        return (
            self.graph.constant("w", np.maximum(values, -127), scale=scale, quantized_dimension=axis),
            self.graph.constant("b", bias, BIAS[self.type], scale=scale * np.float32(INPUT_SCALE)),
        )

    def output(self, shape: Sequence[int], spread: float) -> int:
        """An output whose range is four times the spread of its real values."""
        if self.is_float:
            return self.graph.tensor("y", self.type, shape)
        steps = 2.0 ** (self.type.bits - 1)
        return self.graph.tensor("y", self.type, shape, scale=4 * spread / steps, zero_point=-self.zero_point)

    def spread(self, taps: int, second_scale: float = WEIGHT_SCALE) -> float:
        """Of a sum of so many products of whole-range inputs and 8-bit weights, or of the second scale's own."""
        return math.sqrt(taps) * INPUT_SCALE * 2.0 ** (self.type.bits - 1) * second_scale * 2.0**7 / 3

    def model(self, inputs: Sequence[int], output: int, options: tuple[str, dict], version: int) -> Model:
        self.graph.operator(self.description.operator, inputs, [output], options, version=version)
        return self.graph.model(outputs=[output])

    def image(self, channels: int, *, enlarged: bool = False) -> tuple[int, ...]:
        """Shape of the output."""
        d, sizes = self.description, []
        for size, k, s, dilation in zip(d.sizes, d.filter, d.stride, d.dilation):
            reach = (k - 1) * dilation + 1
            rest = reach if d.padding == Padding.VALID else s if enlarged else 1
            sizes.append((size - 1) * s + rest if enlarged else (size - rest) // s + 1)
        return 1, *sizes, channels

    def window(self, **more: int) -> dict[str, int]:
        """Options of convolutions."""
        d = self.description
        return {"padding": int(d.padding), "stride_h": d.stride[0], "stride_w": d.stride[1], **more}

    def dilations(self) -> dict[str, int]:
        height, width = self.description.dilation
        return {"dilation_h_factor": height, "dilation_w_factor": width}


def _conv_2d(of: _Operands) -> Model:
    height, width, depth, channels = of.description.sizes
    shape = (channels, *of.description.filter, depth)
    x = of.input("x", (1, height, width, depth))
    y = of.output(of.image(channels), of.spread(math.prod(shape[1:])))
    options = ("Conv2DOptions", of.window(**of.dilations()))
    return of.model([x, *of.weights(shape, 0)], y, options, 3 if not of.is_float else 1)


def _depthwise_conv_2d(of: _Operands) -> Model:
    height, width, depth = of.description.sizes
    channels = depth * of.description.multiplier
    x = of.input("x", (1, height, width, depth))
    y = of.output(of.image(channels), of.spread(math.prod(of.description.filter)))
    options = ("DepthwiseConv2DOptions", of.window(depth_multiplier=of.description.multiplier, **of.dilations()))
    return of.model([x, *of.weights((1, *of.description.filter, channels), 3)], y, options, 3 if not of.is_float else 2)


def _transpose_conv(of: _Operands) -> Model:
    height, width, depth, channels = of.description.sizes
    shape = of.image(channels, enlarged=True)
    filter_shape = (channels, *of.description.filter, depth)
    x = of.input("x", (1, height, width, depth))
    w, b = of.weights(filter_shape, 0)
    y = of.output(shape, of.spread(math.prod(filter_shape[1:])))
    sizes = of.graph.constant("output_shape", np.array(shape, np.int32))
    return of.model([sizes, w, x, b], y, ("TransposeConvOptions", of.window()), 3)


def _fully_connected(of: _Operands) -> Model:
    rows, depth, units = of.description.sizes
    x, (w, b) = of.input("x", (rows, depth)), of.weights((units, depth), 0)
    y = of.output((rows, units), of.spread(depth))
    return of.model([x, w, b], y, ("FullyConnectedOptions", {}), 4 if not of.is_float else 1)


def _batch_matmul(of: _Operands) -> Model:
    batch, rows, depth, columns = of.description.sizes
    x, w = of.input("x", (batch, rows, depth)), of.input("w", (batch, depth, columns))
    y = of.output((batch, rows, columns), of.spread(depth, INPUT_SCALE * 2.0 ** (of.type.bits - 8)))
    return of.model([x, w], y, ("BatchMatMulOptions", {}), 2 if not of.is_float else 1)


def _add(of: _Operands) -> Model:
    shape = of.description.sizes
    y = of.output(shape, INPUT_SCALE * 2.0 ** (of.type.bits - 1) / 2)
    return of.model([of.input("x", shape), of.input("z", shape)], y, ("AddOptions", {"pot_scale_int16": False}), 2)


def _mul(of: _Operands) -> Model:
    shape = of.description.sizes
    y = of.output(shape, of.spread(1, INPUT_SCALE * 2.0 ** (of.type.bits - 8)))
    return of.model([of.input("x", shape), of.input("z", shape)], y, ("MulOptions", {}), 2)


def _softmax(of: _Operands) -> Model:
    shape = of.description.sizes
    x = of.input("x", shape)
    scale, zero_point = {TensorType.INT8: (1 / 256, -128), TensorType.INT16: (1 / 32768, 0)}.get(of.type, (None, 0))
    y = of.graph.tensor("y", of.type, shape, scale=scale, zero_point=zero_point)
    return of.model([x], y, ("SoftmaxOptions", {"beta": 1.0}), 2)


@dataclass(frozen=True, slots=True)
class Form:
    """How an operator is described and built; count: of sizes, None for any."""

    build: Callable[[_Operands], Model]
    sizes: str
    count: int | None
    letters: str
    example: str


OPERATORS = {
    "CONV_2D": Form(_conv_2d, "HEIGHTxWIDTHxINPUT_CHANNELSxOUTPUT_CHANNELS", 4, "ksdv", "CONV_2D:56x56x128x128k1"),
    "DEPTHWISE_CONV_2D": Form(_depthwise_conv_2d, "HEIGHTxWIDTHxCHANNELS", 3, "ksdmv", "DEPTHWISE_CONV_2D:112x112x64k3s2"),
    "TRANSPOSE_CONV": Form(
        _transpose_conv, "HEIGHTxWIDTHxINPUT_CHANNELSxOUTPUT_CHANNELS", 4, "ksv", "TRANSPOSE_CONV:28x28x64x32k3s2"
    ),
    "FULLY_CONNECTED": Form(_fully_connected, "ROWSxDEPTHxUNITS", 3, "", "FULLY_CONNECTED:64x1024x1024"),
    "BATCH_MATMUL": Form(_batch_matmul, "BATCHxROWSxDEPTHxCOLUMNS", 4, "", "BATCH_MATMUL:8x64x64x64"),
    "ADD": Form(_add, "SIZExSIZEx...", None, "", "ADD:56x56x64"),
    "MUL": Form(_mul, "SIZExSIZEx...", None, "", "MUL:56x56x64"),
    "SOFTMAX": Form(_softmax, "SIZExSIZEx...", None, "", "SOFTMAX:1x1000"),
}
