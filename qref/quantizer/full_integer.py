"""Integer operators in a float graph: what the operators chosen for it read, write and hold, from the recorded ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from qref.quantizer import integer, lstm, svdf
from qref.quantizer.graph import Graph, Node, Value
from qref.quantizer.integer import Hindered, Rules
from qref.quantizer.scales import Encoding, Range, Weights
from qref.quantizer.sharing import Shared
from qref.quantizer.specification import SPECIFICATIONS
from qref.schema import TensorType

OWN_RULES = {lstm.NAME: lstm, svdf.NAME: svdf}  # operators with states, whose encodings stand before any is shared


@dataclass(slots=True)
class IntegerNodes:
    """Which operators compute with integers, and how.

    constants   of each such operator, by place among its inputs
    hindered    why one that was chosen stays float
    """

    shared: Shared
    constants: dict[Node, dict[int, Weights]] = field(default_factory=dict)
    hindered: dict[Node, str] = field(default_factory=dict)

    def encoding(self, node: Node, value: Value) -> Encoding | None:
        """How an operator reads or writes a value; None: as float."""
        return self.shared.of(node, value) if node in self.constants else None


def decide(
    graph: Graph,
    ranges: Mapping[Value, Range],
    rules: Rules,
    chosen: Callable[[Node], bool],
    weights: Callable[[Node], tuple[int, bool]],
) -> IntegerNodes:
    """Encodings for a whole graph, of which the `chosen` operators make use.

    weights   of an operator: their bits, 8 or 4, and whether each channel has a scale

    The encodings are those of a graph in which every operator computes with integers, as the converter has them.
    """
    settled: dict[Value, Encoding] = {}
    hindered: dict[Node, str] = {}
    for node in graph.nodes:
        if node.name in OWN_RULES and chosen(node):
            try:
                settled |= OWN_RULES[node.name].settle(node, ranges, rules)
            except Hindered as reason:
                hindered[node] = str(reason)
    decided = IntegerNodes(rules.share(graph, ranges, rules.activation, settled), hindered=hindered)
    given_way = {
        value
        for node in graph.nodes
        if node.name not in SPECIFICATIONS
        for value in node.outputs
        if value not in decided.shared.own
    }
    for node in graph.nodes:
        if not chosen(node) or node in hindered or not _has_floats(node):
            continue
        try:
            _expect_range(node, given_way)
            if node.name in OWN_RULES:
                decided.constants[node] = OWN_RULES[node.name].constants_of(node, decided.shared.of)
            else:
                decided.constants[node] = integer.constants_of(node, decided.shared.of, rules, *weights(node))
        except Hindered as reason:
            hindered[node] = str(reason)
    return decided


def _expect_range(node: Node, given_way: set[Value]) -> None:
    for value in node.inputs:
        if value in given_way and value.type == TensorType.FLOAT32:
            raise Hindered(f"{value} is computed as float, and its range gave way to one that others share")


def _has_floats(node: Node) -> bool:
    return any(value.type == TensorType.FLOAT32 for value in node.values())
