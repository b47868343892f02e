"""The graph as boxes in layers: where each operator stands, and the lines between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from qref.schema import Subgraph, Tensor

WIDTH, HEIGHT, GAP, STEP = 190, 40, 16, 64  # of a box, between boxes, from layer to layer; pixels
LINE = 10  # width of a line that passes a layer
MOST_PLACES = 20_000  # boxes and lines passing layers; larger graphs are not drawn
SWEEPS = 4
KINDS = 12  # colors


@dataclass(eq=False, slots=True)
class Place:
    """A box, or the passage of a line through a layer.

    operator   its number; None for inputs and outputs of the graph, and for passages
    """

    layer: int
    width: int = LINE
    title: str = ""
    subtitle: str = ""
    operator: int | None = None
    kind: int | None = None
    before: list[Place] = field(default_factory=list)
    after: list[Place] = field(default_factory=list)
    x: float = 0.0

    @property
    def y(self) -> int:
        """Of the upper edge."""
        return GAP + self.layer * STEP

    @property
    def left(self) -> float:
        """The left edge."""
        return self.x - self.width / 2

    @property
    def is_box(self) -> bool:
        """Whether it is no passage."""
        return self.width == WIDTH


@dataclass(frozen=True, slots=True)
class Drawing:
    """The boxes with the paths between them; `legend` is the color of each operator name."""

    width: float
    height: int
    boxes: tuple[Place, ...]
    paths: tuple[str, ...]
    legend: dict[str, int]


def kinds_of(graph: Subgraph) -> dict[str, int]:
    """A color for each operator name, the most frequent first; from KINDS on they come again."""
    counts = Counter(operator.name for operator in graph.operators)
    return {name: number % KINDS for number, (name, _) in enumerate(counts.most_common())}


def draw_graph(graph: Subgraph) -> Drawing | None:
    """Place the operators of a subgraph, and its inputs and outputs; None where there are too many."""
    legend = kinds_of(graph)
    boxes, edges = _boxes(graph, legend)
    passages = sum(max(0, b.layer - a.layer - 1) for a, b in edges)
    if not boxes or len(boxes) + len(edges) + passages > MOST_PLACES:
        return None
    places = [*boxes, *(passage for a, b in edges for passage in _connect(a, b))]
    layers: list[list[Place]] = [[] for _ in range(max(place.layer for place in places) + 1)]
    for place in places:
        layers[place.layer].append(place)
    _order(layers)
    for layer in layers:
        _set_x(layer)
    least = min(place.left for place in places)
    for place in places:
        place.x += GAP - least
    width = max(place.x + place.width / 2 for place in places) + GAP
    paths = tuple(_path(a, b) for a in places for b in a.after)
    return Drawing(width, GAP + len(layers) * STEP, tuple(boxes), paths, legend)


def _boxes(graph: Subgraph, legend: dict[str, int]) -> tuple[list[Place], list[tuple[Place, Place]]]:
    """Boxes in the order of execution and which feeds which; an operator is fed only by those before it."""
    made: dict[int, Place] = {}
    boxes: list[Place] = []
    edges: list[tuple[Place, Place]] = []
    for index in graph.inputs:
        made[index] = Place(0, WIDTH, "input", _describe(graph.tensors[index]))
        boxes.append(made[index])
    for operator in graph.operators:
        sources = list(dict.fromkeys(made[i] for i in operator.inputs if i in made))
        output = graph.tensors[operator.outputs[0]] if operator.outputs and operator.outputs[0] >= 0 else None
        layer = 1 + max((source.layer for source in sources), default=0)
        title, subtitle = f"{operator.index} {operator.name}", "" if output is None else _describe(output)
        box = Place(layer, WIDTH, title, subtitle, operator.index, legend[operator.name])
        edges += [(source, box) for source in sources]
        boxes.append(box)
        made |= dict.fromkeys((i for i in operator.outputs if i >= 0), box)
    for index in graph.outputs:
        if index in made:
            end = Place(made[index].layer + 1, WIDTH, "output", _describe(graph.tensors[index]))
            edges.append((made[index], end))
            boxes.append(end)
    return boxes, edges


def _describe(tensor: Tensor) -> str:
    return f"{tensor.type.name} {'×'.join(map(str, tensor.shape))}"


def _connect(a: Place, b: Place) -> Iterator[Place]:
    """The passages of a line through the layers between two boxes."""
    last = a
    for layer in range(a.layer + 1, b.layer):
        passage = Place(layer)
        last.after.append(passage)
        passage.before.append(last)
        yield passage
        last = passage
    last.after.append(b)
    b.before.append(last)


def _order(layers: Sequence[list[Place]]) -> None:
    """Sort each layer by where its neighbours stand, downwards and upwards in turns; passages stand to the right of equals."""
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for layer, other in zip(layers[1:], layers) if down else zip(layers[-2::-1], layers[::-1]):
            rank = {place: number / len(other) for number, place in enumerate(other)}
            found = {p: [rank[q] for q in (p.before if down else p.after) if q in rank] for p in layer}
            layer.sort(key=lambda p: (sum(found[p]) / len(found[p]) if found[p] else 0.5, not p.is_box))


def _set_x(layer: list[Place]) -> None:
    """An only box in the middle, others below what feeds them, as far as there is room; then the boxes are centered again."""
    alone = sum(place.is_box for place in layer) == 1
    above = [[q.x for q in p.before if q.is_box] or [q.x for q in p.before] or [0.0] for p in layer]
    wanted = [0.0 if p.is_box and alone else sum(each) / len(each) for p, each in zip(layer, above)]
    right = float("-inf")
    for place, x in zip(layer, wanted):
        place.x = max(x, right + GAP + place.width / 2)
        right = place.x + place.width / 2
    pushed = [place.x - x for place, x in zip(layer, wanted) if place.is_box]
    for place in layer:
        place.x -= sum(pushed) / len(pushed) if pushed else 0.0


def _path(a: Place, b: Place) -> str:
    """A line from below one place to above the next; through a passage it goes straight."""
    top, bottom = a.y + HEIGHT, b.y
    middle = (top + bottom) / 2
    through = f" V{bottom + HEIGHT:g}" if not b.is_box else ""
    return f"M{a.x:g} {top:g}C{a.x:g} {middle:g} {b.x:g} {middle:g} {b.x:g} {bottom:g}{through}"
