"""Which operators of a quantized model compute what which operators of the float model compute.

Both graphs are read without their QUANTIZE and DEQUANTIZE. Inputs correspond by their place. Then, in the order of the quantized
graph, an operator corresponds to the float operator of its name that reads what its inputs correspond to, in the same places;
where several do, constants decide, then names, then the order. Constants must be alike: the median over slices of |cosine| is at
least LIKE, so that a model of the same structure with other weights is found out.

Float operators that the quantized model has merged into one (batch norm or an activation into a convolution) become one region:
the region goes on, along a chain of MERGED, up to the tensor of the output's name, or where the same operators follow.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from qref.debugger.constants import likeness, real
from qref.errors import InputError
from qref.quantizer.graph import Graph, Node, Value
from qref.quantizer.specification import SPECIFICATIONS

CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
MERGED = ("MUL", "ADD", "SUB", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
LIKE = 0.5
LEAST_SHARE = 0.5  # of the quantized operators that must be aligned


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """An operator of the quantized model, the float operators that compute the same, and the outputs of both in one order."""

    node: Node
    region: tuple[Node, ...]
    outputs: tuple[Value, ...]  # of the region

    @property
    def float_node(self) -> Node:
        """The float operator of the same name."""
        return self.region[0]


@dataclass(slots=True)
class Alignment:
    """What was aligned, and why the rest of the quantized operators was not."""

    pairs: list[Pair] = field(default_factory=list)
    unaligned: dict[Node, str] = field(default_factory=dict)


class Stripped:
    """A graph seen without its conversions."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.sources: dict[Value, Value] = {}
        for node in graph.nodes:
            if node.name in CONVERSIONS:
                self.sources[node.outputs[0]] = self.source(node.inputs[0])  # type: ignore[arg-type]
        self.nodes = [node for node in graph.nodes if node.name not in CONVERSIONS]
        self.outputs = [self.source(value) for value in graph.outputs]
        self.consumers: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in dict.fromkeys(self.inputs(node)):
                if value is not None:
                    self.consumers.setdefault(value, []).append(node)

    def source(self, value: Value) -> Value:
        """What a value was before it was converted."""
        return self.sources.get(value, value)

    def inputs(self, node: Node) -> list[Value | None]:
        """The sources of what an operator reads."""
        return [None if value is None else self.source(value) for value in node.inputs]

    def uses(self, value: Value) -> Counter[str]:
        """What reads a value, by name; "output" where it is an output of the graph."""
        found = Counter(node.name for node in self.consumers.get(value, ()))
        found.update({"output": self.outputs.count(value)} if value in self.outputs else {})
        return found


def align(float_graph: Graph, quantized_graph: Graph) -> Alignment:
    """Align two graphs; raises InputError where they cannot be those of one model."""
    if len(float_graph.inputs) != len(quantized_graph.inputs):
        counts = len(float_graph.inputs), len(quantized_graph.inputs)
        raise InputError(f"the float model has {counts[0]} inputs, the quantized one {counts[1]}: give two forms of one model")
    for number, (a, b) in enumerate(zip(float_graph.inputs, quantized_graph.inputs)):
        if a.shape != b.shape:
            shapes = f"{list(a.shape)} in the float model, {list(b.shape)} in the quantized one"
            raise InputError(f"input {number} has the shape {shapes}: give two forms of one model")
    aligner = _Aligner(Stripped(float_graph), Stripped(quantized_graph))
    for node in aligner.quantized.nodes:
        aligner.visit(node)
    found = aligner.found
    if len(found.pairs) < LEAST_SHARE * len(aligner.quantized.nodes) or not found.pairs:
        total = len(aligner.quantized.nodes)
        first = next((f"; {node}: {reason}" for node, reason in found.unaligned.items()), "")
        raise InputError(
            f"only {len(found.pairs)} of {total} quantized operators have a counterpart in the float model{first}; "
            "give two forms of one model"
        )
    return found


class _Aligner:
    def __init__(self, float_graph: Stripped, quantized: Stripped):
        self.float, self.quantized = float_graph, quantized
        self.found = Alignment()
        self.counterparts: dict[Value, Value] = dict(zip(quantized.graph.inputs, float_graph.graph.inputs))
        self.taken: set[Node] = set()
        self.producer = float_graph.graph.producer()
        self.by_name: dict[str, list[Value]] = {}
        for node in float_graph.nodes:
            for value in node.outputs:
                self.by_name.setdefault(value.name, []).append(value)

    def visit(self, node: Node) -> None:
        """Find the counterpart of one operator of the quantized model, or note why there is none."""
        unknown = next((v for v in self.quantized.inputs(node) if is_computed(v) and v not in self.counterparts), None)
        if unknown is not None:
            self._by_name(node, f"its input {unknown} has no counterpart")
            return
        fitting = [other for other in self._candidates(node) if other not in self.taken and self._reads_the_same(node, other)]
        if not fitting:
            self._by_name(node, f"no {node.name} of the float model reads what its inputs correspond to")
            return
        scored = [(self._likeness(node, other), other) for other in fitting]
        alike = [(score, other) for score, other in scored if score >= LIKE]
        if not alike:
            best = max(score for score, _ in scored)
            self.found.unaligned[node] = f"the constants of its counterpart are others (likeness {best:.2f})"
            return
        best, other = max(alike, key=lambda entry: (round(entry[0], 3), _same_name(node, entry[1])))
        self._pair(node, self._extended(node, other))

    def _candidates(self, node: Node) -> list[Node]:
        first = next((value for value in self.quantized.inputs(node) if is_computed(value)), None)
        return self.float.nodes if first is None else self.float.consumers.get(self.counterparts[first], [])

    def _reads_the_same(self, node: Node, other: Node) -> bool:
        if other.name != node.name or len(other.outputs) != len(node.outputs):
            return False
        a, b = (
            [*found, *[None] * (max(len(node.inputs), len(other.inputs)) - len(found))]
            for found in (self.quantized.inputs(node), self.float.inputs(other))
        )
        return all(
            self.counterparts[x] is y if is_computed(x) else not is_computed(y)  # type: ignore[index]
            for x, y in zip(a, b)
        ) and all(x.shape == y.shape for x, y in zip(node.outputs, other.outputs))

    def _likeness(self, node: Node, other: Node) -> float:
        """The least of those of its constants; 1 where it has none. A bias may have changed with what was merged."""
        places = SPECIFICATIONS.get(node.name)
        found = [1.0]
        for position, (x, y) in enumerate(zip(self.quantized.inputs(node), self.float.inputs(other))):
            if x is None or y is None or x.data is None or y.data is None or (places is not None and position == places.bias):
                continue
            a, b = real(x), real(y)
            if a is None or b is None:
                found.append(float(node.name == "RESHAPE" or np.array_equal(x.data, y.data)))
            elif a.shape != b.shape:
                found.append(0.0)
            else:
                found.append(likeness(a, b, places.axis if places is not None and position == places.weights else None))
        return min(found)

    def _extended(self, node: Node, other: Node) -> list[Node]:
        """The float operators that were merged into one, `other` being the first."""
        region = [other]
        if len(node.outputs) != 1:
            return region
        y, chain = node.outputs[0], [other]
        while len(users := self.float.consumers.get(chain[-1].outputs[0], [])) == 1 and users[0].name in MERGED:
            step = users[0]
            computed = [value for value in self.float.inputs(step) if is_computed(value)]
            if len(computed) != 1 or step.outputs[0].shape != y.shape or chain[-1].outputs[0] in self.float.outputs:
                break
            chain.append(step)
        named = [i for name in _names(y) for i, step in enumerate(chain) if step.outputs[0].name == name]
        followed = [i for i, step in enumerate(chain) if self.float.uses(step.outputs[0]) == self.quantized.uses(y)]
        end = (named or followed or [0])[0]
        return chain[: end + 1]

    def _by_name(self, node: Node, reason: str) -> None:
        """An operator that reads what has no counterpart: one of its name whose output has its output's name."""
        names = _names(node.outputs[0]) if node.outputs else []
        values = [value for name in names for value in self.by_name.get(name, ())]
        nodes = {self.producer[value] for value in values} - self.taken
        fitting = [other for other in nodes if other.name == node.name and self._could_be(node, other)]
        if len(fitting) != 1:
            self.found.unaligned[node] = reason
            return
        self.counterparts.update(self._inputs_of(node, fitting[0]))
        self._pair(node, [fitting[0]])

    def _could_be(self, node: Node, other: Node) -> bool:
        pairs = list(zip(self.quantized.inputs(node), self.float.inputs(other)))
        return (
            [v.shape for v in node.outputs] == [v.shape for v in other.outputs]
            and all(is_computed(x) == is_computed(y) for x, y in pairs)
            and all(x.shape == y.shape for x, y in pairs if x is not None and y is not None and is_computed(x))
            and all(self.counterparts.get(x, y) is y for x, y in pairs if x is not None and is_computed(x))
            and self._likeness(node, other) >= LIKE
        )

    def _inputs_of(self, node: Node, other: Node) -> dict[Value, Value]:
        pairs = zip(self.quantized.inputs(node), self.float.inputs(other))
        return {x: y for x, y in pairs if x is not None and y is not None and is_computed(x)}

    def _pair(self, node: Node, region: list[Node]) -> None:
        outputs = tuple(region[-1].outputs)
        self.found.pairs.append(Pair(node, tuple(region), outputs))
        self.taken.update(region)
        self.counterparts.update(zip(node.outputs, outputs))


def is_computed(value: Value | None) -> bool:
    """Whether a value is there, and neither a constant nor a variable."""
    return value is not None and value.data is None and not value.is_variable


def _names(value: Value) -> list[str]:
    """The names that the value may have had before a converter made it unique or told its type."""
    name = re.sub(r"_(u?int8|int16|float32)$", "", value.name)
    return list(dict.fromkeys((value.name, name, re.sub(r"\d$", "", name))))


def _same_name(node: Node, other: Node) -> int:
    """How well the names of the first outputs agree."""
    names = _names(node.outputs[0]) if node.outputs else []
    return len(names) - names.index(other.outputs[0].name) if other.outputs and other.outputs[0].name in names else 0
