"""A rewrite of a quantized model: some of its operators become those of the float model again.

DEQUANTIZE and QUANTIZE stand where the two meet. Between two operators that become float there is neither.
"""

from __future__ import annotations

from collections.abc import Iterable

from qref.debugger.align import Pair, Stripped, align, is_computed
from qref.debugger.twins import clone
from qref.errors import InputError
from qref.quantizer.conversions import conversion
from qref.quantizer.graph import Graph, Node, Value, assemble, read
from qref.schema import Model, TensorType, write


def keep_float(float_model: Model, quantized_model: Model, operators: Iterable[str] = (), names: Iterable[str] = ()) -> bytes:
    """The quantized model with operators of these builtin names, or with outputs of these names, in float.

    names   as the tensors are called in either model
    Raises InputError for a name that no aligned operator has.
    """
    float_graphs, graphs = read(float_model), read(quantized_model)
    pairs = align(float_graphs[0], graphs[0]).pairs
    operators, names = list(operators), list(names)
    called = {pair: {value.name for value in (*pair.node.outputs, *pair.outputs)} for pair in pairs}
    for name in (*operators, *names):
        if not any(name == pair.node.name or name in called[pair] for pair in pairs):
            raise InputError(
                f"no operator of the quantized model is a {name!r} or has an output of that name, or it is not aligned"
            )
    chosen = [pair for pair in pairs if pair.node.name in operators or called[pair] & set(names)]
    for pair in chosen:
        if any(name.endswith("subgraph_index") for node in pair.region for name in node.source.options.values):
            raise InputError(f"{pair.node} calls another subgraph; quantize the model anew, with a rule that leaves it float")
    _Rewrite(graphs[0], chosen).run()
    return write(assemble(quantized_model, graphs))


class _Rewrite:
    def __init__(self, graph: Graph, chosen: list[Pair]):
        self.graph, self.stripped = graph, Stripped(graph)
        self.chosen = {pair.node: pair for pair in chosen}
        self.nodes: list[Node] = []
        self.floats: dict[Value, Value] = {}  # of sources, as float32

    def run(self) -> None:
        """Change the graph in place."""
        for node in self.graph.nodes:
            if node in self.chosen:
                self._replace(self.chosen[node])
            elif node.name == "DEQUANTIZE" and (real := self.floats.get(self.stripped.source(node.outputs[0]))) is not None:
                self._bypass(node.outputs[0], real)
            else:
                self.nodes.append(node)
        self.graph.nodes = self.nodes
        drop_unread(self.graph)

    def _bypass(self, value: Value, real: Value) -> None:
        """Let what reads a value read one that is computed as float already."""
        if value in self.graph.outputs:
            value.name, real.name = real.name, value.name
        self.graph.outputs = [real if output is value else output for output in self.graph.outputs]
        for reader in self.graph.nodes:
            reader.inputs = [real if x is value else x for x in reader.inputs]

    def _replace(self, pair: Pair) -> None:
        made: dict[Value, Value] = {}
        for x, y in zip(pair.node.inputs, pair.float_node.inputs):
            if x is not None and y is not None and is_computed(y):
                made[y] = self._as_float(self.stripped.source(x))
        self.nodes += [clone(node, made) for node in pair.region]
        for stored, original in zip(pair.node.outputs, pair.outputs):
            self._give(stored, made[original])

    def _give(self, stored: Value, real: Value) -> None:
        """What was stored is now computed as float, and stored by a QUANTIZE."""
        if stored.type != TensorType.FLOAT32 and stored.quantization is not None:
            self.floats[stored] = real
            self.nodes.append(conversion(real, stored))
        else:
            real.name, self.nodes[-1].outputs[self.nodes[-1].outputs.index(real)] = stored.name, stored

    def _as_float(self, source: Value) -> Value:
        if source.type == TensorType.FLOAT32 or source.quantization is None:
            return source
        if source not in self.floats:
            real = Value(f"{source.name}_float32", TensorType.FLOAT32, source.shape, shape_signature=source.shape_signature)
            self.nodes.append(conversion(source, real))
            self.floats[source] = real
        return self.floats[source]


def drop_unread(graph: Graph) -> None:
    """Leave out the operators whose results no output of the graph depends on."""
    needed, kept = set(graph.outputs), []
    for node in reversed(graph.nodes):
        if not node.outputs or needed & set(node.outputs):
            kept.append(node)
            needed.update(value for value in node.inputs if value is not None)
    graph.nodes = kept[::-1]
