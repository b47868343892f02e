"""One model that computes both: the quantized graph, a float twin of each of its operators, and the float model.

A twin is the float operator with its float constants, fed with what the quantized operator was fed, as real numbers: what the
quantized operator gives less what the twin gives is the operator's own error. The float model runs beside them on the same
inputs: what the quantized operator gives less what it gives is the accumulated error.

Conversions are no operators: a twin reads what a QUANTIZE or DEQUANTIZE reads, so that the error of a conversion belongs to the
operator behind it; that of the model's input does only unless `quantized_inputs` says that twins read inputs as quantized. A
twin's variables are its own. LSTMs have their twin outside of the model, in lstm.py, where their gates can be seen.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from qref.debugger.align import Alignment, Pair, Stripped, is_computed
from qref.debugger.lstm import FloatLstm
from qref.quantizer.conversions import conversion
from qref.quantizer.graph import Graph, Node, Value, assemble
from qref.quantizer.specification import SPECIFICATIONS
from qref.schema import Model, Options, TensorType

STORED = (TensorType.INT8, TensorType.UINT8, TensorType.INT16)  # what activations are stored as


@dataclass(frozen=True, slots=True)
class Probe:
    """Tensors of the joint model that show one output of one operator.

    stored       as the quantized model holds it
    dequantized  the same as float32; the same tensor where it is float
    twin         what the operator's float twin gives; None where it is an LSTM
    float        what the float model gives
    """

    pair: Pair
    output: int
    stored: int
    dequantized: int
    twin: int | None
    float: int

    @property
    def value(self) -> Value:
        """The output in the quantized graph."""
        return self.pair.node.outputs[self.output]


@dataclass(frozen=True, slots=True)
class Joint:
    """The joint model.

    numbers   the tensor of the joint model for each value of the graphs it was made from
    operators  the number in the joint model of each operator of the quantized graph
    lstms     of each LSTM its twin, and the tensor that the twin reads
    outputs   for each output of the models, its tensor as float32 in the float model and in the quantized one
    """

    model: Model
    probes: tuple[Probe, ...]
    numbers: Mapping[Value, int]
    operators: Mapping[Node, int]
    lstms: Mapping[Node, tuple[FloatLstm, int]]
    outputs: tuple[tuple[int, int], ...]


def join(
    float_model: Model,
    quantized_model: Model,
    float_graphs: list[Graph],
    quantized_graphs: list[Graph],
    alignment: Alignment,
    *,
    quantized_inputs: bool = False,
    like_tflite: bool = False,
) -> Joint:
    """Make the joint model of two models, read as graphs, which are changed.

    like_tflite   operators that only make a tensor smaller are compared with themselves, as in TensorFlow's debugger
    """
    maker = _Maker(float_graphs[0], quantized_graphs[0], alignment, quantized_inputs, like_tflite)
    maker.make()
    graphs = [maker.joint, *quantized_graphs[1:], *float_graphs[1:]]
    for graph in (Graph("", [], [], maker.float_nodes), *float_graphs[1:]):
        _shift_subgraphs(graph, len(quantized_graphs) - 1)
    model = assemble(dataclasses.replace(quantized_model, signatures=(), metadata=(), metadata_buffer=()), graphs)
    numbers = {value: number for number, value in enumerate(maker.joint.values())}
    probes = tuple(
        Probe(pair, output, numbers[stored], numbers[real], None if twin is None else numbers[twin], numbers[original])
        for pair, output, (stored, real, twin, original) in maker.probes
    )
    operators = {node: number for number, node in enumerate(maker.joint.nodes)}
    lstms = {node: (twin, numbers[x]) for node, (twin, x) in maker.lstms.items()}
    return Joint(model, probes, numbers, operators, lstms, tuple((numbers[a], numbers[b]) for a, b in maker.ends))


@dataclass
class _Maker:
    float: Graph
    quantized: Graph
    alignment: Alignment
    quantized_inputs: bool
    like_tflite: bool
    probes: list[tuple[Pair, int, tuple[Value, Value, Value | None, Value]]] = field(default_factory=list)
    lstms: dict[Node, tuple[FloatLstm, Value]] = field(default_factory=dict)
    ends: list[tuple[Value, Value]] = field(default_factory=list)
    float_nodes: list[Node] = field(default_factory=list)  # those of the twins and of the float model
    nodes: list[Node] = field(default_factory=list)
    floats: dict[Value, Value] = field(default_factory=dict)  # of the quantized graph's values, as float32

    def make(self) -> None:
        """Fill all of these."""
        self.stripped = Stripped(self.quantized)
        self.pairs = {pair.node: pair for pair in self.alignment.pairs}
        given = dict(zip(self.quantized.inputs, self.float.inputs))
        for value, real in given.items():
            self._give(value, real)
        for node in self.quantized.nodes:
            node.inputs = [given[v] if v in given and v.type == given[v].type else v for v in node.inputs]
            self.nodes.append(node)
            if node in self.pairs:
                self._add_twin(self.pairs[node])
        self.nodes += self.float.nodes
        self.float_nodes += self.float.nodes
        self.ends = [(a, self._as_float(given.get(b, b))) for a, b in zip(self.float.outputs, self.quantized.outputs)]
        shown = [value for *_, values in self.probes for value in values if value is not None]
        shown += [value for pair in self.ends for value in pair] + [x for _, x in self.lstms.values()]
        shown += [node.inputs[0] for node in self.lstms if node.inputs[0] is not None]
        self.joint = Graph("joint", self.float.inputs, list(dict.fromkeys(shown)), self.nodes)

    def _give(self, value: Value, real: Value) -> None:
        """An input of the quantized model is given the float model's input."""
        if value.type != real.type:
            self.nodes.append(conversion(real, value))
        if not self.quantized_inputs:
            self.floats[value] = real

    def _as_float(self, value: Value) -> Value:
        """The value as float32, converted where it is integer numbers with a scale."""
        if value.type not in STORED or value.quantization is None or len(value.quantization.scale) != 1:
            return value
        if value not in self.floats:
            made = Value(f"{value.name}_real", TensorType.FLOAT32, value.shape, shape_signature=value.shape_signature)
            self.nodes.append(conversion(value, made))
            self.floats[value] = made
        return self.floats[value]

    def _read(self, value: Value) -> Value:
        """What a twin reads where the quantized operator reads a value."""
        source = self.stripped.source(value)
        if self.quantized_inputs and source in self.quantized.inputs and source is not value:
            return self._as_float(value)
        return self.floats.get(source) or self._as_float(source)

    def _add_twin(self, pair: Pair) -> None:
        made: dict[Value, Value] = {}
        for x, y in zip(pair.node.inputs, pair.float_node.inputs):
            if x is not None and y is not None and is_computed(y):
                made[y] = self._read(x)
        lstm = FloatLstm.of(pair.float_node, pair.float_node.inputs) if len(pair.region) == 1 else None
        shown: dict[Value, Value | None] = dict.fromkeys(pair.outputs)
        if lstm is not None:
            self.lstms[pair.node] = lstm, made[pair.float_node.inputs[0]]  # type: ignore[index]
        elif self.like_tflite and self._is_compared_with_itself(pair):
            shown = {y: self._as_float(x) for x, y in zip(pair.node.outputs, pair.outputs)}
        else:
            for node in pair.region:
                self._add_float(clone(node, made))
            shown = {y: made[y] for y in pair.outputs}
        for number, (stored, original) in enumerate(zip(pair.node.outputs, pair.outputs)):
            if original.type == TensorType.FLOAT32 and (stored.type in STORED or stored.type == TensorType.FLOAT32):
                self.probes.append((pair, number, (stored, self._as_float(stored), shown[original], original)))

    def _is_compared_with_itself(self, pair: Pair) -> bool:
        """Whether TensorFlow moves the DEQUANTIZE before a float twin behind it, so that the twin becomes the operator itself.

        It does so where an operator that keeps its scale makes a tensor smaller, and nothing else reads its input as float.
        """
        places, inputs = SPECIFICATIONS.get(pair.node.name), [v for v in self.stripped.inputs(pair.node) if is_computed(v)]
        if places is None or not places.same_scale or len(inputs) != 1 or len(pair.node.outputs) != 1:
            return False
        x, y = inputs[0], pair.node.outputs[0]
        assert x is not None
        smaller = math.prod(y.shape) < math.prod(x.shape)
        return smaller and x.type != TensorType.FLOAT32 and sum(self.stripped.uses(x).values()) == 1

    def _add_float(self, node: Node) -> None:
        self.nodes.append(node)
        self.float_nodes.append(node)


def clone(node: Node, made: dict[Value, Value]) -> Node:
    """An operator with values of its own, but for constants; `made` has some of them, and gets the others."""
    for value in node.values():
        if value.data is None and value not in made:
            made[value] = dataclasses.replace(value, index=None)
    inputs = [None if value is None else made.get(value, value) for value in node.inputs]
    intermediates = [made.get(value, value) for value in node.intermediates]
    return Node(node.source, inputs, [made[value] for value in node.outputs], intermediates, node.version)


def _shift_subgraphs(graph: Graph, by: int) -> None:
    """Let operators call the subgraphs that are now `by` places behind."""
    for node in graph.nodes if by else ():
        source = node.source
        node.source = dataclasses.replace(source, options=_shifted(source.options, by), options_2=_shifted(source.options_2, by))


def _shifted(options: Options, by: int) -> Options:
    moved = {key: n + by for key, n in options.values.items() if key.endswith("subgraph_index") and n >= 0}
    return Options(options.table, {**options.values, **moved})
