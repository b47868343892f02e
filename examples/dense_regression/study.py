"""The saturated plane that quantization bends: python examples/dense_regression/study.py [-o FOLDER].

Trains the network of network.py, quantizes it to int8, shows its nodes, plots both surfaces, and finds out which operator bends
the plane. It takes some ten seconds and needs scikit-learn and matplotlib (pip install -e '.[dev]').
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from network import SATURATION, grid, train, training_points
from rich import box
from rich.table import Table

import qref
from qref.cli.output import print_table
from qref.compare.explain import ElementExplanation, explain
from qref.compare.explain_text import number, title
from qref.inputs import fit
from qref.quantizer import Calibration, Recipe, calibrate, quantize_model
from qref.schema import ActivationFunctionType, Model, Operator, Tensor, TensorType, save

SIZE = 101  # of the grid
SAMPLES = 500  # that calibrate
ATTRIBUTES = ("asymmetric_quantize_inputs", "fused_activation_function", "keep_num_dims", "weights_format")


@dataclass(frozen=True, slots=True)
class Models:
    """The float model, and two calibrations: on samples below saturation, and on the whole square."""

    original: Model
    seen: Calibration
    everywhere: Calibration

    @property
    def operators(self) -> tuple[Operator, ...]:
        """Those of the float model; the int8 models have the same."""
        return self.original.subgraphs[0].operators

    @property
    def int8(self) -> Model:
        """The int8 model as one would make it."""
        return to_int8(self.original, self.seen)

    def widened(self, operator: Operator) -> Model:
        """The int8 model where one operator's output has the range of the whole square."""
        place = f"0/{operator.outputs[0]}"
        return to_int8(
            self.original, replace(self.seen, summaries={**self.seen.summaries, place: self.everywhere.summaries[place]})
        )


@dataclass(frozen=True, slots=True)
class Surface:
    """What a model gives at some points, cut off at SATURATION; float64 [points]."""

    values: np.ndarray

    @classmethod
    def of(cls, model: Model, points: np.ndarray) -> Surface:
        """Run a model; integers are converted with the scales that it names."""
        interpreter = qref.Interpreter(model_content=model)
        interpreter.allocate_tensors()
        x, y = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        samples = {x["index"]: fit(points[:, None], x)}
        results = np.concatenate([chunk[y["index"]] for chunk in qref.invoke_many(interpreter, samples)])
        scale, zero_point = y["quantization"]
        real = results.ravel() if scale == 0 else scale * (results.ravel().astype(np.float64) - zero_point)
        return cls(np.minimum(real, SATURATION).astype(np.float64))


@dataclass(frozen=True, slots=True)
class Bend:
    """The point of the saturated plane where the int8 model is the farthest below the float model."""

    point: np.ndarray
    float_value: float
    int8_value: float

    @classmethod
    def of(cls, original: Surface, int8: Surface, points: np.ndarray) -> Bend:
        """Find it."""
        distance = np.where(original.values >= SATURATION, original.values - int8.values, -np.inf)
        k = int(np.argmax(distance))
        return cls(points[k], float(original.values[k]), float(int8.values[k]))


def main() -> None:
    """Everything, in its order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=pathlib.Path, default=pathlib.Path("build/dense_regression"))
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)

    points, original = grid(SIZE), train()
    models = Models(original, calibrate(original, training_points()[:SAMPLES, None]), calibrate(original, points[:, None]))
    made = {"float": original, "int8": models.int8, "int8_calibrated_everywhere": to_int8(original, models.everywhere)}
    surfaces = {name: Surface.of(model, points) for name, model in made.items()}
    for name, model in made.items():
        save(model, folder / f"{name}.tflite")
    plot(folder / "surfaces.png", surfaces)
    print("The nodes of the int8 model\n")
    print("\n".join(nodes(models.int8)))
    print(f"Models and the plotted surfaces are in {folder}.\n")
    explain_bend(Bend.of(surfaces["float"], surfaces["int8"], points), models, folder)


def to_int8(model: Model, calibration: Calibration) -> Model:
    """The model with int8 input, output and activations, and one scale for each tensor of weights, as TensorFlow 2.3 made it."""
    types = {"inference_input_type": "int8", "inference_output_type": "int8"}
    recipe = Recipe("full_integer", per_axis=False)
    return qref.load(quantize_model(model, recipe=recipe, calibration=calibration, **types).content)


def nodes(model: Model) -> Iterator[str]:
    """Lines with the properties of each operator: type, place, options, inputs and outputs with their quantization."""
    graph = model.subgraphs[0]
    for operator in graph.operators:
        yield f"type      {operator.name}\nlocation  {operator.index}"
        for name in ATTRIBUTES:
            value = operator.options.values[name]
            yield f"  {name}: {ActivationFunctionType(value).name if name == 'fused_activation_function' else value}"
        for role, index in roles(operator):
            yield from _operand(model, role, graph.tensors[index])
        yield ""


def roles(operator: Operator) -> list[tuple[str, int]]:
    """The operands of a FULLY_CONNECTED and their tensors."""
    return list(zip(("input", "weights", "bias", "output"), (*operator.inputs, *operator.outputs)))


def _operand(model: Model, role: str, tensor: Tensor) -> Iterator[str]:
    yield f"  {role:8}{tensor.name}"
    yield f"          type: {tensor.type.name.lower()}{list(tensor.shape)}, location: {tensor.index}"
    yield f"          quantization: {formula(tensor)}"
    if role == "bias":
        yield f"          {model.data(tensor).tolist()}"


def formula(tensor: Tensor) -> str:
    """What its integers stand for, and between which real numbers; those of int32 are not told."""
    assert tensor.quantization is not None
    scales, zero_points = tensor.quantization.scale, tensor.quantization.zero_point
    scale, zero_point = float(scales[0]), int(zero_points[0])
    if tensor.type == TensorType.INT32:
        return f"{scale:.9g} * q"
    low, high = (scale * (q - zero_point) for q in (-128, 127))
    return f"{low:.9g} <= {scale:.9g} * (q - {zero_point}) <= {high:.9g}"


def plot(path: pathlib.Path, surfaces: dict[str, Surface]) -> None:
    """The surfaces side by side, and below each its values near saturation, as one PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(surfaces), 8), layout="constrained")
    axis = np.linspace(0, 1, SIZE)
    u, v = np.meshgrid(axis, axis)
    for place, (name, surface) in enumerate(surfaces.items(), 1):
        values = surface.values.reshape(SIZE, SIZE)
        whole = figure.add_subplot(2, len(surfaces), place, projection="3d", title=name, xlabel="u", ylabel="v")
        whole.plot_surface(u, v, values, cmap="viridis", vmin=0, vmax=SATURATION)
        whole.view_init(elev=25, azim=-120)
        top = figure.add_subplot(2, len(surfaces), place + len(surfaces), title="from 0.8 up", xlabel="u", ylabel="v")
        drawn = top.pcolormesh(u, v, values, cmap="viridis", vmin=0.8 * SATURATION, vmax=SATURATION)
        figure.colorbar(drawn, ax=top)
    figure.savefig(path, metadata={"Software": None})


def explain_bend(bend: Bend, models: Models, folder: pathlib.Path) -> None:
    """Which operator bends the plane: what its clamp cuts off there, and whether the plane is even with a wider range."""
    at = ", ".join(f"{x:.2f}" for x in bend.point)
    print(f"The plane is bent the most at ({at}): float, cut off, gives {bend.float_value:.4f}, int8 {bend.int8_value:.4f}.\n")
    clamped = clamps(models.int8, bend.point)
    widened = [float(Surface.of(models.widened(o), bend.point[None]).values[0]) for o in models.operators]
    table = Table(
        "operator", "outputs clamped", "the most cut off", "int8 there with its range alone widened", box=box.SIMPLE_HEAD
    )
    for operator, value in zip(models.operators, widened):
        cut = [lost(e) for e in clamped if e.operator == operator.index]
        table.add_row(str(operator.index), str(len(cut)), f"{max(cut):.4f}" if cut else "", f"{value:.4f}")
    print_table(table)
    bending = int(np.argmax(widened))
    print(f"Operator {bending} bends it the most: with a range that holds the plane, int8 gives {widened[bending]:.4f}.\n")
    explain_clamp(max((e for e in clamped if e.operator == bending), key=lost), bend.point, folder)


def explain_clamp(worst: ElementExplanation, point: np.ndarray, folder: pathlib.Path) -> None:
    """One output that is cut off, step by step, as `qref explain` has it."""
    np.save(folder / "bend.npy", point[None])
    place = ",".join(map(str, worst.element))
    print(f"$ qref explain {folder}/int8.tflite --op {worst.operator} --at {place} --input {folder}/bend.npy\n\n{title(worst)}")
    for step in worst.steps:
        if not isinstance(step.value, tuple):
            print(f"  {step.name:24}{number(step.value):24}{step.formula:74}{step.meaning}".rstrip())
    print(f"\nThe clamp cuts off {lost(worst):.4f}: no sample of the calibration lies on the plane, where this sum is greater.")


def clamps(model: Model, point: np.ndarray) -> list[ElementExplanation]:
    """The output elements of all operators that are cut off at their greatest integer, for one input."""
    graph = model.subgraphs[0]
    interpreter = qref.Interpreter(model_content=model)
    given = {graph.inputs[0]: fit(point[None], interpreter.get_input_details()[0])}
    elements = ((o.index, j) for o in graph.operators for j in range(graph.tensors[o.outputs[0]].shape[1]))
    explained = (explain(model, operator, (0, j), given) for operator, j in elements)
    return [e for e in explained if lost(e) > 0]


def lost(explained: ElementExplanation) -> float:
    """What the upper clamp cuts off, as a real number."""
    steps = {step.name: step.value for step in explained.steps}
    scale = explained.operands[-1].scale
    return scale * max(0, steps["with_offset"] - steps["output_activation_max"])  # type: ignore[operator]


if __name__ == "__main__":
    main()
