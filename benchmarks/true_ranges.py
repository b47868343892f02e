"""What a flaw of TFLiteConverter's calibration costs residual networks, in int8.

    python benchmarks/true_ranges.py [--rounds 5] [--model FLOAT.tflite --data SAMPLES.npy [--labels LABELS.npy]]

An ADD computes in the place of one of its inputs, and the calibrator looks at inputs again afterwards: so that input, a residual
branch, gets the range of the sum. Printed are how many ranges are wider for it, and how much; the signal-to-noise ratio of the
int8 output against the float one in dB, with ranges recorded so (like="tflite") and with true ranges; how many samples keep the
float model's class; and, where there are labels, how many are right. Half of the samples, drawn anew in each round, calibrates,
the others are compared; means of all rounds, of the gain with the least and the greatest.

ResNet-20 and MobileNet v2 (width 0.35) have random weights, others in each round, and see noise; the bundled digits CNN is
trained and sees scikit-learn's digits. --model adds a network of yours.
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich import box
from rich.table import Table

import qref
from qref.cli.output import print_table
from qref.quantizer import quantize_model
from qref.schema import ActivationFunctionType, GraphBuilder, Model, Padding, TensorType, load

NONE, RELU, RELU6 = ActivationFunctionType.NONE, ActivationFunctionType.RELU, ActivationFunctionType.RELU6
FLOAT = TensorType.FLOAT32


@dataclass(frozen=True, slots=True)
class Case:
    """A float network for each round, with samples [N, ...] of its only input, and what they show."""

    name: str
    model: Callable[[int], Model]
    samples: np.ndarray
    labels: np.ndarray | None = None


class Network:
    """A graph of convolutions with random weights, of variance 2 / fan-in."""

    def __init__(self, shape: Sequence[int], seed: int):
        self.graph, self.rng, self.shapes = GraphBuilder(), np.random.default_rng(seed), {}
        self.input = self.graph.input("x", FLOAT, shape)
        self.shapes[self.input] = tuple(shape)

    def tensor(self, shape: Sequence[int]) -> int:
        """A new activation."""
        index = self.graph.tensor(f"t{len(self.shapes)}", FLOAT, shape)
        self.shapes[index] = tuple(shape)
        return index

    def weights(self, shape: Sequence[int], fan_in: int) -> int:
        """Constants."""
        return self.graph.constant("w", (self.rng.normal(size=shape) * np.sqrt(2 / fan_in)).astype(np.float32))

    def convolution(self, x: int, channels: int, size: int, stride: int, activation: int, depthwise: bool = False) -> int:
        """CONV_2D or, with as many channels as x, DEPTHWISE_CONV_2D."""
        _, height, width, depth = self.shapes[x]
        w = (1, size, size, channels) if depthwise else (channels, size, size, depth)
        inputs = [x, self.weights(w, size * size * (1 if depthwise else depth)), self.weights([channels], 50)]
        y = self.tensor((1, -(-height // stride), -(-width // stride), channels))
        options = {"padding": Padding.SAME, "stride_h": stride, "stride_w": stride, "fused_activation_function": activation}
        if depthwise:
            self.graph.operator("DEPTHWISE_CONV_2D", inputs, [y], ("DepthwiseConv2DOptions", {"depth_multiplier": 1, **options}))
        else:
            self.graph.operator("CONV_2D", inputs, [y], ("Conv2DOptions", options))
        return y

    def add(self, a: int, b: int, activation: int) -> int:
        """ADD."""
        y = self.tensor(self.shapes[a])
        self.graph.operator("ADD", [a, b], [y], ("AddOptions", {"fused_activation_function": activation}))
        return y

    def classify(self, x: int, classes: int) -> Model:
        """MEAN over the image and FULLY_CONNECTED; the model."""
        depth = self.shapes[x][-1]
        pooled, y = self.tensor((1, depth)), self.tensor((1, classes))
        self.graph.operator(
            "MEAN", [x, self.graph.constant("axes", np.array([1, 2], np.int32))], [pooled], ("ReducerOptions", {})
        )
        inputs = [pooled, self.weights((classes, depth), depth), self.weights([classes], 50)]
        self.graph.operator("FULLY_CONNECTED", inputs, [y], ("FullyConnectedOptions", {}))
        return self.graph.model(outputs=[y])


def resnet_20(seed: int) -> Model:
    """Three stages of three blocks of two convolutions, for 32x32 images."""
    network = Network((1, 32, 32, 3), seed)
    x = network.convolution(network.input, 16, 3, 1, RELU)
    for channels in (16, 32, 64):
        for block in range(3):
            stride = 2 if block == 0 and channels > 16 else 1
            y = network.convolution(network.convolution(x, channels, 3, stride, RELU), channels, 3, 1, NONE)
            x = network.add(y, x if stride == 1 else network.convolution(x, channels, 1, stride, NONE), RELU)
    return network.classify(x, 10)


def mobilenet_v2(seed: int) -> Model:
    """Inverted residuals of width 0.35, for 96x96 images."""
    network = Network((1, 96, 96, 3), seed)
    x = network.convolution(network.input, 16, 3, 2, RELU6)
    blocks = ((1, 8, 1, 1), (6, 8, 2, 2), (6, 16, 3, 2), (6, 24, 4, 2), (6, 32, 3, 1), (6, 56, 3, 2), (6, 112, 1, 1))
    for expansion, channels, count, first_stride in blocks:
        for block in range(count):
            stride, depth = first_stride if block == 0 else 1, network.shapes[x][-1]
            y = network.convolution(x, depth * expansion, 1, 1, RELU6) if expansion > 1 else x
            y = network.convolution(y, depth * expansion, 3, stride, RELU6, depthwise=True)
            y = network.convolution(y, channels, 1, 1, NONE)
            x = network.add(x, y, NONE) if stride == 1 and depth == channels else y
    return network.classify(network.convolution(x, 1280, 1, 1, RELU6), 10)


def cases() -> Iterator[Case]:
    """The three networks."""
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(1)
    yield Case("ResNet-20, random", resnet_20, rng.normal(size=(100, 32, 32, 3)).astype(np.float32))
    yield Case("MobileNet v2 0.35, random", mobilenet_v2, rng.normal(size=(100, 96, 96, 3)).astype(np.float32))
    digits = load_digits()
    images = (digits.images[..., None] / 16).astype(np.float32)
    yield Case("digits CNN", lambda _: load(qref.bundled("digits_cnn_float")), images, digits.target)


def outputs(model: Model, samples: np.ndarray) -> np.ndarray:
    """The first output for each sample, one after the other."""
    interpreter = qref.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    x, y = (details()[0]["index"] for details in (interpreter.get_input_details, interpreter.get_output_details))
    found = []
    for sample in samples:
        interpreter.set_tensor(x, sample[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(y).reshape(-1))
    return np.stack(found).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Round:
    """Of one round, with ranges like the converter's and with true ones.

    widened  by which factor the converter's ranges are wider, where they are
    ratios   dB
    kept     share of the samples whose class is that of the float model
    right    share of those whose class is the label's, first of the float model; empty without labels
    """

    widened: list[float]
    ratios: list[float]
    kept: list[float]
    right: list[float]


def run(case: Case, seed: int) -> Round:
    """One round."""
    model, order = case.model(seed), np.random.default_rng(seed).permutation(len(case.samples))
    calibration, test = np.split(order, 2) if len(order) % 2 == 0 else np.split(order[1:], 2)
    want = outputs(model, case.samples[test])
    quantized = [quantize_model(model, representative_dataset=case.samples[calibration], like=like) for like in ("tflite", None)]
    found = [outputs(load(result.content), case.samples[test]) for result in quantized]
    ratios = [float(10 * np.log10((want**2).sum() / ((y - want) ** 2).sum())) for y in found]
    classes = [y.argmax(axis=1) for y in (want, *found)]
    right = [] if case.labels is None else [float((y == case.labels[test]).mean()) for y in classes]
    like, true = ({d.tensor: d.range.max - d.range.min for d in q.decisions[0] if d.range is not None} for q in quantized)
    widened = [like[tensor] / width for tensor, width in true.items() if like[tensor] > 1.001 * width]
    return Round(widened, ratios, [float((y == classes[0]).mean()) for y in classes[1:]], right)


def row(case: Case, rounds: int) -> list[str]:
    """The case's line in the table."""
    found = [run(case, seed) for seed in range(rounds)]
    like, true = np.mean([r.ratios for r in found], axis=0)
    gains = [r.ratios[1] - r.ratios[0] for r in found]
    gain = f"{np.mean(gains):+.2f} [{min(gains):+.2f}, {max(gains):+.2f}]"
    shares = [" / ".join(f"{np.mean(s):.2%}" for s in zip(*each)) for each in ([r.kept for r in found], [r.right for r in found])]
    widened = [factor for r in found for factor in r.widened]
    return [case.name, f"{len(widened) // rounds} by {np.mean(widened):.2f}", f"{like:.2f}", f"{true:.2f}", gain, *shares]


def main() -> None:
    """Print a row for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", type=pathlib.Path, help="a float .tflite with one input")
    parser.add_argument("--data", type=pathlib.Path, help="samples [N, ...] for it, .npy")
    parser.add_argument("--labels", type=pathlib.Path, help="their classes [N], .npy")
    arguments = parser.parse_args()
    if (arguments.model is None) != (arguments.data is None):
        parser.error("--model and --data go together")
    columns = "network", "ranges widened", "like tflite, dB", "true, dB", "gain, dB", "class kept, like / true"
    table = Table(*columns, "right, float / like / true", box=box.SIMPLE_HEAD)
    for case in cases():
        table.add_row(*row(case, arguments.rounds))
    if arguments.model is not None:
        labels = None if arguments.labels is None else np.load(arguments.labels)
        samples = np.load(arguments.data).astype(np.float32)
        table.add_row(*row(Case(arguments.model.stem, lambda _: load(arguments.model), samples, labels), arguments.rounds))
    print_table(table)


if __name__ == "__main__":
    main()
