"""What `qref runtimes` says of each runtime is what its operators are prepared with."""

from __future__ import annotations

import json
import pathlib

import pytest
from conformance.compare import case_of
from conformance.families import combinations_of
from conformance.inexact import reason_of_mismatches
from conformance.refused import reason_of_refusal
from test_cli import call

import qref
import qref.ops
from qref.arithmetic.requantize import Requantize
from qref.execution import Execution
from qref.ops import CUSTOM_OPERATORS
from qref.ops.session import Session
from qref.runtimes import RUNTIMES
from qref.runtimes.evidence import evidence

FOLDER = pathlib.Path(qref.ops.__file__).parent
FILES = {"litert-reference": "", "litert-optimized": "optimized", "xnnpack": "xnnpack", "tflm": "tflm"}
CUSTOM = {file.upper(): name for name, file in CUSTOM_OPERATORS.items()}


@pytest.mark.parametrize("name", FILES)
def test_every_operator_file_of_a_runtime_has_a_rule_of_that_runtime(name):
    files = {path.stem.rstrip("_").upper() for path in (FOLDER / FILES[name]).glob("[a-z]*.py")} - {"NODE", "SESSION"}
    named = {operator for rule in RUNTIMES[name].rules for operator in rule.operators}
    assert {CUSTOM.get(file, file) for file in files} <= named


def test_every_recorded_row_has_a_rule_and_only_known_ones_differ():
    for (operator, types, name), row in evidence().items():
        assert RUNTIMES[name].rule_of(operator, types) is not None, (operator, types, name)
        assert row.refused or row.cases >= 200
        assert not row.mismatches or reason_of_mismatches(operator, types, name), row


def said(name: str, operator: str, types: str) -> str:
    """The text of a rule, and of those of other runtimes to which it refers."""
    found = RUNTIMES[name].rule_of(operator, types)
    assert found is not None
    text = found[0].text
    others = [other for other in RUNTIMES if other != name and f"as {other}" in text]
    return " ".join([text, *(said(other, operator, types) for other in others)])


@pytest.mark.parametrize("name", [*FILES, "tflm-single-rounding"])
def test_the_rounding_that_a_rule_names_is_the_one_in_the_plan(name):
    checked, family = 0, name.removesuffix("-single-rounding")
    for combination in combinations_of(family):
        if reason_of_refusal(combination.operator, combination.types, name):
            continue
        for seed in range(3):
            model, _ = case_of(combination, seed, family)
            execution = Execution(model, model.subgraphs[0], Session(RUNTIMES[name], subgraphs=model.subgraphs), "numpy")
            try:
                execution.allocate()
            except qref.ModelError:
                assert family == "tflm"  # the others have every combination
                continue
            prepared = execution.steps[-1].prepared
            rounding: Requantize | None = getattr(prepared.plan, "requantize", None) if prepared is not None else None
            if rounding is not None:
                expected = rounding.name.removesuffix("_blocks").removesuffix("_flat")
                text = said(name, combination.operator, combination.types)
                assert expected in text, (combination.operator, combination.types, name, rounding.name, text)
                checked += 1
    assert checked > 50


def test_the_command_prints_rules_and_counts():
    rows = json.loads(call("runtimes", "--op", "conv_2d", "--json").stdout)
    int8 = next(row for row in rows if row["types"] == "int8")["runtimes"]
    assert "double_rounding" in int8["litert-reference"]["rule"]
    assert int8["litert-optimized"]["as"] == "litert-optimized"
    assert int8["xnnpack"]["mismatches"] == 0 < int8["xnnpack"]["elements"]
    counts = call("runtimes", "--op", "CONV_2D", "--counts", "--markdown").stdout
    assert f"| {int8['xnnpack']['models']} / {int8['xnnpack']['elements']:,} / 0 |" in counts
    wrong = call("runtimes", "--op", "NONE")
    assert wrong.returncode == 2
    assert "no operator 'NONE' was compared" in wrong.stderr
