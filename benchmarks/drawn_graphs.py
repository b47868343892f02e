"""How often qref and TFLiteConverter make the same int8 file of a drawn float graph, given the same ranges.

    python benchmarks/drawn_graphs.py [--first 0] [--count 300] [--keep FOLDER SEED...]

Needs TensorFlow (pip install tensorflow). Each graph has 3 to 9 operators with branches, of kinds that TFLiteConverter's own
import leaves as they are. Ranges are recorded by qref as the converter's calibrator would; then both quantize. Compared are
operators, types, scales, zero points, weights and biases. --keep writes the graphs of some seeds and the converter's files, as
the tests have them.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import qref
from qref.quantizer import calibrate
from qref.quantizer.calibrator import like_tflite
from qref.quantizer.graph import read
from qref.schema import GraphBuilder, Model, Padding, Quantization, TensorType, load, write

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests"))
from quantizer.same_files import differences

FLOAT, SHAPE = TensorType.FLOAT32, (1, 4, 4, 8)
SAME = {"padding": int(Padding.SAME), "stride_w": 1, "stride_h": 1}
WINDOW = {**SAME, "filter_width": 2, "filter_height": 2}
VALID = {"padding": int(Padding.VALID), "stride_w": 1, "stride_h": 1, "filter_width": 3, "filter_height": 3}
UNARY = ("LOGISTIC", "TANH", "ABS", "NEG", "ELU", "SQUARE", "HARD_SWISH", "LOG_SOFTMAX")
OPTIONS: dict[str, Any] = {
    "L2_NORMALIZATION": ("L2NormOptions", {}),
    "LEAKY_RELU": ("LeakyReluOptions", {"alpha": 0.3}),
    "SOFTMAX": ("SoftmaxOptions", {"beta": 1.0}),
    "MAX_POOL_2D": ("Pool2DOptions", WINDOW),
    "AVERAGE_POOL_2D": ("Pool2DOptions", WINDOW),
}
FUSED = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}


class Drawn:
    """A graph that grows operator by operator; every tensor but those inside a step has the same shape."""

    def __init__(self, seed: int):
        self.rng, self.graph = np.random.default_rng(seed), GraphBuilder()
        self.inputs = [self.graph.input(f"x{i}", FLOAT, SHAPE) for i in range(self.rng.integers(1, 3))]
        self.values, self.read, self.number = list(self.inputs), set[int](), 0

    def model(self) -> Model:
        """What was drawn; every result that nothing reads is an output."""
        steps: list[Callable[[], int]] = [lambda name=name: self.operator(name, [self.pick()]) for name in (*UNARY, *OPTIONS)]
        steps += [lambda name=name: self.fused(name) for name in ("ADD", "ADD", "SUB", "MUL")]
        steps += [lambda name=name: self.extremum(name) for name in ("MAXIMUM", "MINIMUM")]
        steps += [self.constant_sum, self.transpose, self.convolution, self.depthwise, self.matmul, self.padded, self.joined]
        steps += [self.packed, self.mean, self.split]
        for _ in range(self.rng.integers(3, 10)):
            self.values.append(steps[self.rng.integers(len(steps))]())
        outputs = [v for v in self.values if v not in self.read and v not in self.inputs]
        return self.graph.model(outputs=outputs)

    def pick(self) -> int:
        """The newest value as often as any other."""
        found = self.values[-1] if self.rng.random() < 0.6 else self.values[self.rng.integers(len(self.values))]
        self.read.add(found)
        return found

    def tensor(self, shape: Sequence[int] = SHAPE) -> int:
        """A new activation."""
        self.number += 1
        return self.graph.tensor(f"t{self.number}", FLOAT, shape)

    def constant(self, array: np.ndarray) -> int:
        """A new constant."""
        self.number += 1
        return self.graph.constant(f"c{self.number}", array)

    def floats(self, *shape: int, size: float = 0.3) -> int:
        """Drawn weights."""
        return self.constant((self.rng.normal(size=shape) * size).astype(np.float32))

    def operator(self, name: str, inputs: Sequence[int], options: Any = None, shape: Sequence[int] = SHAPE) -> int:
        """An operator with one result."""
        y = self.tensor(shape)
        self.graph.operator(name, list(inputs), [y], options or OPTIONS.get(name))
        return y

    def fused(self, name: str) -> int:
        """ADD, SUB or MUL with an activation, NONE, RELU or RELU6."""
        activation = {"fused_activation_function": int(self.rng.choice([0, 1, 3]))}
        return self.operator(name, [self.pick(), self.pick()], (FUSED[name], activation))

    def extremum(self, name: str) -> int:
        """MAXIMUM or MINIMUM."""
        return self.operator(name, [self.pick(), self.pick()], ("MaximumMinimumOptions", {}))

    def constant_sum(self) -> int:
        """ADD of a constant."""
        return self.operator("ADD", [self.pick(), self.floats(8, size=1)], ("AddOptions", {}))

    def transpose(self) -> int:
        """TRANSPOSE of height and width."""
        return self.operator("TRANSPOSE", [self.pick(), self.constant(np.int32([0, 2, 1, 3]))], ("TransposeOptions", {}))

    def convolution(self) -> int:
        """CONV_2D 3x3."""
        options = {**SAME, "fused_activation_function": int(self.rng.choice([0, 1, 3]))}
        return self.operator(
            "CONV_2D", [self.pick(), self.floats(8, 3, 3, 8), self.floats(8, size=1)], ("Conv2DOptions", options)
        )

    def depthwise(self) -> int:
        """DEPTHWISE_CONV_2D 3x3."""
        options = ("DepthwiseConv2DOptions", {**SAME, "depth_multiplier": 1})
        return self.operator("DEPTHWISE_CONV_2D", [self.pick(), self.floats(1, 3, 3, 8), self.floats(8, size=1)], options)

    def matmul(self) -> int:
        """FULLY_CONNECTED over the channels."""
        options = ("FullyConnectedOptions", {"keep_num_dims": True})
        return self.operator("FULLY_CONNECTED", [self.pick(), self.floats(8, 8), self.floats(8, size=1)], options)

    def padded(self) -> int:
        """PAD, then MAX_POOL_2D."""
        around = self.constant(np.int32([[0, 0], [1, 1], [1, 1], [0, 0]]))
        x = self.operator("PAD", [self.pick(), around], ("PadOptions", {}), (1, 6, 6, 8))
        return self.operator("MAX_POOL_2D", [x], ("Pool2DOptions", VALID))

    def joined(self) -> int:
        """CONCATENATION, then CONV_2D 1x1."""
        x = self.operator("CONCATENATION", [self.pick(), self.pick()], ("ConcatenationOptions", {"axis": 3}), (1, 4, 4, 16))
        return self.operator("CONV_2D", [x, self.floats(8, 1, 1, 16), self.floats(8, size=1)], ("Conv2DOptions", SAME))

    def packed(self) -> int:
        """PACK, then MEAN over the new axis."""
        x = self.operator("PACK", [self.pick(), self.pick()], ("PackOptions", {"axis": 0, "values_count": 2}), (2, *SHAPE))
        return self.operator("MEAN", [x, self.constant(np.int32([0]))], ("ReducerOptions", {"keep_dims": False}))

    def mean(self) -> int:
        """MEAN over the image, added to something."""
        axes = self.constant(np.int32([1, 2]))
        x = self.operator("MEAN", [self.pick(), axes], ("ReducerOptions", {"keep_dims": True}), (1, 1, 1, 8))
        return self.operator("ADD", [self.pick(), x], ("AddOptions", {}))

    def split(self) -> int:
        """SPLIT, then CONCATENATION the other way round."""
        halves = [self.tensor((1, 4, 4, 4)) for _ in range(2)]
        self.graph.operator("SPLIT", [self.constant(np.int32(3)), self.pick()], halves, ("SplitOptions", {"num_splits": 2}))
        return self.operator("CONCATENATION", halves[::-1], ("ConcatenationOptions", {"axis": 3}))


def with_ranges(model: Model, seed: int) -> Model:
    """The model with the range of each tensor as the converter's calibrate-only output holds it, from three samples of noise."""
    rng, graph = np.random.default_rng(seed), model.subgraphs[0]
    samples = [[rng.normal(size=SHAPE).astype(np.float32) for _ in graph.inputs] for _ in range(3)]
    graphs = read(model)
    (found,) = like_tflite(graphs, calibrate(model, samples, like="tflite").ranges(graphs))
    ranges = {value.index: (np.float32([x.min]), np.float32([x.max])) for value, x in found.items() if value.data is None}
    none = np.zeros(0, np.float32), np.zeros(0, np.int64)
    tensors = tuple(
        dataclasses.replace(t, quantization=Quantization(*none, min=ranges[t.index][0], max=ranges[t.index][1]))
        if t.index in ranges
        else t
        for t in graph.tensors
    )
    return dataclasses.replace(model, subgraphs=(dataclasses.replace(graph, tensors=tensors),))


def main() -> None:
    """Print how many files are equal, and in what the others differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--keep", nargs="+", metavar=("FOLDER", "SEED"))
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from tensorflow.lite.python.convert import mlir_quantize

    folder = pathlib.Path(arguments.keep[0]) if arguments.keep else None
    seeds = map(int, arguments.keep[1:]) if arguments.keep else range(arguments.first, arguments.first + arguments.count)
    equal = compared = refused = 0
    for seed in seeds:
        source = write(with_ranges(Drawn(seed).model(), seed))
        try:
            theirs = mlir_quantize(source)
        except Exception as error:  # whatever it raises, it made no file
            refused += 1
            print(f"seed {seed}: the converter refuses it: {str(error).splitlines()[-1:]}")
            continue
        found = differences(load(qref.quantize(source)), load(theirs), options=False)
        compared, equal = compared + 1, equal + (not found)
        if found:
            print(f"seed {seed}: {found[0]}")
        if folder is not None:
            (folder / f"graph_{seed}_ranges.tflite").write_bytes(source)
            (folder / f"graph_{seed}_int8.tflite").write_bytes(theirs)
    print(f"{equal} of {compared} files are equal; the converter refused {refused} graphs")


if __name__ == "__main__":
    main()
