"""The report as one file of HTML that loads nothing."""

from __future__ import annotations

import base64
import hashlib
import itertools
import pathlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from qref import __version__
from qref.analyzer.analysis import tensor_dict
from qref.analyzer.costs import Cost
from qref.analyzer.specification import Breach
from qref.compare import explain_text
from qref.compare.rounding import rounding_of
from qref.debugger import EXPECTED, THRESHOLD, Cause, LayerStatistics
from qref.evaluation.metrics import title
from qref.report import figures
from qref.report.collect import Report
from qref.report.elements import Chosen, OperatorElements
from qref.report.graph import HEIGHT, WIDTH, draw_graph, kinds_of
from qref.report.svg import inline_svg
from qref.report.values import Values
from qref.runtimes import RUNTIMES
from qref.schema import Operator, Tensor
from qref.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPLATES = pathlib.Path(__file__).parent / "templates"
MOST = 400  # characters of any text that are shown
Draw = Callable[["Figure", str], Markup]


@dataclass(frozen=True, slots=True)
class Explained:
    """An explained element as the page shows it."""

    chosen: Chosen
    title: str
    operands: tuple[str, ...]
    tables: tuple[explain_text.TapTable, ...]
    line: Markup | None


@dataclass(frozen=True, slots=True)
class OperatorView:
    """All that the page tells of one operator."""

    operator: Operator
    kind: int
    cost: Cost
    output: Tensor | None
    operands: tuple[tuple[str, dict[str, Any]], ...]
    layers: tuple[LayerStatistics, ...]
    values: Values | None
    causes: tuple[Cause, ...]
    breaches: tuple[Breach, ...]
    elements: OperatorElements | None
    explained: tuple[Explained, ...]
    figures: tuple[Markup, ...]

    @property
    def layer(self) -> LayerStatistics | None:
        """What was measured of the first output."""
        return self.layers[0] if self.layers else None

    @property
    def suspected(self) -> bool:
        """Whether an output's error is above the threshold."""
        return any(layer.suspected for layer in self.layers)


def to_html(report: Report) -> str:
    """The report as HTML: the same bytes for the same report. Raises BackendError where matplotlib is not installed."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value, MOST) if type(value) is str else value,
    )
    environment.filters |= {"number": number, "places": _places, "hash": _hash, "short": _short, "metric": title}
    drawing = _Drawing()
    style, script = (Markup((TEMPLATES / name).read_text()) for name in ("report.css", "report.js"))
    graph = report.analysis.model.subgraphs[0]
    return environment.get_template("report.html").render(
        report=report,
        version=__version__,
        runtime=RUNTIMES[report.runtime],
        others=[name for name in RUNTIMES if name != report.runtime],
        style=style,
        script=script,
        graph=draw_graph(graph),
        box={"width": WIDTH, "height": HEIGHT},
        operators=list(_operators(report, drawing)),
        overview=list(_overview(report, drawing)),
        confusions=list(_confusions(report, drawing)),
        tensors=[(s, [tensor_dict(report.analysis.model, t) for t in s.tensors]) for s in report.analysis.model.subgraphs],
        expected=EXPECTED,
        threshold=THRESHOLD,
        text=explain_text,
    )


class _Drawing:
    """Draws figures into the page, each with ids of its own."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def __call__(self, figure: Figure, title: str) -> Markup:
        return inline_svg(figure, f"f{next(self._numbers)}", printable(title, MOST))


def _overview(report: Report, draw: Draw) -> Iterator[tuple[str, Markup]]:
    if report.debugged is None or not report.debugged.quantized_layers:
        return
    yield "RMSE / scale of each operator", draw(figures.rmse_over_scale(report.debugged), "RMSE / scale of each operator")
    yield "Error along the depth", draw(figures.error_along_depth(report.debugged), "signal-to-noise ratio of each operator")


def _confusions(report: Report, draw: Draw) -> Iterator[Markup]:
    for row in () if report.evaluation is None else report.evaluation.rows:
        if row.confusion:
            yield draw(figures.confusion(row), f"confusion matrix of {row.model}")


def _operators(report: Report, draw: Draw) -> Iterator[OperatorView]:
    analysis, graph = report.analysis, report.analysis.model.subgraphs[0]
    kinds = kinds_of(graph)
    values = {entry.operator: entry for entry in report.values}
    for operator, cost in zip(graph.operators, analysis.costs[0]):
        layers = () if report.debugged is None else tuple(x for x in report.debugged.layers if x.operator == operator.index)
        elements = report.elements.get(operator.index)
        detailed = operator.index in report.detailed
        yield OperatorView(
            operator,
            kinds[operator.name],
            cost,
            graph.tensors[operator.outputs[0]] if operator.outputs and operator.outputs[0] >= 0 else None,
            tuple(_operands(report, operator)),
            layers,
            values.get(operator.index),
            tuple(cause for layer in layers for cause in report.debugged.causes(layer)) if report.debugged else (),
            tuple(b for b in analysis.specification.breaches if (b.subgraph, b.operator) == (0, operator.index)),
            elements,
            tuple(_explained(chosen, draw if i == 0 else None) for i, chosen in enumerate(elements.chosen)) if elements else (),
            tuple(_figures(layers, values.get(operator.index), draw)) if detailed else (),
        )


def _operands(report: Report, operator: Operator) -> Iterator[tuple[str, dict[str, Any]]]:
    model = report.analysis.model
    for role, indices in (("input", operator.inputs), ("output", operator.outputs)):
        for position, index in enumerate(indices):
            if index >= 0:
                yield f"{role} {position}", tensor_dict(model, model.subgraphs[0].tensors[index])


def _figures(layers: tuple[LayerStatistics, ...], values: Values | None, draw: Draw) -> Iterator[Markup]:
    entries: tuple[LayerStatistics | Values, ...] = layers if values is None else (values,)
    for entry in entries:
        if entry.histogram is not None:
            yield draw(figures.histogram(entry), f"histogram of the output of operator {entry.operator}")
    for layer in layers:
        if layer.channels is not None:
            yield draw(figures.channels(layer), f"range and error of each channel of operator {layer.operator}")


def _explained(chosen: Chosen, draw: Draw | None) -> Explained:
    explained = chosen.explained
    real = "" if explained.real is None else f" (real {explained.real:.6g})"
    drawn = draw is not None and rounding_of(explained) is not None
    return Explained(
        chosen,
        f"y[{', '.join(map(str, explained.element))}] = {explain_text.number(explained.value)}{real}",
        tuple(explain_text.operand(summary) for summary in explained.operands),
        tuple(part for part in explain_text.parts(explained.steps) if isinstance(part, explain_text.TapTable)),
        draw(figures.number_line(explained), "number line of the last rounding") if drawn else None,  # type: ignore[misc]
    )


def number(value: float | None, form: str = "{:.4g}", none: str = "–") -> str:
    """A number as text; `none` where there is none."""
    return none if value is None else form.format(value)


def _places(shape: Any) -> str:
    return "×".join(map(str, shape)) or "scalar"


def _short(text: str, most: int = 30) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _hash(text: str) -> str:
    """What a security policy calls a script or a style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
