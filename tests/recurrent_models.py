"""Models of one recurrent operator each, in every variant, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

import qref
from qref.ops.node import Node, Operand, Prepared
from qref.ops.session import Session
from qref.runtimes.litert_reference import LITERT_REFERENCE
from qref.schema import NO_OPTIONS, Buffer, GraphBuilder, Model, Options, Quantization, TensorType

F32, I8, I16, I32, U8 = TensorType.FLOAT32, TensorType.INT8, TensorType.INT16, TensorType.INT32, TensorType.UINT8


@dataclass(frozen=True)
class Variant:
    """Which LSTM to build; weights "float32", "int8" or "uint8" are those of float activations."""

    integer: bool = False
    weights: str = "float32"
    asymmetric: bool = False
    cifg: bool = False
    peephole: bool = False
    layer_norm: bool = False
    projection: int = 0
    projection_bias: bool = True
    clip: bool = False
    time_major: bool = True
    operator: str = "UNIDIRECTIONAL_SEQUENCE_LSTM"
    time: int = 3
    batch: int = 2
    depth: int = 5
    cells: int = 8
    cell_exponent: int | None = None  # drawn from those with a tanh
    diagonal: bool = False
    activation: int = 4  # TANH
    seed: int = 0

    def but(self, **changes) -> Variant:
        """The same with some fields changed."""
        return replace(self, **changes)


class _Builder:
    def __init__(self, variant: Variant):
        self.v, self.rng, self.graph = variant, np.random.default_rng(variant.seed), GraphBuilder()
        self.inputs: list[int] = [-1] * 24

    def scale(self, low: float, high: float) -> np.float32:
        """A random scale, or one that provokes ties."""
        return np.float32(
            self.rng.choice([self.rng.uniform(low, high), 2.0 ** np.round(np.log2(high)), np.round((low + high) / 2, 2) or high])
        )

    def weights(self, position: int, shape, low=0.002, high=0.01) -> None:
        rng, name = self.rng, f"input {position}"
        if self.v.integer or self.v.weights == "int8":
            array = rng.integers(-127, 128, shape).astype(np.int8)
            self.inputs[position] = self.graph.constant(name, array, scale=self.scale(low, high))
        elif self.v.weights == "uint8":
            array = rng.integers(-127, 128, shape).astype(np.int8).view(np.uint8)
            self.inputs[position] = self.graph.constant(name, array, scale=self.scale(low, high), zero_point=0)
        else:
            self.floats(position, rng.normal(size=shape) * 0.5)

    def floats(self, position: int, array) -> None:
        self.inputs[position] = self.graph.constant(f"input {position}", np.asarray(array, np.float32))

    def integers(self, position: int, dtype, limit: int, size: int, scale) -> None:
        array = self.rng.integers(-limit, limit, size, endpoint=True).astype(dtype)
        self.inputs[position] = self.graph.constant(f"input {position}", array, scale=scale)

    def gates(self, first: int, outputs: int) -> None:
        v, rng = self.v, self.rng
        for k in range(v.cifg, 4):
            self.weights(first + k, (v.cells, v.depth))
            if v.diagonal and k != 2:
                self.floats(first + 4 + k, rng.normal(size=v.cells))
            else:
                self.weights(first + 4 + k, (v.cells, outputs))
            if v.integer:
                self.integers(first + 11 + k, np.int32, 4_000_000 if v.layer_norm else 8000, v.cells, 1e-4)
            else:
                self.floats(first + 11 + k, rng.normal(size=v.cells) * 0.3)
        if v.peephole:
            for i in range(v.cifg, 3):
                if v.integer:
                    self.integers(first + 8 + i, np.int16, 32767, v.cells, self.scale(1e-5, 1e-4))
                else:
                    self.weights(first + 8 + i, (v.cells,))
        if v.projection:
            self.weights(first + 15, (outputs, v.cells))
            if v.projection_bias:
                if v.integer:
                    self.integers(first + 16, np.int32, 3000, outputs, 1e-4)
                else:
                    self.floats(first + 16, rng.normal(size=outputs) * 0.3)

    def layer_norms(self) -> None:
        for k in range(self.v.cifg, 4):
            if self.v.integer:
                self.integers(20 + k, np.int16, 32767, self.v.cells, self.scale(1e-5, 6e-5))
            else:
                self.floats(20 + k, self.rng.normal(size=self.v.cells) * 0.2 + 1)


def lstm_model(v: Variant) -> Model:
    """A model of one UNIDIRECTIONAL_SEQUENCE_LSTM or LSTM."""
    b = _Builder(v)
    outputs = v.projection or v.cells
    shape = (v.time, v.batch) if v.time_major else (v.batch, v.time)
    shape = (v.batch,) if v.operator == "LSTM" else shape
    quantized, state_quantized, intermediates = {}, {}, []
    drawn = -b.rng.integers(9, 16)
    cell_scale = np.float32(2.0 ** (drawn if v.cell_exponent is None else v.cell_exponent))
    if v.integer:
        quantized = {"scale": b.scale(0.01, 0.05), "zero_point": int(b.rng.integers(-128, 128))}
        state_quantized = {"scale": b.scale(0.005, 0.01), "zero_point": int(b.rng.integers(-60, 61))}
    real = I8 if v.integer else F32
    b.inputs[0] = b.graph.input("x", real, (*shape, v.depth), **quantized)
    b.gates(1, outputs)
    if v.layer_norm:
        b.layer_norms()
    b.inputs[18] = b.graph.variable("output state", real, (v.batch, outputs), **state_quantized)
    b.inputs[19] = b.graph.variable(
        "cell state", I16 if v.integer else F32, (v.batch, v.cells), **({"scale": cell_scale} if v.integer else {})
    )
    y = b.graph.tensor("y", real, (*shape, outputs), **state_quantized)
    if v.integer:
        intermediates = [b.graph.tensor(f"gate {k}", I16, (0,), scale=b.scale(3e-4, 2e-3)) for k in range(4)]
        hidden = {"scale": b.scale(0.005, 0.01), "zero_point": int(b.rng.integers(-30, 31))} if v.projection else state_quantized
        intermediates.append(b.graph.tensor("hidden", I8, (0,), **hidden))
    options = {"fused_activation_function": v.activation, "asymmetric_quantize_inputs": v.asymmetric}
    if v.clip:
        options |= {"cell_clip": float(cell_scale) * 9000 if v.integer else 0.5, "proj_clip": 0.3}
    if v.operator == "LSTM":
        name, version = "LSTMOptions", 3 if v.asymmetric or v.integer else 1
    else:
        name, version = "UnidirectionalSequenceLSTMOptions", 3 if v.integer else 2 if v.asymmetric else 1
        options["time_major"] = v.time_major
    b.graph.operator(
        v.operator,
        b.inputs if v.layer_norm else b.inputs[:20],
        [y],
        (name, options),
        version=version,
        intermediates=intermediates,
    )
    return b.graph.model(outputs=[y])


def with_least_weights(model: Model) -> Model:
    """The model with every third int8 weight set to -128, which LiteRT's hybrid kernels take with the wrong sign for x86."""
    buffers = list(model.buffers)
    for tensor in model.subgraphs[0].tensors:
        if tensor.type == I8 and tensor.buffer:
            weights = np.frombuffer(buffers[tensor.buffer].data, np.int8).copy()
            weights[::3] = -128
            buffers[tensor.buffer] = Buffer(weights.tobytes())
    return replace(model, buffers=tuple(buffers))


def random_rounds(model: Model, count: int = 3, seed: int = 0) -> list[dict[int, np.ndarray]]:
    """Inputs of several invokes; floats of the second are all zeros, so that skipped products are met."""
    rng, graph = np.random.default_rng(seed), model.subgraphs[0]
    rounds: list[dict[int, np.ndarray]] = []
    for number in range(count):
        rounds.append({})
        for position, index in enumerate(graph.inputs):
            dtype, shape = graph.tensors[index].type.dtype, graph.tensors[index].shape
            if dtype.kind == "f":
                rounds[-1][position] = rng.normal(size=shape).astype(dtype) * (number != 1)
            else:
                limits = np.iinfo(dtype)
                rounds[-1][position] = rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)
    return rounds


def tflm_lstm_model(
    seed: int,
    type: TensorType,
    *,
    time_major: bool = False,
    cell_exponent: int = -11,
    cell_clip: float = 0.0,
    bias_type: TensorType = I32,
) -> Model:
    """An LSTM of 24 inputs, as TFLM takes it, drawn from a seed."""
    rng, graph = np.random.default_rng(seed), GraphBuilder()
    steps, batch, depth, cells = (int(n) for n in rng.integers(1, 9, 4))
    leading = (steps, batch) if time_major else (batch, steps)
    floating = type == F32

    def quantized(scale: float, zero_point: int = 0) -> dict:
        return {} if floating else {"scale": scale, "zero_point": zero_point if type == I8 else 0}

    def weights(*shape: int) -> int:
        if floating:
            return graph.constant("w", rng.normal(size=shape).astype(np.float32) * np.float32(0.5))
        return graph.constant("w", rng.integers(-127, 128, shape).astype(np.int8), scale=float(rng.uniform(0.001, 0.01)))

    def bias() -> int:
        if floating:
            return graph.constant("b", rng.normal(size=cells).astype(np.float32) * np.float32(0.3))
        return graph.constant("b", rng.integers(-8000, 8000, cells).astype(bias_type.dtype), scale=1e-4)

    wide = 1 if type == I8 else 1 / 256
    x = graph.input("x", type, (*leading, depth), **quantized(float(rng.uniform(0.01, 0.05)) * wide, 7))
    inputs = [-1] * 24
    inputs[0] = x
    for k in range(4):
        inputs[1 + k], inputs[5 + k], inputs[12 + k] = weights(cells, depth), weights(cells, cells), bias()
    output = quantized(float(rng.uniform(0.006, 0.009)) * wide, -3)
    cell = {} if floating else {"scale": 2.0**cell_exponent, "zero_point": 0}
    inputs[18] = graph.tensor("h", type, (batch, cells), is_variable=True, **output)
    inputs[19] = graph.tensor("c", F32 if floating else I16, (batch, cells), is_variable=True, **cell)
    y = graph.tensor("y", type, (*leading, cells), **output)
    options = {"fused_activation_function": 4, "cell_clip": cell_clip, "time_major": time_major}
    graph.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], ("UnidirectionalSequenceLSTMOptions", options), version=3)
    return graph.model(outputs=[y])


def basic_lstm_model(quantized: bool = False, batch: int = 2, depth: int = 5, cells: int = 6, seed: int = 0) -> Model:
    """A model of one LSTM with kernel_type BASIC; all four outputs are outputs of the graph."""
    rng, graph = np.random.default_rng(seed), GraphBuilder()
    small, wide = (U8, I16) if quantized else (F32, F32)
    unit = {"scale": 1 / 128, "zero_point": 128} if quantized else {}
    state = {"scale": 2.0**-11} if quantized else {}
    weight_scale = float(rng.uniform(0.005, 0.02))
    x = graph.input("x", small, (batch, depth), **unit)
    h = graph.variable("h", small, (batch, cells), **unit)
    if quantized:
        array = rng.integers(0, 256, (4 * cells, depth + cells)).astype(np.uint8)
        w = graph.constant("w", array, scale=weight_scale, zero_point=int(rng.integers(100, 150)))
        b = graph.constant("b", rng.integers(-9000, 9000, 4 * cells).astype(np.int32), scale=weight_scale / 128)
    else:
        w = graph.constant("w", rng.normal(size=(4 * cells, depth + cells)).astype(np.float32))
        b = graph.constant("b", rng.normal(size=4 * cells).astype(np.float32))
    c = graph.variable("c", wide, (batch, cells), **state)
    outputs = [
        graph.tensor("h out", small, (batch, cells), **unit),
        graph.tensor("c out", wide, (batch, cells), **state),
        graph.tensor("concatenation", small, (batch, depth + cells), **unit),
        graph.tensor("sums", wide, (batch, 4 * cells), **({"scale": 2.0**-12} if quantized else {})),
    ]
    graph.operator(
        "LSTM", [x, h, w, b, c], outputs, ("LSTMOptions", {"kernel_type": 1, "fused_activation_function": 4}), version=2
    )
    return graph.model(outputs=outputs)


def bidirectional_lstm_model(v: Variant, merged: bool = False, aux: str = "none") -> Model:
    """A model of one BIDIRECTIONAL_SEQUENCE_LSTM; aux is "none", "stacked" (input of the backward LSTM) or "weights"."""
    b = _Builder(v)
    b.inputs = [-1] * 48
    outputs = v.projection or v.cells
    shape = (v.time, v.batch) if v.time_major else (v.batch, v.time)
    b.inputs[0] = b.graph.input("x", F32, (*shape, v.depth))
    for first in (1, 18):
        b.gates(first, outputs)
    for position, width in (35, outputs), (36, v.cells), (37, outputs), (38, v.cells):
        b.inputs[position] = b.graph.variable(f"state {position}", F32, (v.batch, width))
    if aux != "none":
        aux_depth = v.depth if aux == "stacked" else v.depth + 2
        b.inputs[39] = b.graph.input("aux", F32, (*shape, aux_depth))
        for position in range(40, 48) if aux == "weights" else ():
            if not (v.cifg and position in (40, 44)):
                b.weights(position, (v.cells, aux_depth))
    y = [b.graph.tensor(f"y {i}", F32, (*shape, outputs * (2 if merged else 1))) for i in range(1 if merged else 2)]
    options = {
        "fused_activation_function": 4,
        "merge_outputs": merged,
        "time_major": v.time_major,
        "asymmetric_quantize_inputs": v.asymmetric,
    }
    if v.clip:
        options |= {"cell_clip": 0.5, "proj_clip": 0.3}
    table = ("BidirectionalSequenceLSTMOptions", options)
    b.graph.operator("BIDIRECTIONAL_SEQUENCE_LSTM", b.inputs, y, table, version=3 if v.asymmetric else 2)
    return b.graph.model(outputs=y)


def rnn_model(v: Variant, merged: bool = False, aux: str = "none") -> Model:
    """A model of one RNN, UNIDIRECTIONAL_SEQUENCE_RNN or BIDIRECTIONAL_SEQUENCE_RNN, with v.cells units."""
    b = _Builder(v)
    shape = (v.batch,) if v.operator == "RNN" else (v.time, v.batch) if v.time_major else (v.batch, v.time)
    bidirectional = v.operator == "BIDIRECTIONAL_SEQUENCE_RNN"
    b.inputs = [-1] * (12 if bidirectional else 5)
    b.inputs[0] = b.graph.input("x", F32, (*shape, v.depth))
    units = [v.cells, v.cells + 3][: 1 + bidirectional]
    for first, width in zip((1, 5), units):
        b.weights(first, (width, v.depth))
        b.weights(first + 1, (width, width))
        b.floats(first + 2, b.rng.normal(size=width) * 0.3)
        b.inputs[first + 3] = b.graph.variable(f"state {first}", F32, (v.batch, width))
    if aux != "none":
        aux_depth = v.depth if aux == "stacked" else v.depth + 2
        b.inputs[9] = b.graph.input("aux", F32, (*shape, aux_depth))
        for position, width in zip((10, 11), units) if aux == "weights" else ():
            b.weights(position, (width, aux_depth))
    y = [b.graph.tensor(f"y {i}", F32, (*shape, width)) for i, width in enumerate([sum(units)] if merged else units)]
    options = {"fused_activation_function": v.activation, "asymmetric_quantize_inputs": v.asymmetric}
    if v.operator == "RNN":
        table = "RNNOptions"
    else:
        table = "BidirectionalSequenceRNNOptions" if bidirectional else "SequenceRNNOptions"
        options |= {"time_major": v.time_major} | ({"merge_outputs": merged} if bidirectional else {})
    b.graph.operator(v.operator, b.inputs, y, (table, options), version=3 if v.asymmetric else 2 if v.weights != "float32" else 1)
    return b.graph.model(outputs=y)


def svdf_model(v: Variant, rank: int = 2, memory: int = 7, bias: bool = True) -> Model:
    """A model of one SVDF with v.cells units."""
    b = _Builder(v)
    filters = v.cells * rank
    real, quantized = (
        (I8, {"scale": b.scale(0.01, 0.05), "zero_point": int(b.rng.integers(-128, 128))}) if v.integer else (F32, {})
    )
    b.inputs = [-1] * 5
    b.inputs[0] = b.graph.input("x", real, (v.batch, v.depth), **quantized)
    b.weights(1, (filters, v.depth))
    if v.integer:
        array = b.rng.integers(-32767, 32768, (filters, memory)).astype(np.int16)
        b.inputs[2] = b.graph.constant("time weights", array, scale=b.scale(1e-5, 1e-4))
        if bias:
            b.integers(3, np.int32, 10**8, v.cells, 1e-4)
    else:
        b.weights(2, (filters, memory))
        if bias:
            b.floats(3, b.rng.normal(size=v.cells))
    state = {"scale": b.scale(5e-5, 5e-4)} if v.integer else {}
    b.inputs[4] = b.graph.variable("state", I16 if v.integer else F32, (v.batch, filters * memory), **state)
    y = b.graph.tensor(
        "y",
        real,
        (v.batch, v.cells),
        **({"scale": b.scale(0.01, 0.1), "zero_point": int(b.rng.integers(-128, 128))} if v.integer else {}),
    )
    options = {"rank": rank, "fused_activation_function": v.activation, "asymmetric_quantize_inputs": v.asymmetric}
    version = 3 if v.integer else 4 if v.asymmetric else 2 if v.weights != "float32" else 1
    b.graph.operator("SVDF", b.inputs, [y], ("SVDFOptions", options), version=version)
    return b.graph.model(outputs=[y])


def with_bias_scale(model: Model) -> Model:
    """The scale of an SVDF's bias that TFLM wants: that of the state times that of the time weights."""
    graph = model.subgraphs[0]
    _, _, time_weights, bias, state = graph.operators[0].inputs
    scale = graph.tensors[state].quantization.scale * graph.tensors[time_weights].quantization.scale
    quantization = Quantization(scale, np.zeros(1, np.int64))
    tensors = tuple(replace(t, quantization=quantization) if t.index == bias else t for t in graph.tensors)
    return replace(model, subgraphs=(replace(graph, tensors=tensors),))


def prepared_with_inputs(model: Model, prepare, seed: int = 0) -> tuple[Prepared, list[np.ndarray | None]]:
    """The model's only operator as prepared for litert-reference, and its inputs: constants, and random data and states."""
    graph, rng = model.subgraphs[0], np.random.default_rng(seed)
    operands = [Operand(t, t.type, t.shape, model.data(t)) for t in graph.tensors]
    operator = graph.operators[0]
    node = Node(
        operator,
        inputs=tuple(operands[i] if i >= 0 else None for i in operator.inputs),
        outputs=tuple(operands[i] for i in operator.outputs),
        session=Session(LITERT_REFERENCE),
        intermediates=tuple(operands[i] for i in operator.intermediates),
    )

    def array(operand: Operand | None) -> np.ndarray | None:
        if operand is None or operand.constant is not None:
            return None if operand is None else operand.constant
        if operand.dtype.kind == "f":
            return rng.normal(size=operand.shape).astype(operand.dtype)
        limits = np.iinfo(operand.dtype)
        return rng.integers(limits.min, limits.max, operand.shape, endpoint=True).astype(operand.dtype)

    return prepare(node), [array(operand) for operand in node.inputs]


def damaged_models(model: Model) -> Iterator[tuple[str, Model]]:
    """The model with one thing wrong with its operator: an operand gone, of another shape, of another type, not quantized."""
    graph = model.subgraphs[0]
    operator = graph.operators[0]

    def with_operator(**fields) -> Model:
        return replace(model, subgraphs=(replace(graph, operators=(replace(operator, **fields),)),))

    def with_tensor(index: int, **fields) -> Model:
        tensor = replace(graph.tensors[index], **fields)
        size = int(np.prod(tensor.shape)) * tensor.type.dtype.itemsize
        buffers = list(model.buffers)
        if tensor.buffer:
            buffers[tensor.buffer] = Buffer(bytes(size))
        tensors = (*graph.tensors[:index], tensor, *graph.tensors[index + 1 :])
        return replace(model, subgraphs=(replace(graph, tensors=tensors),), buffers=tuple(buffers))

    for position, index in enumerate(operator.inputs):
        if index < 0:
            continue
        tensor = graph.tensors[index]
        yield (
            f"input {position} is gone",
            with_operator(inputs=(*operator.inputs[:position], -1, *operator.inputs[position + 1 :])),
        )
        for shape in ((), (3,), (0,) * len(tensor.shape), (*tensor.shape, 1), tuple(n + 1 for n in tensor.shape)):
            yield f"input {position} of shape {shape}", with_tensor(index, shape=shape)
        for type_ in (F32, I8, I16, I32):
            if type_ != tensor.type:
                yield f"input {position} of type {type_.name}", with_tensor(index, type=type_)
        yield f"input {position} without quantization", with_tensor(index, quantization=None)
        if tensor.quantization is not None:
            for scale in (0.0, np.inf, np.nan, -1.0):
                quantization = Quantization(np.array([scale], np.float32), np.zeros(1, np.int64))
                yield f"input {position} of scale {scale}", with_tensor(index, quantization=quantization)
    yield "fewer inputs", with_operator(inputs=operator.inputs[:-1])
    yield "no outputs", with_operator(outputs=())
    yield "no intermediates", with_operator(intermediates=())
    yield "no options", with_operator(options=NO_OPTIONS)
    for name, value in operator.options.values.items():
        for other in (
            (-1, 7)
            if isinstance(value, int) and not isinstance(value, bool)
            else (-1.0, np.nan, np.inf)
            if isinstance(value, float)
            else ()
        ):
            yield (
                f"{name} is {other}",
                with_operator(options=Options(operator.options.table, {**operator.options.values, name: other})),
            )


def survive_damage(model: Model) -> int:
    """Run the damaged models; each must give a result or raise ModelError or InputError. Returns how many were refused."""
    refused = 0
    for what, damaged in damaged_models(model):
        try:
            interpreter = qref.Interpreter(model_content=damaged)
            interpreter.allocate_tensors()
            interpreter.invoke()
        except (qref.ModelError, qref.InputError) as error:
            refused += len(str(error)) > 0
        except Exception as error:
            raise AssertionError(what) from error
    return refused
