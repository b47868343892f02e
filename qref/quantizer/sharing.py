"""Which tensors share a scale: from the recorded ranges to one encoding for every operand, as TFLiteConverter does it.

1. A range that says nothing new is dropped: that of an output whose scale is fixed; that of the output of an operator with
   one activation that keeps its scale (its input's range stands for both); and, going back, that of each activation of an
   operator that keeps its scale and whose output still has a range (so a CONCATENATION gives its inputs its own).
2. What still has a range gets its encoding from it: it is settled.
3. The operators are visited, the last first, and then again what a new encoding may concern: the readers of a result, the
   producer of an operand. One that keeps its scale passes on the encoding of its only input if that is
   settled, else of its only output, else of the first operand that has one; one with a fixed output gives that. Where an
   operand already has another encoding, a QUANTIZE will stand between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from qref.quantizer.graph import Graph, Node, Value
from qref.quantizer.scales import Encoding, Range
from qref.quantizer.specification import SPECIFICATIONS
from qref.schema import TensorType


@dataclass(slots=True)
class Shared:
    """What `share` found.

    encodings   of each value, as its producer writes it
    requantized encodings that an operator asks of an operand where they differ from those
    reasons     why a value has its encoding, in words
    own         the values whose encoding does not depend on whether others have one
    """

    encodings: dict[Value, Encoding] = field(default_factory=dict)
    requantized: dict[tuple[Node, Value], Encoding] = field(default_factory=dict)
    reasons: dict[Value, str] = field(default_factory=dict)
    own: set[Value] = field(default_factory=set)

    def of(self, node: Node, value: Value) -> Encoding | None:
        """What an operator reads or writes a value as; None: as float."""
        return self.requantized.get((node, value), self.encodings.get(value))


def share(
    graph: Graph, ranges: Mapping[Value, Range], encode: Callable[[Range], Encoding], settled: Mapping[Value, Encoding]
) -> Shared:
    """Encodings for everything that has a range or shares one.

    encode    from a range to an encoding
    settled   encodings that stand already, such as those of an LSTM's states
    """
    producer, consumers = graph.producer(), graph.consumers()
    redundant = _redundant(ranges, producer, consumers)
    shared = Shared(dict(settled), reasons=dict.fromkeys(settled, "the operator's own rule"))
    for value, found in ranges.items():
        if value not in redundant and value not in settled:
            shared.encodings[value] = encode(found)
            shared.reasons[value] = "its own range"
    shared.own = set(shared.encodings)
    visited: set[Node] = set()
    stack = list(graph.nodes)

    def give(node: Node, value: Value, encoding: Encoding, why: str) -> None:
        found = shared.encodings.get(value)
        if found is None:
            shared.encodings[value], shared.reasons[value] = encoding, why
            if producer.get(value) is node:
                stack.extend(reversed(consumers.get(value, ())))
            elif value in producer:
                stack.append(producer[value])
        elif found != encoding:
            shared.requantized[node, value] = encoding

    while stack:
        node = stack.pop()
        if node in visited:
            continue
        specification = SPECIFICATIONS.get(node.name)
        if specification is not None and specification.same_scale:
            chosen = _chosen(node, shared.encodings, shared.own)
            if chosen is None:
                continue
            for value in (*_activations(node), *_floats(node.outputs)):
                give(node, value, shared.encodings[chosen], f"{node} keeps its scale: that of {chosen}")
        elif specification is not None and specification.fixed is not None:
            (scale, zero_point), _ = specification.fixed
            for value in node.outputs:
                give(node, value, Encoding(TensorType.INT8, scale, zero_point), f"{node.name} has a fixed output scale")
        visited.add(node)
    return shared


def share_forward(
    graph: Graph, ranges: Mapping[Value, Range], encode: Callable[[Range], Encoding], settled: Mapping[Value, Encoding]
) -> Shared:
    """The same in the order of the operators, as the converter does it for int16 activations.

    An output has a fixed encoding, or that of the first input, or that of its own range. An operator of several activations that
    keeps its scale has that of its output's range, and asks its inputs for it.
    """
    shared = Shared(dict(settled), reasons=dict.fromkeys(settled, "the operator's own rule"))

    def own(value: Value) -> Encoding | None:
        if value not in shared.encodings and value in ranges:
            shared.encodings[value], shared.reasons[value] = encode(ranges[value]), "its own range"
        return shared.encodings.get(value)

    for node in graph.nodes:
        inputs = _activations(node)
        for value in inputs:
            own(value)
        specification = SPECIFICATIONS.get(node.name)
        for value in _floats(node.outputs):
            if specification is not None and specification.fixed is not None and specification.fixed[1] is not None:
                scale, zero_point = specification.fixed[1]
                shared.encodings[value] = Encoding(TensorType.INT16, scale, zero_point)
                shared.reasons[value] = f"{node.name} has a fixed output scale"
            elif _keeps_scale(node) and len(inputs) == 1 and inputs[0] in shared.encodings:
                shared.encodings[value] = shared.encodings[inputs[0]]
                shared.reasons[value] = f"{node} keeps its scale: that of {inputs[0]}"
            elif own(value) is not None and _keeps_scale(node):
                for x in inputs:
                    if shared.encodings.get(x) != shared.encodings[value]:
                        shared.requantized[node, x] = shared.encodings[value]
    shared.own = set(shared.encodings)
    return shared


def _redundant(
    ranges: Mapping[Value, Range], producer: Mapping[Value, Node], consumers: Mapping[Value, list[Node]]
) -> set[Value]:
    """The values whose ranges step 1 drops."""
    dropped: set[Value] = set()
    work = list(ranges)
    while work:
        value = work.pop()
        if value in producer and _is_fixed(producer[value]):
            dropped.add(value)
        for node in consumers.get(value, ()):
            if _keeps_scale(node) and len(_activations(node)) == 1:
                outputs = [output for output in node.outputs if output in ranges]
                dropped.update(outputs)
                work += outputs
    work = [value for value in ranges if value not in dropped]
    while work:
        value = work.pop()
        if value in producer and _keeps_scale(producer[value]):
            inputs = [x for x in producer[value].inputs if x is not None and x in ranges]
            dropped.update(inputs)
            work += inputs
    return dropped


def _chosen(node: Node, encodings: Mapping[Value, Encoding], fixed: set[Value]) -> Value | None:
    """The operand whose encoding all others of an operator take."""
    for certain in (True, False):
        inputs, outputs = (
            [value for value in values if value in encodings and (value in fixed) == certain]
            for values in (_activations(node), _floats(node.outputs))
        )
        if len(node.inputs) == 1 and len(inputs) == 1:
            return inputs[0]
        if len(node.outputs) == 1 and len(outputs) == 1:
            return outputs[0]
        if inputs or outputs:
            return (inputs + outputs)[0]
    return None


def _keeps_scale(node: Node) -> bool:
    return node.name in SPECIFICATIONS and SPECIFICATIONS[node.name].same_scale


def _is_fixed(node: Node) -> bool:
    return node.name in SPECIFICATIONS and SPECIFICATIONS[node.name].fixed is not None


def _activations(node: Node) -> list[Value]:
    return _floats(value for value in node.inputs if value is not None)


def _floats(values: Iterable[Value]) -> list[Value]:
    return [value for value in values if value.type == TensorType.FLOAT32]
