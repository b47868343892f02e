"""Three float models that lose accuracy in int8, each for a reason of its own, with the data to show it.

outlier channel     the bundled digits CNN, one channel of its last convolution 256 times as large and the weights that read it
                    as much smaller: the same function, but the other channels share a few steps of the int8 range
poor calibration    the digits CNN, calibrated on digits of a fifth of the brightness: ranges that cut real ones off
long LSTM           320 steps of 16 signals; 16 cells of 64 add up one each, and the greatest sum is the class. The steps are
                    small, and one burst a sample, which cancels out, sets the range of the input: int8 rounds steps to zero
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

import qref
from qref.schema import Buffer, GraphBuilder, Model, TensorType, load, pack

TIME, SIGNALS, CELLS = 320, 16, 64


@dataclass(frozen=True, slots=True)
class Case:
    """A float model, samples that calibrate it, and inputs and labels: to search with, and others to judge the result by."""

    name: str
    model: Model
    calibration: np.ndarray
    search: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def cases() -> Iterator[Case]:
    """The three, always the same."""
    images, labels = _digits()
    float_model = load(qref.bundled("digits_cnn_float"))
    search, test = (images[1500::2], labels[1500::2]), (images[1501::2], labels[1501::2])
    yield Case("outlier channel", with_outlier_channel(float_model, 256), images[:100], search, test)
    yield Case("poor calibration", float_model, images[:100] / 5, search, test)
    signals, classes = _signals(500, seed=0)
    parts = np.split(np.arange(500), (100, 300))
    yield Case("long LSTM", integrator(), signals[parts[0]], *((signals[part], classes[part]) for part in parts[1:]))


def _digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return (digits.images[..., None] / 16).astype(np.float32), digits.target


def with_outlier_channel(model: Model, factor: float, channel: int = 0) -> Model:
    """The digits CNN with a channel of its last CONV_2D times `factor`, and the weights that read it over `factor`."""
    graph = model.subgraphs[0]
    convolution = [operator for operator in graph.operators if operator.name == "CONV_2D"][-1]
    dense = next(operator for operator in graph.operators if operator.name == "FULLY_CONNECTED")
    model = _scaled(model, convolution.inputs[1], np.s_[channel], factor)
    model = _scaled(model, convolution.inputs[2], np.s_[channel], factor)
    return _scaled(model, dense.inputs[1], np.s_[:, channel], 1 / factor)


def _scaled(model: Model, tensor: int, part: object, factor: float) -> Model:
    """The model with a part of a constant multiplied."""
    changed = model.subgraphs[0].tensors[tensor]
    data = model.data(changed).copy()
    data[part] *= np.float32(factor)
    buffers = list(model.buffers)
    buffers[changed.buffer] = Buffer(pack(data, changed.type))
    return replace(model, buffers=tuple(buffers))


def _signals(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Signals [count, 1, TIME, SIGNALS] float32, and which of each sample's has the greatest sum [count]."""
    rng = np.random.default_rng(seed)
    signals = rng.normal(0, 0.004, (count, TIME, SIGNALS)) + rng.uniform(-0.006, 0.006, (count, 1, SIGNALS))
    for sample in range(count):
        start, signal = rng.integers(TIME - 1), rng.integers(SIGNALS)
        signals[sample, start : start + 2, signal] += (4, -4)
    return signals[:, None].astype(np.float32), signals.sum(axis=1).argmax(axis=1)


def integrator() -> Model:
    """An LSTM whose first cells add up a signal each, the others being random; its last step, FULLY_CONNECTED, SOFTMAX."""
    graph, rng = GraphBuilder(), np.random.default_rng(0)
    inputs = [graph.input("signals", TensorType.FLOAT32, (1, TIME, SIGNALS)), *[-1] * 23]
    for gate in range(4):
        opens = gate != 2  # input, forget and output gate; 2 makes what is added
        weights, recurrent = (rng.normal(0, 0.01, (CELLS, columns)) for columns in (SIGNALS, CELLS))
        weights[:SIGNALS] = 0 if opens else 0.25 * np.eye(SIGNALS)
        recurrent[:SIGNALS] = 0
        for position, array in ((1, weights), (5, recurrent), (12, np.full(CELLS, 8.0 * opens))):
            inputs[position + gate] = graph.constant(f"lstm/{position + gate}", array.astype(np.float32))
    inputs[18] = graph.variable("lstm/output_state", TensorType.FLOAT32, (1, CELLS))
    inputs[19] = graph.variable("lstm/cell_state", TensorType.FLOAT32, (1, CELLS))
    sums = graph.tensor("lstm/sums", TensorType.FLOAT32, (1, TIME, CELLS))
    options = {"fused_activation_function": 4, "time_major": False}
    graph.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [sums], ("UnidirectionalSequenceLSTMOptions", options))
    return graph.model(outputs=[_classified(graph, sums)])


def _classified(graph: GraphBuilder, sums: int) -> int:
    """The last step's sums as probabilities."""
    bounds = [graph.constant(f"last/{name}", np.array(v, np.int32)) for name, v in (("begin", (0, -1, 0)), ("end", (0, 0, 0)))]
    strides = graph.constant("last/strides", np.ones(3, np.int32))
    last = graph.tensor("last", TensorType.FLOAT32, (1, CELLS))
    masks = {"begin_mask": 5, "end_mask": 7, "shrink_axis_mask": 2}
    graph.operator("STRIDED_SLICE", [sums, *bounds, strides], [last], ("StridedSliceOptions", masks))
    weights = graph.constant("dense/weights", (8 * np.eye(SIGNALS, CELLS)).astype(np.float32))
    bias = graph.constant("dense/bias", np.zeros(SIGNALS, np.float32))
    logits = graph.tensor("dense", TensorType.FLOAT32, (1, SIGNALS))
    graph.operator("FULLY_CONNECTED", [last, weights, bias], [logits], ("FullyConnectedOptions", {}))
    classes = graph.tensor("classes", TensorType.FLOAT32, (1, SIGNALS))
    graph.operator("SOFTMAX", [logits], [classes], ("SoftmaxOptions", {"beta": 1.0}))
    return classes
