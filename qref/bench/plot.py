"""The result as a picture: how much longer the others take, and the roofline of the operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qref.bench.benchmark import Bench
from qref.bench.contenders import AGAINST
from qref.bench.peaks import LARGEST, Peaks
from qref.pictures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(results: Sequence[Bench]) -> Figure:
    """A figure of the results: ratios as bars, and operators under the roofline if timed.

    Raises BackendError where matplotlib is not installed.
    """
    peaks = next((result.peaks for result in results if result.peaks is not None), None)
    bars = sum(timing.ratio is not None for result in results for timing in result.timings)
    figure = new_figure(9, 1.5 + 0.5 * bars + (4.5 if peaks else 0))
    panels = figure.subplots(2 if peaks else 1, squeeze=False, height_ratios=[1.5 + 0.5 * bars, 4.5] if peaks else None)[:, 0]
    _draw_ratios(panels[0], results)
    if peaks is not None:
        _draw_roofline(panels[1], results, peaks)
    return figure


def _draw_ratios(axes: Any, results: Sequence[Bench]) -> None:
    """One bar for each contender of each model: the median ratio, with the 10th and 90th percentile."""
    rows = [(result.name, t.name, t.ratio) for result in results for t in result.timings if t.ratio is not None]
    for place, (_, name, ratio) in enumerate(rows):
        error = [[ratio.median - ratio.low], [ratio.high - ratio.median]]
        axes.barh(place, ratio.median, xerr=error, color=f"C{AGAINST.index(name)}")
    axes.set_yticks(range(len(rows)), [f"{model.rsplit('/', 1)[-1]}\n{name}" for model, name, _ in rows])
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlabel("time / time of qref, median, 10 % to 90 %; above 1 qref is faster")


def _draw_roofline(axes: Any, results: Sequence[Bench], peaks: Peaks) -> None:
    """Speed of each operator with multiply-adds over its intensity, under what the machine does at most."""
    points: dict[str, list[tuple[float, float]]] = {}
    for row in (row for result in results for row in result.operators if row.macs):
        name = row.name if row.kernel == "qref" else f"{row.name} ({row.kernel})"
        points.setdefault(name, []).append((row.intensity, row.gmacs))
    for name, each in points.items():
        axes.scatter(*zip(*each), label=name)
    intensity = np.logspace(-1, 3, 200)
    for working_set, style in ((1 << 16, "-"), (1 << LARGEST, "--")):
        roof = np.minimum(intensity * peaks.bandwidth_of(working_set), peaks.matrices or peaks.macs[8]) / 1e9
        axes.plot(intensity, roof, style, color="grey", label=f"peak for {working_set >> 10:,} KiB")
    axes.set(xscale="log", yscale="log", xlabel="multiply-adds per byte", ylabel="GMAC/s")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
