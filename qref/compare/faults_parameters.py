"""What goes wrong with a model's parameters: zero points, scales, limits and options that are ignored or taken for others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from qref.arithmetic.activation import activation_range
from qref.arithmetic.fixed_point import INT32_MAX, INT32_MIN, round_half_away
from qref.arithmetic.requantize import HalfUpBlocks, HalfUpFlatBlocks
from qref.compare.case import Case, Hypotheses, matmul_operands, requantized, role
from qref.compare.faults_rounding import has_accumulator
from qref.ops import Operand
from qref.ops._elementwise import Scaling

FLIPPED = ("align_corners", "half_pixel_centers")  # options of the resizing operators


def zero_points(case: Case) -> Hypotheses:
    """Zero points of inputs, weights and outputs taken for 0, and padding with them."""
    for position, operand in enumerate(case.node.inputs):
        if operand is not None and _has_zero_point(operand):
            yield f"the zero point of {role(case, position)} missing", lambda p=position: _input_without(case, p)
    for name in ("output_offset", "output_zero_point"):
        if getattr(case.plan, name, 0):
            yield "the zero point of the output missing", lambda n=name: case.with_plan(**{n: 0})
    if case.node.outputs and _has_zero_point(case.node.outputs[0]):
        words = "the zero point of the output missing, in the limits of the clamp too"
        yield words, lambda: case.anew(outputs=tuple(_without_zero_point(o) for o in case.node.outputs)).evaluate()


def _has_zero_point(operand: Operand) -> bool:
    return operand.quantization is not None and bool(operand.zero_points.any())


def _without_zero_point(operand: Operand) -> Operand:
    return requantized(operand, zero_point=np.zeros_like(operand.zero_points)) if _has_zero_point(operand) else operand


def _input_without(case: Case, position: int) -> Any:
    inputs = tuple(_without_zero_point(o) if i == position else o for i, o in enumerate(case.node.inputs))  # type: ignore[arg-type]
    return case.anew(inputs=inputs).evaluate()


def clamps(case: Case) -> Hypotheses:
    """The fused activation function left away, and values that wrap where they should saturate."""
    options = case.node.options
    if options.get("fused_activation_function", 0):
        changed = replace(options, values={**options.values, "fused_activation_function": 0})
        yield "the activation's clamp missing", lambda: case.anew(operator=_with_options(case, changed)).evaluate()
    if hasattr(case.plan, "output_activation_min"):
        wide = {"output_activation_min": INT32_MIN, "output_activation_max": INT32_MAX}
        yield "saturation missing: the output wraps", lambda: case.with_plan(**wide)


def options(case: Case) -> Hypotheses:
    """Options that are ignored."""
    values = case.node.options.values
    if values.get("beta", 1.0) != 1.0:
        yield "beta taken for 1", lambda: _with_option(case, "beta", 1.0)
    for name in FLIPPED:
        if name in values:
            yield f"{name} taken for {not values[name]}", lambda n=name: _with_option(case, n, not values[n])


def _with_option(case: Case, name: str, value: Any) -> Any:
    changed = replace(case.node.options, values={**case.node.options.values, name: value})
    return case.anew(operator=_with_options(case, changed)).evaluate()


def _with_options(case: Case, changed: Any) -> Any:
    operator = case.node.operator
    return replace(operator, **{"options" if operator.options.values else "options_2": changed})


def scales(case: Case) -> Hypotheses:
    """Multipliers off by a power of two, one scale for all channels, and the scales of two operands swapped."""
    for field in fields(case.plan) if is_dataclass(case.plan) else ():
        value = getattr(case.plan, field.name)
        if not _can_shift(value):
            continue
        of = "" if field.name == "requantize" else f" of {field.name}"
        for by, words in ((1, "to the left"), (-1, "to the right")):
            yield f"the shift{of} off by one {words}", lambda n=field.name, v=value, s=by: case.with_plan(**{n: _shifted(v, s)})
    if has_accumulator(case):
        position = matmul_operands(case)[1]
        s_w = case.node.input(position).scales
        if s_w.size > 1:
            for words, one in (("first", s_w[0]), ("greatest", s_w.max())):
                yield (
                    f"per-tensor weights: the {words} channel's scale for all",
                    lambda s=one: _with_scales(case, {position: np.full_like(s_w, s)}),
                )
    quantized = [i for i, o in enumerate(case.node.inputs) if o is not None and o.quantization is not None and o.scales.size == 1]
    if len(quantized) == len(case.node.inputs) == 2:
        s_1, s_2 = (case.node.input(i).scales for i in quantized)
        yield "the scales of the two operands swapped", lambda: _with_scales(case, {0: s_2, 1: s_1})


def _with_scales(case: Case, new: dict[int, np.ndarray]) -> Any:
    inputs = tuple(requantized(o, scale=new[i]) if i in new else o for i, o in enumerate(case.node.inputs))  # type: ignore[arg-type]
    return case.anew(inputs=inputs).evaluate()


def _can_shift(value: Any) -> bool:
    return (
        isinstance(value, HalfUpBlocks | HalfUpFlatBlocks | Scaling)
        or hasattr(value, "effective_scale")
        or hasattr(value, "shift")
    )


def _shifted(rule: Any, by: int) -> Any:
    """The rule or scaling with its factor times 2^by."""
    if isinstance(rule, HalfUpBlocks | HalfUpFlatBlocks):
        return replace(rule, half_up=_shifted(rule.half_up, by), double_rounding=_shifted(rule.double_rounding, by))
    if hasattr(rule, "effective_scale"):
        return replace(rule, effective_scale=rule.effective_scale * rule.effective_scale.dtype.type(2.0**by))
    return replace(rule, shift=rule.shift + by)


REAL: dict[str, Callable[..., Any]] = {
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "LOGISTIC": lambda x: 1 / (1 + np.exp(-x)),
    "TANH": np.tanh,
}


def real_numbers(case: Case) -> Hypotheses:
    """The operator on real numbers in float64, rounded once to the output's integers."""
    name, y = case.node.operator.name, case.node.outputs[0]
    single = [o for o in (*case.node.inputs, y) if o is not None and o.quantization is not None and o.scales.size == 1]
    if name not in (*REAL, "SOFTMAX") or len(single) != len(case.node.inputs) + 1:
        return

    def result() -> np.ndarray:
        reals: list[Any] = [
            (q.astype(np.float64) - o.zero_point) * float(o.scale)  # type: ignore[union-attr]
            for q, o in zip(case.inputs, case.node.inputs)
        ]
        real = REAL[name](*reals) if name in REAL else _softmax(reals[0], float(case.node.options.get("beta", 1.0)))
        low, high = activation_range(
            case.node.activation if name in ("ADD", "SUB", "MUL") else "NONE", y.dtype, float(y.scale), y.zero_point
        )
        return np.clip(round_half_away(real / np.float64(y.scale)) + y.zero_point, low, high).astype(y.dtype)

    yield "real numbers (float64), rounded once", result


def _softmax(x: np.ndarray, beta: float) -> np.ndarray:
    e = np.exp(beta * (x - x.max(axis=-1, keepdims=True)))
    return e / e.sum(axis=-1, keepdims=True)
