"""Every operator that TFLM takes is explained in both of its runtimes, on drawn models: by the rule of that runtime."""

from __future__ import annotations

import pytest
from conformance.compare import case_of
from conformance.families import Combination, combinations_of
from explanations import check_explanation, some_elements

import qref
from qref.runtimes.evidence import evidence

# Control flow and variables move data, and shapes are known before a graph runs: there is nothing to explain.
PLAIN = ("ASSIGN_VARIABLE", "BROADCAST_ARGS", "CALL_ONCE", "READ_VARIABLE", "SHAPE", "VAR_HANDLE", "WHILE")
TAKEN = {(e.operator, e.types) for e in evidence().values() if e.runtime == "tflm" and not e.refused}
NOT_IN_SINGLE_ROUNDING = ("DIV", "int8")  # refused, see test_tflm_single_rounding.py
COMBINATIONS = [c for c in combinations_of("tflm") if (c.operator, c.types) in TAKEN and c.operator not in PLAIN]


def prepared_with_inputs(combination: Combination, seed: int, runtime: str):
    """The operator of a drawn model as a runtime prepares it, and its inputs; None where the runtime refuses the model."""
    model, rounds = case_of(combination, seed, "tflm")
    interpreter = qref.Interpreter(model_content=model, runtime=runtime, kernels="numpy")
    try:
        interpreter.allocate_tensors()
    except qref.ModelError:
        return None
    graph = model.subgraphs[0]
    for position, array in rounds[0].items():
        interpreter.set_tensor(graph.inputs[position], array)
    values = [None if index < 0 else interpreter.get_tensor(index) for index in graph.operators[0].inputs]
    node, prepared = interpreter.prepare_operator(0, values)
    return prepared, node.arguments(values)


PAIRS = [
    pytest.param(c, runtime, id=f"{c.operator}-{c.types}-{runtime}")
    for c in COMBINATIONS
    for runtime in ("tflm", "tflm-single-rounding")
    if runtime == "tflm" or (c.operator, c.types) != NOT_IN_SINGLE_ROUNDING
]


@pytest.mark.parametrize(("combination", "runtime"), PAIRS)
def test_every_operator_that_tflm_takes_is_explained(combination, runtime):
    for seed in range(40):
        found = prepared_with_inputs(combination, seed, runtime)
        if found is not None:
            prepared, values = found
            y = prepared.reference(*values, prepared.plan)
            y = y[0] if isinstance(y, tuple) else y
            for element in some_elements(y, 1, seed):
                check_explanation(prepared, values, y, element)
            return
    raise AssertionError("qref refuses every drawn model")


def test_an_explanation_follows_the_rule_of_its_runtime():
    differing = 0
    for name in ("LOGISTIC", "RSQRT", "CUMSUM", "L2_NORMALIZATION", "UNIDIRECTIONAL_SEQUENCE_LSTM"):
        combination = next(c for c in COMBINATIONS if (c.operator, c.types) == (name, "int8"))
        steps = []
        for runtime in ("tflm", "tflm-single-rounding"):
            prepared, values = prepared_with_inputs(combination, 3, runtime)
            steps.append([step.formula for step in prepared.explain(*values, prepared.plan, (0,) * values[0].ndim)])
        differing += steps[0] != steps[1]
    assert differing == 5
