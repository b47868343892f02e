"""The figures of a report: each takes a result and gives a matplotlib figure, which shows itself in a notebook.

Black is the ink and white the paper: the page swaps them in dark mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qref.compare.explain import ElementExplanation
from qref.compare.rounding import Rounding, rounding_of
from qref.debugger import EXPECTED, THRESHOLD, DebugReport, LayerStatistics
from qref.errors import InputError
from qref.evaluation import Row
from qref.pictures import new_figure
from qref.report.values import Values
from qref.text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#0969da", "#bc4c00", "#8c959f"
DARK, PALE = "#08306b", "#f7fbff"  # numbers in a confusion matrix
WIDE, SMALL = 9.0, 4.2  # inches
MOST_NUMBERS = 20  # classes of a confusion matrix with a number in each cell
LINEAR = 3.0  # RMSE / scale up to which bars have a linear axis
LABEL = 40  # characters of a name


def overview(report: DebugReport) -> Figure:
    """RMSE / scale of every operator above the error along the depth of the model."""
    figure = new_figure(WIDE, 6)
    above, below = figure.subplots(2)
    _draw_rmse_over_scale(above, report)
    _draw_error_along_depth(below, report)
    return figure


def rmse_over_scale(report: DebugReport) -> Figure:
    """The own error of every operator in steps of its output: 0.289 is what rounding costs, 0.7 and more is suspected."""
    figure = new_figure(WIDE, 3)
    _draw_rmse_over_scale(figure.subplots(), report)
    return figure


def error_along_depth(report: DebugReport) -> Figure:
    """The signal-to-noise ratio of every operator, of its own error and of what has accumulated, in the order of the graph."""
    figure = new_figure(WIDE, 3)
    _draw_error_along_depth(figure.subplots(), report)
    return figure


def histogram(entry: LayerStatistics | Values) -> Figure:
    """How the values of an output are distributed, as float numbers and quantized; raises InputError where none were counted."""
    if entry.histogram is None:
        raise InputError(f"no values of operator {entry.operator} ({printable(entry.op_name, LABEL)}) were counted")
    figure = _small_figure(1.9)
    axes, found = figure.subplots(), entry.histogram
    if isinstance(entry, LayerStatistics):
        axes.stairs(found.float_, found.edges, color=BLUE, label="float")
    axes.stairs(found.quantized, found.edges, color=ORANGE, linestyle="--", label="quantized")
    axes.set(yscale="log", ylim=(0.7, None), xlabel="value", ylabel="elements")
    _plain_numbers(axes)
    axes.legend(fontsize="small")
    return figure


def channels(layer: LayerStatistics) -> Figure:
    """The range of each output channel and its own signal-to-noise ratio; raises InputError where there are no channels."""
    if layer.channels is None:
        raise InputError(f"operator {layer.operator} ({printable(layer.op_name, LABEL)}) has no scale for each channel")
    figure = _small_figure(2.6)
    above, below = figure.subplots(2, sharex=True)
    edges = np.arange(len(layer.channels.magnitude) + 1) - 0.5
    above.stairs(layer.channels.magnitude, edges, fill=True, color=BLUE)
    above.set(ylabel="largest |value|")
    below.stairs(layer.channels.snr, edges, color=ORANGE)
    below.set(ylabel="own SNR, dB", xlabel="output channel")
    return figure


def confusion(row: Row) -> Figure:
    """The confusion matrix of a model, each row in shares of its true class; raises InputError where there is none."""
    if not row.confusion:
        raise InputError(f"{printable(row.model, LABEL)} has no confusion matrix: there are no labels, or no classes")
    counts = np.array(row.confusion)
    share = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    size = min(6.0, 2 + 0.35 * len(counts))
    figure = new_figure(size, size)
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_title(_ascii(row.model), parse_math=False)
    if len(counts) <= MOST_NUMBERS:
        axes.set(xticks=range(len(counts)), yticks=range(len(counts)))
        for (true, predicted), count in np.ndenumerate(counts):
            color = PALE if share[true, predicted] > 0.5 else DARK
            axes.text(predicted, true, str(count), ha="center", va="center", color=color, fontsize="small")
    return figure


def number_line(explained: ElementExplanation) -> Figure:
    """The last rounding of an element: the number between its two neighbours, where it goes, and what clamps it.

    Raises InputError where nothing is rounded.
    """
    rounding = rounding_of(explained)
    if rounding is None:
        where = f"operator {explained.operator} ({printable(explained.name, LABEL)})"
        raise InputError(f"{where}: nothing is rounded on the way to this element, so that there is no number line to draw")
    figure = new_figure(7, 2.2, layout=None)
    figure.subplots_adjust(left=0.03, right=0.97, bottom=0.5, top=0.87)
    axes = figure.subplots()
    _draw_number_line(axes, rounding)
    place = ", ".join(map(str, explained.element))
    title = f"y[{place}] = {rounding.value} of operator {explained.operator} ({explained.name}) in {explained.runtime}"
    axes.set_title(_ascii(title, 120), fontsize="medium", parse_math=False)
    return figure


def _small_figure(height: float) -> Figure:
    """One of many: margins are set, since finding them takes most of the time."""
    figure = new_figure(SMALL, height, layout=None)
    figure.subplots_adjust(left=0.19, right=0.97, bottom=0.5 / height, top=0.96)
    return figure


def _plain_numbers(axes: Axes) -> None:
    """1000 instead of a power of ten, which takes long to set."""
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()


def _draw_rmse_over_scale(axes: Axes, report: DebugReport) -> None:
    layers = [layer for layer in report.quantized_layers if layer.rmse_per_scale is not None]
    for suspected, color, label in ((False, BLUE, "operator"), (True, ORANGE, "suspected operator")):
        chosen = [layer for layer in layers if layer.suspected is suspected]
        if not chosen:
            continue
        hatch = "//" if suspected else None
        heights = [layer.rmse_per_scale for layer in chosen]
        axes.bar([layer.operator for layer in chosen], heights, color=color, hatch=hatch, label=label)  # type: ignore[arg-type]
    for height, label in ((EXPECTED, "rounding alone"), (THRESHOLD, "threshold")):
        style = "--" if height == EXPECTED else "-"
        axes.axhline(height, color="black", linestyle=style, linewidth=1, label=f"{height:.3g}: {label}")
    highest = max((layer.rmse_per_scale or 0.0 for layer in layers), default=0.0)
    axes.set(xlabel="operator", ylabel="RMSE / scale", yscale="linear" if highest <= LINEAR else "log")
    _plain_numbers(axes)
    axes.set_ylim((0, max(1.0, 1.1 * highest)) if highest <= LINEAR else (0.05, 2 * highest))
    axes.legend(fontsize="small", ncols=4, loc="lower right", bbox_to_anchor=(1, 1))
    _count(axes, layers)


def _draw_error_along_depth(axes: Axes, report: DebugReport) -> None:
    layers = report.quantized_layers
    numbers = [layer.operator for layer in layers]
    own, accumulated = ([np.nan if e.snr is None else e.snr for e in of] for of in _errors(layers))
    axes.plot(numbers, accumulated, "s-", color=ORANGE, label="accumulated error", markersize=4)
    axes.plot(numbers, own, "o", color=BLUE, label="own error", markersize=7, fillstyle="none")
    axes.set(xlabel="operator", ylabel="signal-to-noise ratio, dB")
    axes.grid(axis="y", color=GREY, linewidth=0.4)
    axes.legend(fontsize="small")
    _count(axes, layers)


def _errors(layers: Sequence[LayerStatistics]) -> tuple[list[Any], list[Any]]:
    return [layer.own for layer in layers], [layer.accumulated for layer in layers]


def _count(axes: Axes, layers: Sequence[LayerStatistics]) -> None:
    """Whole numbers of operators below the axis."""
    axes.locator_params(axis="x", integer=True)
    axes.set_xlim(-0.8, max((layer.operator for layer in layers), default=0) + 0.8)


def _draw_number_line(axes: Axes, rounding: Rounding) -> None:
    seen = [rounding.exact, rounding.before, rounding.rounded]
    low, high = int(np.floor(min(seen))) - 1, int(np.ceil(max(seen))) + 1
    near = [y for y in (rounding.least, rounding.most, rounding.value) if y is not None and low - 3 <= y <= high + 3]
    low, high = min([low, *near]), max([high, *near])
    axes.set(xlim=(low - 0.5, high + 0.5), ylim=(-1, 1), yticks=[], xticks=range(low, high + 1), xlabel="LSB of the output")
    axes.axhline(0, color="black", linewidth=1)
    for tie in np.arange(low, high) + 0.5:
        axes.axvline(tie, 0.3, 0.7, color=GREY, linestyle=":", linewidth=1.5)
    axes.plot(rounding.exact, 0, "D", color=BLUE, markersize=7, label=f"exact: {rounding.exact:.9g}")
    if rounding.before != rounding.exact:
        axes.plot(rounding.before, 0, "x", color=ORANGE, markersize=9, label=f"before the last rounding: {rounding.before:.9g}")
    above = 0.4 if rounding.before > rounding.rounded else -0.4
    arrow = {"arrowstyle": "->", "color": ORANGE, "connectionstyle": f"arc3,rad={above}"}
    axes.annotate("", (rounding.rounded, 0.2), (rounding.before, 0.2), arrowprops=arrow)
    axes.plot(rounding.rounded, 0, "o", color=ORANGE, fillstyle="none", markersize=12, label=f"rounded: {rounding.rounded}")
    _draw_limits(axes, rounding, low, high)
    for name, value in rounding.others.items():
        inside = low <= value <= high
        axes.plot(value if inside else np.nan, -0.5, "^", color=GREY, markersize=7, label=f"{name}: {value}")
    axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.55), ncols=3)


def _draw_limits(axes: Axes, rounding: Rounding, low: int, high: int) -> None:
    """What lies outside of the limits in grey, and where the integer is clamped to."""
    for limit, end in ((rounding.least, low - 1), (rounding.most, high + 1)):
        if limit is not None and low - 0.5 < limit < high + 0.5:
            axes.axvspan(min(limit, end), max(limit, end), color=GREY, alpha=0.3, label=f"beyond the limit {limit}")
    if rounding.value != rounding.rounded:
        label = f"y: {rounding.value}"
        inside = low <= rounding.value <= high
        axes.plot(rounding.value if inside else np.nan, 0, "s", color="black", fillstyle="none", markersize=9, label=label)


def _ascii(text: str, most: int = LABEL) -> str:
    """A name as fonts can draw it."""
    return printable(text, most).encode("ascii", "backslashreplace").decode()
