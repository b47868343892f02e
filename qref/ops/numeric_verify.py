"""NumericVerify: how far a quantized tensor is from what the float network computes, in models of the quantization debugger.

Layout   x [...], reference [...] -> y [...]
Types    x int8, uint8, int16, float16; reference and y float32
Scales   y = dequantize(x) - reference, x as in DEQUANTIZE
Options  log_if_failed with a tolerance of 0.1 or more: LiteRT stops where |y| exceeds tolerance * scale(x), and so does qref
Source   LiteRT, numeric_verify.cc; facts verified in tests/ops/test_numeric_verify.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from flatbuffers import flexbuffers

from qref.arithmetic.explanation import Explanation
from qref.errors import InputError
from qref.schema.enums import TensorType

from . import dequantize
from .node import Node, Prepared

TYPES = (TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.FLOAT16)
LEAST_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class NumericVerifyPlan:
    """How x is dequantized, and how far it may be from the reference."""

    dequantize: Prepared
    limit: np.float32 | None  # real units; None: no limit
    name: str  # of the operator, for messages


def prepare(node: Node) -> Prepared:
    """Check the operands and options and derive the plan."""
    return prepare_after(node, dequantize.prepare)


def prepare_after(node: Node, prepare_dequantize: Callable[[Node], Prepared]) -> Prepared:
    """The plan with the DEQUANTIZE of some kernel set."""
    node.expect(len(node.inputs) == 2, f"expected 2 inputs, found {len(node.inputs)}")
    x, reference = node.input(0), node.input(1)
    node.expect_type(x, *TYPES)
    node.expect_type(reference, TensorType.FLOAT32)
    node.expect(
        x.shape == reference.shape, f"{x} and {reference} have shapes {list(x.shape)} and {list(reference.shape)}; expected equal"
    )
    tolerance, stops = _read_options(node)
    prepared, limit = prepare_dequantize(replace(node, inputs=(x,))), None
    if stops and tolerance >= LEAST_TOLERANCE:
        limit = tolerance * x.scale if x.quantization is not None else np.float32(0)
    return Prepared(numeric_verify, NumericVerifyPlan(prepared, limit, str(node)), explain)


def _read_options(node: Node) -> tuple[np.float32, bool]:
    try:
        options = flexbuffers.GetRoot(node.operator.custom_options).AsMap
        return np.float32(options["tolerance"].AsFloat), bool(options["log_if_failed"].AsBool)
    except Exception:  # whatever the reader trips over in damaged bytes
        node.fail("the custom options are not a flexbuffer map with tolerance and log_if_failed")


@np.errstate(all="ignore")
def numeric_verify(x: np.ndarray, reference: np.ndarray, plan: NumericVerifyPlan) -> np.ndarray:
    """Return y = dequantize(x) - reference; InputError where it exceeds the limit."""
    y = np.asarray(plan.dequantize.reference(x, plan.dequantize.plan) - reference)
    if plan.limit is not None and (np.abs(y) > plan.limit).any():
        worst = np.abs(y).max()
        raise InputError(
            f"{plan.name}: the quantized tensor is up to {worst} from its float reference; expected at most {plan.limit}: "
            "without log_if_failed, differences are only shown"
        )
    return y


def explain(x: np.ndarray, reference: np.ndarray, plan: NumericVerifyPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    assert plan.dequantize.explain is not None
    steps = plan.dequantize.explain(x, plan.dequantize.plan, element)
    e = Explanation(replace(step, name="dequantized") if step.name == "y" else step for step in steps)
    e.given("reference", reference[element].item(), "what the float network computes")
    e.derive("y", "float32(dequantized - reference)", "how far it is from that")
    return e
