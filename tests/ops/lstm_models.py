"""LSTM models of every variant, for the tests of the recurrent operators."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qref.schema import GraphBuilder, Model, TensorType

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
    shape = shape[1:] if v.operator == "LSTM" else shape
    quantized, state_quantized, intermediates = {}, {}, []
    cell_scale = np.float32(2.0 ** -b.rng.integers(9, 16))
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


def random_rounds(model: Model, count: int = 3, seed: int = 0) -> list[dict[int, np.ndarray]]:
    """Inputs of several invokes; the second is all zeros (or the zero point's neighbour), so that skipped products are met."""
    rng = np.random.default_rng(seed)
    tensor = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]
    if tensor.type == I8:
        rounds = [rng.integers(-128, 128, tensor.shape).astype(np.int8) for _ in range(count)]
    else:
        rounds = [rng.normal(size=tensor.shape).astype(np.float32) for _ in range(count)]
        rounds[1] = rounds[1] * 0
    return [{0: array} for array in rounds]
