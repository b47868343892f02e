"""A rewrite of a float graph: each operator is treated as its scheme says, conversions stand where two schemes meet."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from qref.errors import InputError
from qref.quantizer import dynamic_range
from qref.quantizer.conversions import insert_conversions
from qref.quantizer.float16 import store_as_float16
from qref.quantizer.full_integer import IntegerNodes, decide
from qref.quantizer.graph import Graph, Node, Value
from qref.quantizer.integer import INT8, INT16, Hindered
from qref.quantizer.scales import Encoding, Range, Weights
from qref.quantizer.versions import version_of
from qref.schema import Options, TensorType
from qref.schema.enums import CUSTOM

SCHEMES = ("float", "float16", "dynamic_range", "full_integer", "int16x8")


@dataclass(frozen=True, slots=True)
class Treatment:
    """What becomes of one operator: one of SCHEMES; the bits of its weights, 8 or 4; whether each channel of them has a scale."""

    scheme: str
    bits: int = 8
    per_axis: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a tensor of the float model is stored as it is.

    tensor, name   its number and name in the float model
    range          what calibration recorded; None for a constant
    stored         type, scale and zero point in words
    reason         the rule, and who forced it
    """

    tensor: int
    name: str
    range: Range | None
    stored: str
    reason: str


@dataclass(slots=True)
class Outcome:
    """What quantizing a graph decided: of each tensor, and for each operator that stays float against its scheme, why."""

    decisions: list[Decision] = field(default_factory=list)
    hindered: dict[Node, str] = field(default_factory=dict)


def quantize_graph(
    graph: Graph,
    treat: Callable[[Node], Treatment],
    ranges: Mapping[Value, Range],
    input_type: TensorType = TensorType.FLOAT32,
    output_type: TensorType = TensorType.FLOAT32,
) -> Outcome:
    """Change a float graph in place.

    ranges                    of the activations; needed for full_integer and int16x8
    input_type, output_type   of the graph's float inputs and outputs: FLOAT32, INT8, UINT8 or INT16
    Raises InputError where an input or output cannot have the type that is asked for.
    """
    schemes = {node: treat(node) for node in graph.nodes}

    def chosen(scheme: str) -> Callable[[Node], bool]:
        return lambda node: schemes[node].scheme == scheme

    int8, int16 = (
        decide(graph, ranges, rules, chosen(scheme), lambda node: (schemes[node].bits, schemes[node].per_axis))
        for scheme, rules in (("full_integer", INT8), ("int16x8", INT16))
    )
    outcome = Outcome(hindered=int8.hindered | int16.hindered)
    constants = int8.constants | int16.constants
    for node in filter(chosen("dynamic_range"), graph.nodes):
        try:
            constants[node] = dynamic_range.weights_of(node, schemes[node].bits, schemes[node].per_axis)
        except Hindered as reason:
            outcome.hindered[node] = str(reason)
    inputs, outputs = (
        [None if value.type != TensorType.FLOAT32 else _end(value, type_, int8, int16) for value in values]
        for values, type_ in ((graph.inputs, input_type), (graph.outputs, output_type))
    )
    outcome.decisions = _decisions(graph, ranges, int8, int16, constants)

    def encoding(node: Node, value: Value) -> Encoding | None:
        return int8.encoding(node, value) or int16.encoding(node, value)

    store_as_float16(graph, chosen("float16"))
    before_readers = bool(int16.constants) and not int8.constants
    insert_conversions(
        graph, encoding, inputs, outputs, (int16 if before_readers else int8).shared, before_readers=before_readers
    )
    _store(constants, encoding)
    for node in graph.nodes:
        if node in int16.constants:
            _set_option(node, "pot_scale_int16", False)
            if INT16.bias in {value.type for value in node.inputs if value is not None}:
                _set_option(node, "quantized_bias_type", int(INT16.bias))
        elif node in constants and node not in int8.constants and constants[node]:
            _set_option(node, "asymmetric_quantize_inputs", True)
        if node.source.builtin_code != CUSTOM:
            node.version = version_of(node)
    return outcome


def _end(value: Value, type_: TensorType, int8: IntegerNodes, int16: IntegerNodes) -> Encoding | None:
    """How an input or output of the graph is given: as float, or as the operators that touch it store it."""
    if type_ == TensorType.FLOAT32:
        return None
    found = (int16 if type_ == TensorType.INT16 else int8).shared.encodings.get(value)
    if found is None:
        raise InputError(
            f"{value} cannot be {type_.name}: no operator that computes with such integers touches it; leave it FLOAT32"
        )
    return found if type_ != TensorType.UINT8 else Encoding(type_, found.scale, found.zero_point + 128)


def _store(constants: Mapping[Node, Mapping[int, Weights]], encoding: Callable[[Node, Value], Encoding | None]) -> None:
    """Give operators their integer constants, equal ones once, and variables and intermediates the types that were settled."""
    stored: dict[tuple[Value, TensorType, bytes, bytes], Value] = {}
    for node, made in constants.items():
        for position, weights in made.items():
            value = node.inputs[position]
            assert value is not None
            key = value, weights.type, weights.quantization.scale.tobytes(), weights.quantization.zero_point.tobytes()
            if key not in stored:
                stored[key] = Value(value.name, weights.type, value.shape, weights.data, weights.quantization)
            node.inputs[position] = stored[key]
        for value in (*node.inputs, *node.intermediates):
            if value is not None and value.data is None and value.type == TensorType.FLOAT32:
                found = encoding(node, value)
                if found is not None:
                    value.type, value.quantization = found.type, found.quantization()


def _set_option(node: Node, name: str, setting: bool | int) -> None:
    """Set an option that the operator has; others stay as they are."""
    options = node.source.options
    if name in options.values:
        node.source = dataclasses.replace(node.source, options=Options(options.table, {**options.values, name: setting}))


def _decisions(
    graph: Graph,
    ranges: Mapping[Value, Range],
    int8: IntegerNodes,
    int16: IntegerNodes,
    constants: Mapping[Node, Mapping[int, Weights]],
) -> list[Decision]:
    """One for each tensor of the float model that something is stored of, in the file's order; called before it changes."""
    found = []
    for nodes in (int8, int16):
        touched = {value for node in nodes.constants for value in node.values()}
        for value, encoding in nodes.shared.encodings.items():
            if value in touched and value.index is not None and value.data is None:
                asked = [f"{n} asks for {e}" for (n, v), e in nodes.shared.requantized.items() if v is value]
                reason = "; ".join([nodes.shared.reasons[value], *asked])
                found.append(Decision(value.index, value.name, ranges.get(value), str(encoding), reason))
    for node, made in constants.items():
        for position, weights in made.items():
            tensor = node.inputs[position]
            assert tensor is not None
            assert tensor.index is not None
            scale = weights.quantization.scale
            slices = (
                f"{len(scale)} scales along axis {weights.quantization.quantized_dimension}"
                if len(scale) > 1
                else f"scale {scale[0]:.9g}"
            )
            found.append(
                Decision(tensor.index, tensor.name, None, f"{weights.type.name} {slices}", f"input {position} of {node}")
            )
    return sorted(found, key=lambda decision: decision.tensor)
