"""An operator's entry in the manifest, and its arrays: the one form that every writer of golden vectors reads."""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from qref.ops._convolution import Axis
from qref.ops._matmul import IntegerPlan
from qref.ops.node import Node, Operand

from .cases import Case, Subject
from .forms import find_form
from .loader import OFFSETS, TAPS
from .rules import RULE_NAMES, channel_constants, is_known

Arrays = dict[str, np.ndarray]
ROLES = {name: {"x": 0, "w": 1, "b": 2} for name in TAPS} | {"TRANSPOSE_CONV": {"x": 2, "w": 1, "b": 3}}
LONGEST_NAME = 40


def identifier(node: Node) -> str:
    """A name that is safe in file names and in C: op003_conv_2d; nothing of it but letters and digits of the operator's name.

    >>> from types import SimpleNamespace as Any
    >>> identifier(Any(operator=Any(index=3, name="../My Op")))
    'op003_my_op'
    """
    name = re.sub("[^a-z0-9]+", "_", node.operator.name.lower()).strip("_")[:LONGEST_NAME]
    return f"op{node.operator.index:03d}_{name}"


def describe(subject: Subject, unit: Sequence[Case]) -> tuple[dict[str, Any], Arrays]:
    """The entry of an operator, without its coverage, and its arrays by name."""
    node, plan = subject.node, subject.prepared.plan
    arrays: Arrays = {}
    entry: dict[str, Any] = {
        "id": identifier(node),
        "index": subject.index,
        "name": node.operator.name,
        "file": f"npz/{identifier(node)}.npz",
        "inputs": [_operand(o, p not in subject.free) for p, o in enumerate(node.inputs)],
        "outputs": [_operand(o, False) for o in node.outputs],
        "updated_inputs": list(subject.prepared.updates),
        "cases": {"unit": len(unit), "layer": len(subject.layer)},
        "plan": _jsonable(plan, "plan", arrays),
        "ranges": _ranges(subject, [*unit, *subject.layer]),
    }
    for position, value in enumerate(subject.layer[0].inputs):
        if value is not None and position not in subject.free:
            arrays[f"constant/{position}"] = value
    for kind, cases in (("unit", unit), ("layer", subject.layer)):
        for number, case in enumerate(cases):
            arrays |= {f"{kind}/{number}/input/{p}": x for p, x in enumerate(case.inputs) if x is not None and p in subject.free}
            arrays |= {f"{kind}/{number}/output/{p}": value for p, value in enumerate(case.outputs)}
            if case.acc is not None:
                arrays[f"{kind}/{number}/acc"] = case.acc
    form = find_form(subject)
    if form is not None:
        entry["form"] = form
    if has_accumulation(subject):
        entry["accumulation"] = accumulation(subject, arrays)
    return entry, arrays


def has_accumulation(subject: Subject) -> bool:
    """Whether the operator sums products and brings them to the output by a rule that can be written channel by channel."""
    plan = subject.prepared.plan
    return isinstance(plan, IntegerPlan) and subject.node.operator.name in TAPS and is_known(plan.requantize)


def accumulation(subject: Subject, arrays: Arrays) -> dict[str, Any]:
    """The fields from which a kernel can be written: offsets, limits, geometry; the constants by channel go to `arrays`."""
    plan, name = subject.prepared.plan, subject.node.operator.name
    roles = ROLES[name]
    roles = {role: position for role, position in roles.items() if role != "b" or name != "BATCH_MATMUL"}
    fields = {
        "operands": {"b": None, **roles},
        "acc_bits": plan.acc_bits,
        "output_shape": list(plan.output_shape),
        "rules": list(RULE_NAMES),
        **{offset: getattr(plan, offset) for offset in OFFSETS},
    }
    for field in ("groups", "depth_multiplier", "adj_x", "adj_y"):
        if hasattr(plan, field):
            fields[field] = getattr(plan, field)
    if hasattr(plan, "axes"):
        fields["axes"] = [dataclasses.asdict(axis) for axis in plan.axes]
    channels = plan.output_shape[-1] if plan.output_shape else 1
    arrays |= {f"requantize/{key}": value for key, value in channel_constants(plan.requantize, channels).items()}
    w, b = (arrays.get(f"constant/{fields['operands'][role]}") for role in "wb")
    if w is not None and name != "BATCH_MATMUL":
        axes = (0, 1, 2) if name == "DEPTHWISE_CONV_2D" else tuple(range(1, w.ndim))
        sums = (w.astype(np.int64) + plan.filter_offset).sum(axis=axes)
        arrays["derived/folded_bias"] = plan.input_offset * sums + (0 if b is None else b.reshape(-1))
    return fields


def _operand(operand: Operand | None, constant: bool) -> dict[str, Any] | None:
    if operand is None:
        return None
    quantization = operand.quantization
    shape = operand.known_shape if operand.known_shape is not None else operand.tensor.shape
    return {
        "tensor": operand.tensor.index,
        "tensor_name": operand.tensor.name,
        "type": operand.type.name,
        "shape": list(shape),
        "constant": constant,
        "scales": [] if quantization is None else [_number(s) for s in operand.scales],
        "zero_points": [] if quantization is None else [int(z) for z in operand.zero_points],
        "quantized_dimension": 0 if quantization is None else quantization.quantized_dimension,
    }


def _ranges(subject: Subject, cases: Sequence[Case]) -> dict[str, list[Any]]:
    """Least and greatest value of each operand over all cases."""
    found = {f"input/{p}": [case.inputs[p] for case in cases] for p in subject.free}
    found |= {f"output/{p}": [case.outputs[p] for case in cases] for p in range(len(cases[0].outputs))}
    if cases[0].acc is not None:
        found["acc"] = [case.acc for case in cases]
    return {key: _range(values) for key, values in found.items()}  # type: ignore[arg-type]


def _range(values: Sequence[np.ndarray]) -> list[Any]:
    flat = np.concatenate([value.ravel() for value in values])
    if not flat.size or flat.dtype.kind not in "biuf":
        return []
    return [_number(np.nanmin(flat)), _number(np.nanmax(flat))] if not _is_nan(flat).all() else []


def _is_nan(values: np.ndarray) -> np.ndarray:
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)


def _number(value: Any) -> Any:
    """A NumPy scalar as JSON has it; infinities and NaN, which JSON has not, as text."""
    value = value.item() if isinstance(value, np.generic) else value
    return value if not isinstance(value, float) or np.isfinite(value) else str(value)


def _jsonable(value: Any, name: str, arrays: Arrays) -> Any:
    """A plan as JSON: frozen dataclasses become objects, arrays go to `arrays` under their path and are referred to."""
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {"array": name, "dtype": str(value.dtype), "shape": list(value.shape)}
    if isinstance(value, Axis) or dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__, **{k: _jsonable(v, f"{name}/{k}", arrays) for k, v in fields.items()}}
    if isinstance(value, enum.Enum):
        return value.name
    if value is None or isinstance(value, bool | int | float | str | np.generic):
        return _number(value)
    if isinstance(value, list | tuple):
        return [_jsonable(v, f"{name}/{i}", arrays) for i, v in enumerate(value)]
    if isinstance(value, dict):
        return {str(k): _jsonable(v, f"{name}/{k}", arrays) for k, v in value.items()}
    if isinstance(value, slice):
        return [value.start, value.stop, value.step]
    if isinstance(value, np.dtype):
        return str(value)
    return getattr(value, "__name__", type(value).__name__)
