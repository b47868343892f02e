"""A rewrite: every operator reads and writes its operands as it was decided, with a QUANTIZE or DEQUANTIZE where two differ.

A conversion stands behind the operator that computes its input, once for all that ask for it, as the converter's int8 files have
it; or before each operator that asks for it, as its int16 files have it. Of the graph's inputs those come first, in reverse,
whose encoding is that of other values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from qref.quantizer.graph import Graph, Node, Value
from qref.quantizer.scales import Encoding
from qref.quantizer.sharing import Shared
from qref.quantizer.versions import version_of
from qref.schema import Operator, TensorType, builtin_code

Encode = Callable[[Node, Value], Encoding | None]


def insert_conversions(
    graph: Graph,
    encoding: Encode,
    inputs: Sequence[Encoding | None],
    outputs: Sequence[Encoding | None],
    shared: Shared,
    *,
    before_readers: bool = False,
) -> None:
    """Change a graph of float tensors in place.

    encoding          how an operator reads or writes a float value that is no constant; None: as float
    inputs, outputs   how the graph's inputs are given and its outputs taken
    shared            the encodings, which a float value is first converted to where others are asked for
    before_readers    where conversions stand; those of the graph's inputs and outputs stand at its ends then
    """
    rewrite = _Rewrite(graph, encoding, dict(zip(graph.outputs, outputs)), shared.encodings, before_readers)
    ends = dict(zip(graph.inputs, inputs))
    later = [] if before_readers else [value for value in ends if value in shared.own or value not in shared.encodings]
    for value in (*(value for value in reversed(ends) if value not in later), *later):
        if value.type == TensorType.FLOAT32:
            rewrite.given(value, ends[value], at_once=not before_readers)
            if before_readers and any(encoding(node, value) for node in rewrite.consumers.get(value, ())):
                rewrite.form(value, shared.encodings[value])
    for node in graph.nodes:
        rewrite.read(node)
        rewrite.nodes.append(node)
        for value in list(node.outputs):
            if value.type == TensorType.FLOAT32:
                rewrite.given(value, encoding(node, value), at_once=not before_readers)
    rewrite.finish()


@dataclass
class _Rewrite:
    graph: Graph
    encoding: Encode
    ends: dict[Value, Encoding | None]
    stored: Mapping[Value, Encoding]
    before_readers: bool
    nodes: list[Node] = field(default_factory=list)
    forms: dict[Value, dict[Encoding | None, Value]] = field(default_factory=dict)  # of each value, as float and as integers

    def __post_init__(self) -> None:
        self.consumers = self.graph.consumers()

    def given(self, value: Value, encoding: Encoding | None, at_once: bool) -> None:
        """Make a value's tensor hold it as it is given; at_once: convert it for all that ask for it as something else."""
        self.forms[value] = {encoding: value}
        _hold(value, encoding)
        if at_once:
            asked = [self.encoding(node, value) for node in dict.fromkeys(self.consumers.get(value, ()))]
            for form in sorted(asked, key=lambda form: form is None):
                self.form(value, form)
            if value in self.ends and not self.before_readers:
                self.form(value, self.ends[value])

    def form(self, value: Value, encoding: Encoding | None) -> Value:
        """The tensor that holds a value so, converted here if there is none."""
        forms = self.forms[value]
        if encoding not in forms:
            made = Value(_name(value, encoding), value.type, value.shape, shape_signature=value.shape_signature)
            _hold(made, encoding)
            self.nodes.append(conversion(self._source(value, encoding), made))
            forms[encoding] = made
        return forms[encoding]

    def _source(self, value: Value, encoding: Encoding | None) -> Value:
        """What a form of the value is converted from."""
        usual = self.stored.get(value)
        return value if None in (usual, encoding) or usual == encoding else self.form(value, usual)

    def read(self, node: Node) -> None:
        """Let an operator read what it asks for, the last input first."""
        read = [
            value if value is None or value not in self.forms else self.form(value, self.encoding(node, value))
            for value in reversed(node.inputs)
        ]
        node.inputs = read[::-1]

    def finish(self) -> None:
        """Give the graph its operators and outputs; an output keeps its name, what it is converted from gets another."""
        outputs = []
        for value in self.graph.outputs:
            output = self.form(value, self.ends[value]) if value in self.forms else value
            if output is not value:
                value.name, output.name = next(_name(value, e) for e, v in self.forms[value].items() if v is value), value.name
            outputs.append(output)
        self.graph.outputs, self.graph.nodes = outputs, self.nodes


def conversion(x: Value, y: Value) -> Node:
    """A QUANTIZE, or a DEQUANTIZE where y is float, of the version that their types need."""
    name = "DEQUANTIZE" if y.type == TensorType.FLOAT32 else "QUANTIZE"
    made = Node(Operator(-1, name, builtin_code(name), 1, (), ()), [x], [y])
    made.version = version_of(made)
    return made


def _hold(value: Value, encoding: Encoding | None) -> None:
    value.type = TensorType.FLOAT32 if encoding is None else encoding.type
    value.quantization = None if encoding is None else encoding.quantization()


def _name(value: Value, encoding: Encoding | None) -> str:
    return f"{value.name}_{'float32' if encoding is None else encoding.type.name.lower()}"
