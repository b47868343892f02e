"""Other rounding rules: what a requantization would give by each rule of any runtime, and by what devices make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

import numpy as np

from qref.arithmetic import requantize as rules
from qref.arithmetic.fixed_point import round_half_away
from qref.compare.case import Case, Hypotheses, matmul_operands
from qref.ops import Node
from qref.ops._elementwise import Scaling
from qref.ops._matmul import IntegerPlan, requantize_accumulator

Rounder = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class FloatProduct:
    """acc * effective_scale in floating point, brought to an integer by `to_integer`."""

    effective_scale: np.ndarray
    to_integer: Callable[[np.ndarray], np.ndarray]

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """to_integer(acc * effective_scale), within 2^30 either way."""
        product = np.asarray(acc).astype(self.effective_scale.dtype) * self.effective_scale
        return self.to_integer(np.clip(product, -(2.0**30), 2.0**30)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class FixedPointFloor:
    """The product with a multiplier of 31 bits shifted to the right, nothing rounded."""

    rule: rules.SingleRounding

    def __call__(self, acc: np.ndarray) -> np.ndarray:
        """floor(acc M / 2^(31 - s))."""
        return (np.asarray(acc, np.int64) * self.rule.quantized_multiplier) >> (31 - self.rule.shift)


@dataclass(frozen=True, slots=True)
class Rounding:
    """A rounding rule by its name; `of` makes it for effective scales, float64 [channels] or [1]."""

    name: str
    of: Callable[[Any], Rounder]


def _float(dtype: type, to_integer: Callable[[np.ndarray], np.ndarray]) -> Callable[[Any], Rounder]:
    return lambda scale: FloatProduct(np.atleast_1d(np.asarray(scale, dtype)), to_integer)


ROUNDINGS = (
    Rounding("half-up rounding (both roundings ties up)", rules.HalfUp.of),
    Rounding("double rounding (ties up, then away from zero)", rules.DoubleRounding.of),
    Rounding("float32 requantization, ties to even", rules.Float32HalfEven.of),
    Rounding("float64 requantization, ties away from zero", rules.Float64HalfAway.of),
    Rounding("single rounding (31-bit multiplier, ties up)", rules.SingleRounding.of),
    Rounding("half-up rounding in blocks of 8 channels, double rounding in the others", rules.HalfUpBlocks.of),
    Rounding("half-up rounding in blocks of 16 elements, double rounding in the others", rules.HalfUpFlatBlocks.of),
    Rounding("a multiplier of 15 bits, ties up", rules.SingleRounding64.of),
    Rounding("a multiplier of 8 bits, ties up", rules.SingleRounding8.of),
    Rounding("float32 requantization, ties away from zero", _float(np.float32, round_half_away)),
    Rounding("float64 requantization, ties to even", _float(np.float64, np.rint)),
    Rounding("no rounding: the fixed-point product rounded down", lambda scale: FixedPointFloor(rules.SingleRounding.of(scale))),
    Rounding("no rounding: the float32 product rounded down", _float(np.float32, np.floor)),
    Rounding("no rounding: the float32 product cut towards zero", _float(np.float32, np.trunc)),
)


@dataclass(frozen=True, slots=True)
class _Rules:
    """The reference's kernels with one rounding rule for all; `asked` collects the operators that asked for it."""

    rounding: Rounding
    asked: list[str] = field(default_factory=list)
    name: str = "one rule"
    kernel_sets: tuple[str, ...] = ("reference",)

    def requantize(self, operator: str, acc_bits: int) -> Rounding:
        self.asked.append(operator)
        return self.rounding

    def expect_registered(self, node: Node) -> None:
        """It has every operator."""

    def expect_declared(self, node: Node) -> None:
        """It infers all shapes."""


def roundings(case: Case) -> Hypotheses:
    """Every rounding rule, applied to whatever the operator requantizes."""
    if has_accumulator(case):
        acc = case.prepared.accumulate(*case.inputs, case.plan)  # type: ignore[misc]
        for words, scale in effective_scales(case):
            channels = np.broadcast_to(scale, acc.shape[-1])
            for rounding in ROUNDINGS:
                yield (
                    rounding.name + words,
                    lambda r=rounding, s=channels: requantize_accumulator(acc, replace(case.plan, requantize=r.of(s))),
                )
    elif _asks_its_runtime(case):
        for rounding in ROUNDINGS:
            yield rounding.name, lambda r=rounding: case.under(_Rules(r)).evaluate()
    else:
        for name, constants in _fixed_points(case.plan):
            for rounding in ROUNDINGS:
                yield rounding.name, lambda n=name, c=constants, r=rounding: case.with_plan(**{n: _of_constants(r, c)})


def has_accumulator(case: Case) -> bool:
    """Whether it is an integer form of the matmul family, whose accumulators can be had before they are rounded."""
    return case.prepared.accumulate is not None and isinstance(case.plan, IntegerPlan)


def _asks_its_runtime(case: Case) -> bool:
    rules = _Rules(ROUNDINGS[0])
    try:
        case.under(rules)
    except TypeError:  # it asked for a class of multiplier and shift, which it fills in itself
        return False
    return bool(rules.asked)


def effective_scales(case: Case) -> list[tuple[str, np.ndarray]]:
    """s_x * s_w / s_y of a matmul as kernels form it: in float64, or with the first or all steps in float32."""
    x, w = (case.node.input(position) for position in matmul_operands(case))
    s_x, s_w, s_y = x.scale, w.scales, case.node.output().scale
    with np.errstate(all="ignore"):
        forms = (
            ("", np.float64(s_x) * s_w.astype(np.float64) / np.float64(s_y)),
            (", s_x * s_w in float32", (s_x * s_w).astype(np.float64) / np.float64(s_y)),
            (", s_x * s_w / s_y in float32", (s_x * s_w / s_y).astype(np.float64)),
        )
    return list(forms)


def _fixed_points(plan: Any) -> list[tuple[str, Any]]:
    """The fields of a plan that are a multiplier and a shift without an offset, and their values."""
    if not is_dataclass(plan):
        return []
    found = [(f.name, getattr(plan, f.name)) for f in fields(plan)]
    plain = [(name, v) for name, v in found if isinstance(v, Scaling) and not (v.input_offset or v.left_shift) and v.shift <= 0]
    return plain + [(name, v) for name, v in found if isinstance(v, rules.DoubleRounding | rules.HalfUp)]


def _of_constants(rounding: Rounding, constants: Any) -> Rounder:
    """The rule with the same constants where it takes such, else for the real factor that they stand for."""
    multiplier, shift = np.atleast_1d(constants.quantized_multiplier), np.atleast_1d(constants.shift)
    for rule in (rules.HalfUp, rules.DoubleRounding, rules.SingleRounding):
        if rounding.of == rule.of:
            return rule(multiplier, shift)
    return rounding.of(multiplier * 2.0 ** (shift - 31))
