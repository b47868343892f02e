"""Explanations as a user gets them: printed steps that follow from printed steps, other runtimes beside, clear errors."""

from __future__ import annotations

import json

import numpy as np
import pytest
from recompute import recompute
from test_cli import call

import qref
from qref.compare.explain import explain
from qref.compare.explain_text import FIRST_ROWS, LAST_ROWS, TapTable, markdown, parts
from qref.compare.formula import latex
from qref.inputs import inputs_of, start
from qref.models import FOLDER
from qref.runtimes import RUNTIMES
from qref.schema import GraphBuilder, TensorType


def test_the_explained_element_is_the_one_that_the_interpreter_computes_and_other_runtimes_stand_beside():
    model = qref.load(qref.bundled("digits_cnn_int8"))
    inputs = inputs_of(model, [], 0)
    explained = explain(model, 3, (0, 1, 2, 5), inputs)
    interpreter = qref.Interpreter(model_content=model)
    start(interpreter, inputs)
    interpreter.invoke()
    output = model.subgraphs[0].operators[3].outputs[0]
    assert explained.value == interpreter.get_tensor(output)[0, 1, 2, 5]
    assert set(explained.others) == set(RUNTIMES) - {"litert-reference"}
    scale, zero_point = interpreter.get_tensor_details()[output]["quantization"]
    assert explained.real == scale * (explained.value - zero_point)


def test_an_optional_input_that_the_file_leaves_away():
    graph = GraphBuilder()
    x = graph.input("x", TensorType.INT8, (1, 4), scale=0.1)
    w = graph.constant("w", np.ones((2, 4), np.int8), scale=[0.5, 0.25], quantized_dimension=0)
    y = graph.tensor("y", TensorType.INT8, (1, 2), scale=0.2)
    graph.operator("FULLY_CONNECTED", [x, w], [y], ("FullyConnectedOptions", {}), version=4)
    explained = explain(graph.model(outputs=[y]), 0, (0, 1), {x: np.int8([[4, 4, 4, 4]])})
    assert explained.value == 2  # 16 taps' worth of 0.1 * 0.25 are 0.4, two LSB of 0.2


def test_a_further_output_of_an_operator_that_moves_data():
    graph = GraphBuilder()
    x = graph.input("x", TensorType.INT8, (1, 4), scale=0.1)
    axis = graph.constant("axis", np.int32(1))
    pieces = [graph.tensor(f"y{i}", TensorType.INT8, (1, 2), scale=0.1) for i in range(2)]
    graph.operator("SPLIT", [axis, x], pieces, ("SplitOptions", {"num_splits": 2}), version=2)
    model, inputs = graph.model(outputs=pieces), {x: np.int8([[1, 2, 3, 4]])}
    assert explain(model, 0, (0, 1), inputs, result=1).value == 4
    with pytest.raises(qref.InputError, match="has no output 2; it has 2"):
        explain(model, 0, (0, 1), inputs, result=2)


def test_a_negative_index_counts_from_the_end():
    model = qref.load(qref.bundled("digits_cnn_int8"))
    assert explain(model, 3, (0, -1, -1, -1), inputs_of(model, [], 0)).element == (0, 3, 3, 15)


NAMES = sorted(path.stem for path in FOLDER.glob("*.tflite"))
NOT_IN_TFLM = ("digits_cnn_drq", "digits_cnn_f16")  # TFLM has no weights of other types than the activations


@pytest.mark.parametrize("runtime", ["tflm", "tflm-single-rounding"])
@pytest.mark.parametrize("name", NOT_IN_TFLM)
def test_tflm_has_no_weights_of_other_types_than_the_activations(name, runtime):
    model = qref.load(qref.bundled(name))
    with pytest.raises(qref.UnsupportedOperator, match=f"the runtime {runtime} has"):
        qref.Interpreter(model_content=model, runtime=runtime).allocate_tensors()


@pytest.mark.parametrize(
    ("name", "runtime"), [(n, r) for n in NAMES for r in RUNTIMES if not (r.startswith("tflm") and n in NOT_IN_TFLM)]
)
def test_every_operator_of_the_bundled_models_is_explained_and_every_printed_number_follows(name, runtime):
    model = qref.load(qref.bundled(name))
    inputs = inputs_of(model, [], 1)
    interpreter = qref.Interpreter(model_content=model, runtime=runtime)
    start(interpreter, inputs)
    interpreter.invoke()
    rng = np.random.default_rng(0)
    for operator in model.subgraphs[0].operators:
        y = interpreter.get_tensor(operator.outputs[0])
        element = tuple(int(rng.integers(0, n)) for n in y.shape)
        explained = explain(model, operator.index, element, inputs, runtime)
        assert explained.value == y[element], operator.name
        recompute(json.loads(json.dumps(explained.to_dict()))["steps"])


def test_the_command_prints_json_whose_every_step_can_be_computed_again(tmp_path):
    model = qref.bundled("digits_cnn_int8")
    done = call("explain", model, "--op", 3, "--at", "0,1,2,5", "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert recompute(printed["steps"]) > 5
    assert printed["steps"][-1]["name"] == "y"
    text = call("explain", model, "--op", 3, "--at", "0,1,2,5").stdout
    assert "operator 3 (CONV_2D), is " in text
    assert f"{printed['steps'][-1]['value']}" in text
    assert "0x" in text
    assert "..." in text
    written = call("explain", model, "--op", 3, "--at", "0,1,2,5", "--markdown", "-o", tmp_path / "steps.md")
    assert written.returncode == 0
    assert r"\left\lfloor\frac{" in (tmp_path / "steps.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--op", 99, "--at", "0"), "there is no operator 99; the model has operators 0 to 8"),
        (("--op", 3, "--at", "0,9,0,0"), "element [0, 9, 0, 0] is outside of tensor 15"),
        (("--op", 3, "--at", "0,1"), "whose shape is [1, 4, 4, 16]"),
        (("--op", 3, "--at", "one"), "--at is 'one'; expected integers with commas between them"),
        (("--op", 3, "--at", "0,0,0,0", "--runtime", "none"), "unknown runtime 'none'"),
        (("--op", 3, "--at", "0,0,0,0", "--input", "missing.npy"), "cannot read missing.npy"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    done = call("explain", qref.bundled("digits_cnn_int8"), *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert not done.stdout


def test_long_lists_of_taps_are_folded_and_short_ones_are_not():
    model = qref.load(qref.bundled("digits_cnn_int8"))
    (long,) = [p for p in parts(explain(model, 3, (0, 0, 0, 0), inputs_of(model, [], 0)).steps) if isinstance(p, TapTable)]
    assert len(long.rows()) == FIRST_ROWS + 1 + LAST_ROWS
    assert long.rows()[FIRST_ROWS][0] == "..."
    (short,) = [p for p in parts(explain(model, 2, (0, 0, 0, 0), inputs_of(model, [], 0)).steps) if isinstance(p, TapTable)]
    assert [row[0] for row in short.rows()] == ["0", "1", "2", "3"]


def test_markdown_holds_a_formula_for_every_derived_step():
    model = qref.load(qref.bundled("digits_cnn_int8"))
    explained = explain(model, 3, (0, 0, 0, 0), inputs_of(model, [], 0))
    document = markdown(explained)
    assert all(f"${latex(step.formula)}$" in document for step in explained.steps if step.formula)
    assert "| litert-optimized |" in document


@pytest.mark.parametrize(
    ("formula", "tex"),
    [
        ("(x + input_offset) * w", r"\left(\mathit{x} + \mathit{input\_offset}\right) \cdot \mathit{w}"),
        ("a - (b - c)", r"\mathit{a} - \left(\mathit{b} - \mathit{c}\right)"),
        ("q / 2**6", r"\frac{\mathit{q}}{2^{6}}"),
        ("-a * b", r"\left(-\mathit{a}\right) \cdot \mathit{b}"),
        ("wrap(acc * 2**0, 32)", r"\operatorname{wrap}\left(\mathit{acc} \cdot 2^{0}, 32\right)"),
        ("a if a < b else 0", r"\begin{cases}\mathit{a} & \mathit{a} < \mathit{b}\\0 & \text{else}\end{cases}"),
    ],
)
def test_formulas_as_latex(formula, tex):
    assert latex(formula) == tex
