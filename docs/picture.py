"""Draws the picture of README.md and index.md: how far the runtimes part on one int8 network.

    python docs/picture.py

writes docs/picture-light.svg and docs/picture-dark.svg. All numbers are computed by qref.
"""

from __future__ import annotations

import pathlib
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

import qref
from qref.inputs import draw_inputs

FOLDER = pathlib.Path(__file__).parent
MODEL, ROUNDS = "deepconvlstm_int8", 50
BASELINE = "litert-reference"
RUNTIMES = {
    "xnnpack": "xnnpack,\nLiteRT's default",
    "tflm": "tflm,\nmicrocontrollers",
    "litert-optimized": "litert-optimized",
}
THEMES = {
    "light": {"text": "#24292f", "grid": "#d0d7de", "lines": ("#cf222e", "#0969da", "#1a7f37")},
    "dark": {"text": "#e6edf3", "grid": "#444c56", "lines": ("#ff7b72", "#79c0ff", "#56d364")},
}


def shares() -> tuple[list[str], dict[str, np.ndarray]]:
    """The operators, and by runtime the share of elements after each that differ from the baseline's."""
    model = qref.load(qref.bundled(MODEL))
    operators = model.subgraphs[0].operators
    results: dict[str, list[list[np.ndarray]]] = {}
    for runtime in (BASELINE, *RUNTIMES):
        interpreter = qref.Interpreter(model_content=model, runtime=runtime)
        interpreter.allocate_tensors()
        results[runtime] = [_outputs(interpreter, draw_inputs(model, seed)) for seed in range(ROUNDS)]
    found = {}
    for runtime in RUNTIMES:
        pairs = [zip(*rounds) for rounds in zip(results[BASELINE], results[runtime])]
        found[runtime] = np.mean([[np.mean(a != b) for a, b in pair] for pair in pairs], axis=0)
    return [operator.name for operator in operators], found


def _outputs(interpreter: qref.Interpreter, inputs: dict[int, np.ndarray]) -> list[np.ndarray]:
    """What each operator gives for these inputs, from the initial state."""
    graph = interpreter.model.subgraphs[0]
    interpreter.reset_all_variables()
    for position, array in inputs.items():
        interpreter.set_tensor(graph.inputs[position], array)
    interpreter.invoke()
    return [interpreter.get_tensor(operator.outputs[0]) for operator in graph.operators]


def draw(operators: list[str], found: dict[str, np.ndarray], theme: dict[str, Any], path: pathlib.Path) -> None:
    """Write the picture in the colors of a theme, the same bytes each time."""
    colors = {name: theme["text"] for name in ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")}
    with matplotlib.rc_context({**colors, "svg.hashsalt": "qref", "font.size": 11}):
        figure = Figure(figsize=(7.5, 4.2), layout="constrained")
        axes = figure.subplots()
        places = np.arange(len(operators))
        for (runtime, label), color in zip(RUNTIMES.items(), theme["lines"]):
            axes.plot(places, found[runtime], "o-", color=color, linewidth=2.5, markersize=6, clip_on=False)
            end = found[runtime][-1]
            axes.annotate(f"{end:.1%}  {label}", (places[-1], end), (22, 0), textcoords="offset points", color=color, va="center")
        axes.axhline(0, color=theme["text"], linewidth=1)
        axes.set_xticks(places, [_short(name) for name in operators], rotation=30, ha="right")
        axes.set_ylim(0, None)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="y", color=theme["grid"], linewidth=0.8)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.set_title("One int8 file, the same inputs: elements that differ from LiteRT's reference", loc="left", pad=12)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def _short(operator: str) -> str:
    return {"UNIDIRECTIONAL_SEQUENCE_LSTM": "LSTM"}.get(operator, operator)


def main() -> None:
    """Write both."""
    operators, found = shares()
    for name, theme in THEMES.items():
        draw(operators, found, theme, FOLDER / f"picture-{name}.svg")


if __name__ == "__main__":
    main()
