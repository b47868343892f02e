"""The last rounding of an explanation, against fractions computed from its steps."""

from fractions import Fraction

import pytest

import qref
from qref.compare.explain import Explainer
from qref.compare.rounding import rounding_of
from qref.inputs import inputs_of
from qref.runtimes import RUNTIMES
from qref.schema import load

MODEL = load(qref.bundled("digits_cnn_int8"))
REQUANTIZED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_exact_number_is_the_accumulator_times_its_factor(runtime):
    explainer = Explainer(MODEL, inputs_of(MODEL, [], 0), runtime)
    seen = 0
    for operator in (o for o in MODEL.subgraphs[0].operators if o.name in REQUANTIZED):
        shape = explainer.output(operator.index).shape
        for channel in range(shape[-1]):
            explained = explainer.explain(operator.index, (*[n // 2 for n in shape[:-1]], channel))
            values, rounding = {step.name: step.value for step in explained.steps}, rounding_of(explained)
            wanted = Fraction(values["acc"]) * Fraction(values["multiplier"]) + values["output_offset"]
            assert rounding.exact == pytest.approx(float(wanted), abs=1e-4)  # xnnpack multiplies in float32
            assert abs(rounding.before - rounding.rounded) <= 0.5
            assert rounding.value == min(max(rounding.rounded, rounding.least), rounding.most) == explained.value
            seen += 1
    assert seen > 20


def test_two_roundings_are_told_from_one():
    explained = Explainer(MODEL, inputs_of(MODEL, [], 0)).explain(3, (0, 1, 2, 5))
    values, rounding = {step.name: step.value for step in explained.steps}, rounding_of(explained)
    assert rounding.rule == f"ties_away(high, 2**{-values['shift']})"
    assert rounding.before == values["high"] * 2.0 ** values["shift"] + values["output_offset"]
    assert rounding.before != rounding.exact
    assert rounding.to_dict()["rounded"] == values["with_offset"]


def test_other_runtimes_are_named_where_they_give_another_number():
    explainer = Explainer(MODEL, inputs_of(MODEL, [], 0), "xnnpack")
    for operator in MODEL.subgraphs[0].operators:
        output, others = explainer.output(operator.index), explainer.elsewhere(operator.index)
        for name, other in others.items():
            if not isinstance(other, str) and (other != output).any():
                place = tuple(int(axis[0]) for axis in (other != output).nonzero())
                rounding = rounding_of(explainer.explain(operator.index, place))
                assert rounding.others[name] == other[place]
                return
    pytest.fail("the runtimes agree on every element: there is nothing to test")


def test_where_nothing_is_rounded_there_is_none():
    explainer = Explainer(MODEL, inputs_of(MODEL, [], 0))
    reshape = next(o for o in MODEL.subgraphs[0].operators if o.name in ("PAD", "RESHAPE", "MAX_POOL_2D"))
    assert rounding_of(explainer.explain(reshape.index, (0,) * explainer.output(reshape.index).ndim)) is None
