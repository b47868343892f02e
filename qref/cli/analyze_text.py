"""What `qref analyze` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from qref.analyzer import Analysis, Comparison
from qref.analyzer.analysis import options_of
from qref.analyzer.census import Row
from qref.analyzer.compare import ConstantDifference, TensorDifference
from qref.analyzer.memory import stored_bytes
from qref.analyzer.specification import Breach
from qref.cli.output import print_table, printable, table_of
from qref.schema import ActivationFunctionType, Model, Operator, Padding, Quantization, Subgraph, Tensor

KINDS = ("operator", "version", "count>", "multiply-adds>", "bytes>", "not taken by")
OPERATORS = ("#>", "operator", "version", "inputs", "outputs", "types", "multiply-adds>", "bytes>", "options")
ENUMERATIONS: dict[str, type[IntEnum]] = {"fused_activation_function": ActivationFunctionType, "padding": Padding}
TENSORS = ("#>", "tensor", "type", "shape", "bytes>", "scale", "zero point", "role")


def print_analysis(name: str, analysis: Analysis) -> None:
    """Everything of one model: what it is made of, then each subgraph, then what is said of it."""
    sizes, model = analysis.sizes, analysis.model
    print(f"{printable(name, most=4096)}: {sizes.file:,} bytes, {sizes.constants:,} of them constants", end=" ")
    print(f"({sizes.zeros:,} in buffers of zeros)")
    if model.description:
        print(f"description: {printable(model.description)}")
    if analysis.min_runtime_version:
        print(f"needs at least: TensorFlow Lite {printable(analysis.min_runtime_version)}, as its converter says")
    print("tensors: " + ", ".join(f"{count} {kind}" for kind, count in analysis.tensors.items()))
    print_table(table_of(KINDS, _kinds(analysis)))
    for subgraph in model.subgraphs:
        _print_subgraph(analysis, subgraph)
    _print_signatures(model)
    _print_support(analysis)
    _print_specification(analysis)


def _kinds(analysis: Analysis) -> Iterator[Sequence[Any]]:
    for kind in analysis.operators:
        refused = ", ".join(kind["refused_by"])
        yield kind["name"], str(kind["version"]), kind["count"], kind["macs"], kind["bytes"], refused
    yield "all", "", sum(kind["count"] for kind in analysis.operators), analysis.macs, "", ""


def _print_subgraph(analysis: Analysis, subgraph: Subgraph) -> None:
    model, memory = analysis.model, analysis.memory[subgraph.index]
    count, tensors = len(subgraph.operators), len(subgraph.tensors)
    print(f"subgraph {subgraph.index} {printable(subgraph.name)!r}: {count} operators, {tensors} tensors")
    print_table(table_of(OPERATORS, _operators(analysis, subgraph)))
    print_table(table_of(TENSORS, (_tensor(model, subgraph, tensor) for tensor in subgraph.tensors)))
    shared = f"arena {memory.arena:,} bytes (aligned to 16, as in TFLM: {memory.arena_16:,}; nothing shared: {memory.unshared:,})"
    print(f"memory: {shared}, variables {memory.variables:,}, constants {memory.constants:,}", end="")
    print(f", made of constants {memory.constant_results:,}\n" if memory.constant_results else "\n")


def _operators(analysis: Analysis, subgraph: Subgraph) -> Iterator[Sequence[Any]]:
    tensors = subgraph.tensors
    for operator, cost in zip(subgraph.operators, analysis.costs[subgraph.index]):
        types, results = (
            " ".join(tensors[i].type.name if i >= 0 else "-" for i in indices) for indices in (operator.inputs, operator.outputs)
        )
        inputs, outputs = (" ".join(map(str, indices)) for indices in (operator.inputs, operator.outputs))
        macs = "unknown" if cost.macs is None else cost.macs or ""
        first = str(operator.index), operator.name, str(operator.version), inputs, outputs, f"{types} -> {results}"
        yield *first, macs, cost.bytes, _options(operator)


def _options(operator: Operator) -> str:
    """The options that are not 0, activation and padding by name."""
    return ", ".join(filter(None, (_option(name, value) for name, value in options_of(operator).items())))


def _option(name: str, value: int | float | str | bool) -> str:
    names = ENUMERATIONS.get(name)
    if names is None or not isinstance(value, int) or value not in list(names):
        return f"{name} {value}" if value else ""
    return "" if names(value) is ActivationFunctionType.NONE else names(value).name


def _tensor(model: Model, subgraph: Subgraph, tensor: Tensor) -> Sequence[Any]:
    size = stored_bytes(model, tensor)
    shape = tensor.shape if tensor.shape_signature is None else tensor.shape_signature
    numbers = _quantization(tensor.quantization)
    return (
        str(tensor.index),
        tensor.name,
        tensor.type.name,
        str(list(shape)),
        size or "",
        *numbers,
        _role(subgraph, tensor, size),
    )


def _quantization(quantization: Quantization | None) -> tuple[str, str]:
    if quantization is None or not quantization.scale.size:
        return "", ""
    scale, zero_point = quantization.scale, quantization.zero_point
    if scale.size == 1:
        return f"{scale[0]:.9g}", str(int(zero_point[0])) if zero_point.size else "0"
    scales = f"{np.min(scale):.4g} to {np.max(scale):.4g}, {scale.size} along axis {quantization.quantized_dimension}"
    return scales, _extremes(zero_point.tolist()) if zero_point.size else "0"


def _extremes(values: Sequence[Any]) -> str:
    return " to ".join(f"{value:.9g}" for value in dict.fromkeys((min(values), max(values))))


def _role(subgraph: Subgraph, tensor: Tensor, constant_bytes: int) -> str:
    roles = (
        ("input", tensor.index in subgraph.inputs),
        ("output", tensor.index in subgraph.outputs),
        ("constant", constant_bytes > 0),
        ("variable", tensor.is_variable),
    )
    return ", ".join(name for name, holds in roles if holds)


def _print_signatures(model: Model) -> None:
    for signature in model.signatures:
        inputs, outputs = (", ".join(f"{n}: {i}" for n, i in each.items()) for each in (signature.inputs, signature.outputs))
        call = f"({inputs}) -> ({outputs})"
        print(f"signature {printable(signature.key)!r} of subgraph {signature.subgraph_index}: {printable(call)}")
    for metadata in model.metadata:
        print(f"metadata {printable(metadata.name)!r}: {len(model.buffers[metadata.buffer].data):,} bytes")


def _print_support(analysis: Analysis) -> None:
    rows = []
    for support in analysis.support:
        refusals = support.refusals
        more = f" (and {len(refusals) - 1} more)" if len(refusals) > 1 else ""
        rows.append((support.runtime, support.version, f"no: {refusals[0].reason}{more}" if refusals else "takes every operator"))
    print_table(table_of(("runtime", "version", "this model"), rows))


def _print_specification(analysis: Analysis) -> None:
    found = analysis.specification
    print(f"8-bit specification: {found.checked} operators on int8 activations, {len(found.breaches)} breaches", end="")
    print(f"; no clauses for {printable(', '.join(found.unlisted))}" if found.unlisted else "")
    if found.breaches:
        print_table(table_of(("operator", "operand", "tensor", "clause", "found"), map(_breach, found.breaches)))


def _breach(breach: Breach) -> Sequence[str]:
    where = f"{_number(breach.subgraph, breach.operator)} ({breach.name})"
    return where, breach.operand, f"{breach.tensor} ({breach.tensor_name})", breach.clause, breach.found


def print_structure(names: Sequence[str], rows: Sequence[Row]) -> None:
    """Models side by side; each but the first with its arrow."""
    cells = []
    for row in rows:
        arrows = ("", *(f" {arrow}" for arrow in row.arrows))
        cells.append((row.title, *(f"{count:,}{arrow}" for count, arrow in zip(row.counts, arrows))))
    print_table(table_of(("", *(f"{printable(name)}>" for name in names)), cells))


def print_comparison(found: Comparison) -> None:
    """Where two models differ."""
    if not found.differs:
        print(f"no difference: {found.paired:,} tensors are equal in type, shape, scales, zero points and constants")
        return
    if found.subgraphs[0] != found.subgraphs[1]:
        print(f"subgraphs: {found.subgraphs[0]} and {found.subgraphs[1]}; those that both have are compared")
    if found.operators:
        pairs = ((o.name, _number(o.subgraph, o.a), _number(o.subgraph, o.b), _fields(o.fields)) for o in found.operators)
        print_table(table_of(("operator", "A", "B", "differs in"), pairs))
    if found.tensors:
        rows = [
            (t.name, _number(t.subgraph, t.a), _number(t.subgraph, t.b), _fields(t.fields), _constant(t)) for t in found.tensors
        ]
        print_table(table_of(("tensor of A", "A", "B", "differs in", "constants"), rows))
    alone = f"; {found.alone[0]:,} of A and {found.alone[1]:,} of B stand alone" if any(found.alone) else ""
    print(f"{len(found.tensors):,} of {found.paired:,} pairs of tensors differ{alone}")


def _number(subgraph: int, index: int | None) -> str:
    if index is None:
        return "-"
    return f"{subgraph}:{index}" if subgraph else str(index)


def _fields(fields: dict[str, tuple[Any, Any]]) -> str:
    return ", ".join(f"{name} {_value(name, a)} / {_value(name, b)}" for name, (a, b) in fields.items())


def _value(name: str, value: Any) -> str:
    if name not in ("scales", "zero_points"):
        return str(value)
    if len(value) <= 1:
        return f"{value[0]:.9g}" if value else "none"
    return f"{len(value)} from {_extremes(value)}"


def _constant(difference: TensorDifference) -> str:
    found: ConstantDifference | None = difference.constant
    if found is None:
        return ""
    stored = "" if found.stored is None else f", at most by {found.stored:.9g}"
    real = "" if found.real is None else f" (real: {found.real:.6g})"
    return f"{found.elements:,} of {found.of:,} elements{stored}{real}"
