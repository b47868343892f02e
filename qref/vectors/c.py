"""Golden vectors as C99: the arrays, a reference kernel for each operator that accumulates, and a main() that compares.

`qref_run_<operator>` is a weak function where there is a reference kernel: a definition of the user's takes its place. For other
operators it is compared where the user defines it.
"""

from __future__ import annotations

import math
import pathlib
from collections.abc import Sequence
from typing import Any

import jinja2
import numpy as np

from .describe import Arrays
from .folder import write_text
from .loader import case_names
from .rules import RULE_NAMES

TEMPLATES = pathlib.Path(__file__).parent / "templates"
FILES = ("qref_vectors.h", "qref_data.c", "qref_kernels.c", "qref_check.c")
FLOATS = {"float32": ("uint32_t", "float"), "float64": ("uint64_t", "double")}  # written as bits, read as numbers
PER_LINE = 16


def environment() -> jinja2.Environment:
    """Where templates are found; an undefined name in one is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["product"] = math.prod
    return environment


def write(folder: pathlib.Path, described: Sequence[tuple[dict[str, Any], Arrays]]) -> None:
    """Write c/; each entry gets "c": whether it has a reference kernel, only arrays, or why it has none."""
    operators = []
    for entry, arrays in described:
        reason = _why_not(entry, arrays)
        known = "accumulation" in entry or "form" in entry
        entry["c"] = reason or ("reference kernel" if known else "arrays, compared with qref_run_ if defined")
        if reason is None:
            operators.append(_operator(entry, arrays))
    templates = environment()
    used = sorted({helper for operator in operators if operator["kernel"] for helper in operator["kernel"]["helpers"]})
    for name in FILES:
        write_text(folder / "c" / name, templates.get_template(f"{name}.j2").render(operators=operators, used=used))


def _why_not(entry: dict[str, Any], arrays: Arrays) -> str | None:
    cases = case_names(entry)
    for name, array in arrays.items():
        if name.startswith(("unit/", "layer/", "constant/")) and array.dtype.kind not in "biuf":
            return f"left away: {array.dtype} has no type in C99"
    shapes = [{n[len(c) :]: a.shape for n, a in arrays.items() if n.startswith(f"{c}/")} for c in cases]
    return None if all(s == shapes[0] for s in shapes) else "left away: shapes differ from case to case"


def _operator(entry: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    """What the templates know of an operator."""
    name, cases = entry["id"], case_names(entry)
    operands = {
        kind: [
            _array(f"{kind}{key.rsplit('/', 1)[1]}", array)
            for key, array in arrays.items()
            if key.startswith(f"{cases[0]}/{kind}/")
        ]
        for kind in ("input", "output")
    }
    data = [_array(f"{name}_{key.replace('/', '_')}", a) for key, a in arrays.items() if key.startswith("constant/")]
    for case in cases:
        for key, array in arrays.items():
            if key.startswith((f"{case}/input/", f"{case}/output/")):
                data.append(_array(f"{name}_{key.replace('/', '_')}", array))
    operator = {"id": name, "name": entry["name"], "cases": [c.replace("/", "_") for c in cases], "data": data, **operands}
    operator["prototype"] = f"void qref_run_{name}({_parameters(operator)})"
    operator["kernel"] = _kernel(entry, arrays) if "accumulation" in entry else _form(entry, arrays) if "form" in entry else None
    return operator


def _parameters(operator: dict[str, Any]) -> str:
    inputs = [f"const {a['type']} *{a['name']}" for a in operator["input"]]
    return ", ".join(inputs + [f"{a['type']} *{a['name']}" for a in operator["output"]])


def _array(name: str, array: np.ndarray) -> dict[str, Any]:
    """An array in C: its name, its type, and the type and literals that its initializer is written in."""
    if str(array.dtype) in FLOATS:
        bits, type = FLOATS[str(array.dtype)]
    else:
        type = bits = (
            "uint8_t" if array.dtype.kind == "b" else f"{'u' if array.dtype.kind in 'uf' else ''}int{8 * array.itemsize}_t"
        )
    values = np.ascontiguousarray(array).reshape(-1).view(np.dtype(bits.removesuffix("_t")))
    return {
        "name": name,
        "type": type,
        "bits": bits,
        "is_float": type != bits,
        "size": array.size,
        "count": max(1, array.size),
        "shape": list(array.shape),
        "literals": literals(values),
        "format": "u" if array.dtype.kind in "bu" else "i" if array.dtype.kind == "i" else "x",
    }


def literals(values: np.ndarray) -> str:
    """Integers as C99 literals, several on a line; the least int32 and int64, which have none, as differences."""
    suffix = {"int64": "LL", "uint64": "ULL", "uint32": "U"}.get(str(values.dtype), "")
    texts = [f"{v}{suffix}" for v in values.tolist()] or ["0"]
    if values.dtype.kind == "i" and values.dtype.itemsize >= 4:
        least = int(np.iinfo(values.dtype).min)
        texts = [f"({least + 1}{suffix} - 1)" if t == f"{least}{suffix}" else t for t in texts]
    lines = [", ".join(texts[i : i + PER_LINE]) for i in range(0, len(texts), PER_LINE)]
    return ",\n    ".join(lines)


def _kernel(entry: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    """What the template of a kernel needs: shapes, offsets, geometry, constants by channel."""
    fields = entry["accumulation"]
    operands = {role: _argument(entry, arrays, position) for role, position in fields["operands"].items()}
    shapes = {role: shape for role, (_, shape) in operands.items()}
    rules = [RULE_NAMES[i] for i in arrays["requantize/rule"]]
    multiplier, shift = arrays["requantize/multiplier"], arrays["requantize/shift"]
    kernel = {
        **fields,
        "template": f"{entry['name'].lower()}.c.j2",
        **{f"{role}_name": name for role, (name, _) in operands.items()},
        **{f"{role}_shape": shape for role, shape in shapes.items()},
        "output_name": "output0",
        "channels": len(rules),
        "rule_names": sorted(set(rules)),
        "helpers": ["clamp", *rules],
        "in_blocks": rules.count("half_up"),
        "multipliers": literals(multiplier.astype(np.int32)) if "float" not in rules[0] else "",
        "shifts": literals(shift.astype(np.int32)),
        "scales": ", ".join(math.ldexp(int(m), int(s)).hex() for m, s in zip(multiplier, shift)),
    }
    if entry["name"] == "BATCH_MATMUL":
        kernel |= _batch_offsets(fields["output_shape"], shapes)
    return kernel


def _argument(entry: dict[str, Any], arrays: Arrays, position: int | None) -> tuple[str | None, list[int] | None]:
    """How a kernel names the operand at a position, an argument or a constant, and its shape; None for an absent one."""
    for key, name in (
        (f"{case_names(entry)[0]}/input/{position}", f"input{position}"),
        (f"constant/{position}", f"{entry['id']}_constant_{position}"),
    ):
        if key in arrays:
            return name, list(arrays[key].shape)
    return None, None


def _form(entry: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    """The same for an operator without an accumulator."""
    output_shape = list(arrays[f"{case_names(entry)[0]}/output/0"].shape)
    operands = [_argument(entry, arrays, position) for position in range(len(entry["inputs"]))]
    table = arrays.get("plan/table")
    helpers = {"sum_quantized": ["clamp", "double_rounding"], "max_pool_2d": ["clamp"], "average_pool_2d": ["clamp"]}
    return {
        "template": f"{entry['form']}.c.j2",
        "plan": entry["plan"],
        "helpers": helpers.get(entry["form"], []),
        "rule_names": [],
        "names": [name for name, _ in operands],
        "x_shape": operands[0][1],
        "strides": [
            _strides(shape, output_shape) for _, shape in operands if shape is not None and entry["form"] == "sum_quantized"
        ],
        "output_shape": output_shape,
        "table": "" if table is None else literals(table),
    }


def _strides(shape: list[int], output_shape: list[int]) -> list[int]:
    """How far apart neighbors along each axis of the output lie in an operand that broadcasts to it."""
    own = [1] * (len(output_shape) - len(shape)) + shape
    return [0 if size == 1 else math.prod(own[axis + 1 :]) for axis, size in enumerate(own)]


def _batch_offsets(output_shape: list[int], shapes: dict[str, Any]) -> dict[str, Any]:
    """Where the matrices of each operand begin, batch by batch of the output."""
    batches = output_shape[:-2]
    offsets = {}
    for role in "xw":
        own = shapes[role][:-2]
        numbers = np.arange(math.prod(own)).reshape(own) * math.prod(shapes[role][-2:])
        offsets[f"{role}_offsets"] = literals(np.broadcast_to(numbers, batches).reshape(-1).astype(np.int32))
    return {**offsets, "batches": math.prod(batches)}
