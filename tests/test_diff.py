"""Diff tells an operator's own difference from what it inherited, whatever the two sides are."""

import json
import pathlib
import shlex

import numpy as np
import pytest
from oracle import needs_litert, needs_tflm

import qref
from qref.cli import main
from qref.cli.diff import EXAMPLE
from qref.compare.case import Case
from qref.compare.diff import diff, diff_models
from qref.compare.hypotheses import differing
from qref.inputs import inputs_of, start
from qref.schema import GraphBuilder, TensorType, save

DIGITS = qref.bundled("digits_cnn_int8")
REAL_MODELS = pathlib.Path(__file__).parents[2] / "shared" / "models" / "mlperf_tiny"


def traced(model, runtime="litert-reference", seed=0):
    """An interpreter that has run on drawn inputs, and the tensors that are not constants."""
    interpreter = qref.Interpreter(model_content=model, runtime=runtime)
    start(interpreter, inputs_of(model, (), seed))
    interpreter.invoke()
    graph = model.subgraphs[0]
    return interpreter, {i: interpreter.get_tensor(i) for i in (*graph.inputs, *(t for o in graph.operators for t in o.outputs))}


def dumped(folder, tensors):
    folder.mkdir(exist_ok=True)
    for index, array in tensors.items():
        np.save(folder / f"{index}.npy", array)
    return str(folder)


def spoiled(model, wrong):
    """The tensors of a device whose operator `wrong` adds one to its first element; what follows is right for that."""
    interpreter, tensors = traced(model)
    for operator in model.subgraphs[0].operators[wrong:]:
        arrays = [tensors.get(i, interpreter.get_tensor(i)) for i in operator.inputs]
        results = Case(*interpreter.prepare_operator(operator.index, arrays), arrays).outputs()
        if operator.index == wrong:
            results[0].flat[0] += 1
        tensors |= dict(zip(operator.outputs, results))
    return tensors


@pytest.mark.parametrize("wrong", [0, 3, 8])
def test_only_the_operator_that_is_wrong_differs_by_itself(tmp_path, wrong):
    model = qref.load(DIGITS)
    result = diff(DIGITS, "litert-reference", dumped(tmp_path / "device", spoiled(model, wrong)))
    assert [row.operator for row in result.operators if row.own] == [wrong]
    assert (result.first.operator, result.first.own, result.first.histogram) == (wrong, 1, ((1, 1),))
    assert result.explained == str(tmp_path / "device")
    swapped = diff(DIGITS, str(tmp_path / "device"), "litert-reference")
    assert (swapped.first.operator, swapped.first.histogram) == (wrong, ((-1, 1),))
    assert swapped.explained == str(tmp_path / "device")


def test_equal_sides_do_not_differ():
    result = diff(DIGITS, "litert-reference", "litert-reference", rounds=2)
    assert (result.differs, result.first, result.rounds) == (False, None, 2)
    assert len(result.operators) == 9


def test_what_no_rule_explains_is_said_to_be_unexplained(tmp_path):
    _, tensors = traced(qref.load(DIGITS))
    noise = np.random.default_rng(1).integers(-1, 2, tensors[12].shape)
    tensors[12] = np.clip(tensors[12] + noise, -128, 127).astype(np.int8)
    result = diff(DIGITS, "litert-reference", dumped(tmp_path / "device", tensors))
    assert result.first.operator == 0
    assert result.explanations == ()


@pytest.mark.parametrize("runtime", ["litert-optimized", "xnnpack"])
@pytest.mark.parametrize("name", ["digits_cnn_int8", "digits_cnn_float", "digits_cnn_f16", "digits_cnn_drq"])
def test_the_first_difference_between_runtimes_is_explained(name, runtime):
    result = diff(qref.bundled(name), "litert-reference", runtime, rounds=3)
    assert result.differs
    assert result.explanations
    assert result.explanations[0].vanish == result.first.own


def test_xnnpack_differs_by_its_float32_requantization():
    result = diff(DIGITS, "litert-reference", "xnnpack", rounds=8)
    assert result.explanations[0].name == "float32 requantization, ties to even"


@needs_litert
@pytest.mark.parametrize("name", ["digits_cnn_int8", "digits_cnn_f16", "deepconvlstm_int8"])
@pytest.mark.parametrize(("live", "runtime"), [("litert:reference", "litert-reference"), ("litert:xnnpack", "xnnpack")])
def test_live_litert_equals_its_runtime_in_every_tensor(name, live, runtime):
    result = diff(qref.bundled(name), live, runtime, rounds=2)
    assert (result.differs, result.reason) == (False, "")
    written = {o.index for o in qref.load(qref.bundled(name)).subgraphs[0].operators}
    folded = {o.index for o in qref.load(qref.bundled(name)).subgraphs[0].operators if o.name == "DEQUANTIZE"}
    assert {row.operator for row in result.operators} >= written - folded


@needs_tflm
@pytest.mark.parametrize("name", ["digits_cnn_int8", "digits_cnn_int16", "digits_cnn_float", "deepconvlstm_int8"])
def test_live_tflm_equals_its_runtime_in_every_tensor(name):
    result = diff(qref.bundled(name), "tflm:reference", "tflm", rounds=2)
    assert (result.differs, result.reason) == (False, "")
    assert {row.operator for row in result.operators} == {o.index for o in qref.load(qref.bundled(name)).subgraphs[0].operators}


@needs_tflm
def test_live_tflm_differs_from_litert_as_its_runtime_does():
    live = diff(qref.bundled("deepconvlstm_int8"), "tflm:reference", "litert-reference", rounds=2)
    ours = diff(qref.bundled("deepconvlstm_int8"), "tflm", "litert-reference", rounds=2)
    assert live.operators == ours.operators
    assert live.first is not None


@needs_litert
def test_two_live_kernel_sets_differ_as_their_runtimes_do():
    live = diff(qref.bundled("deepconvlstm_int8"), "litert:optimized", "litert:xnnpack", rounds=2)
    ours = diff(qref.bundled("deepconvlstm_int8"), "litert-optimized", "xnnpack", rounds=2)
    assert live.operators == ours.operators
    assert live.trials == ours.trials
    assert live.first is not None


def test_two_dumps_are_judged_where_their_inputs_agree(tmp_path):
    model = qref.load(DIGITS)
    a, b = dumped(tmp_path / "a", traced(model)[1]), dumped(tmp_path / "b", traced(model, "xnnpack", seed=0)[1])
    result = diff(DIGITS, a, b)
    assert result.first.operator == 0
    assert result.explanations[0].name == "float32 requantization, ties to even"
    assert {row.own for row in result.operators[4:]} == {None}


def test_operators_between_tensors_that_a_dump_lacks_are_judged_together(tmp_path):
    tensors = spoiled(qref.load(DIGITS), 3)
    del tensors[15], tensors[16]
    result = diff(DIGITS, "litert-reference", dumped(tmp_path / "device", tensors))
    assert result.missing == (15, 16)
    assert [row.operator for row in result.operators] == [0, 1, 2, 5, 6, 7, 8]
    assert (result.first.operator, result.first.span, result.first.own) == (5, (3, 4, 5), 1)
    assert result.trials == ()


def test_the_command_names_the_operators_that_cannot_be_told_apart(tmp_path, capsys):
    tensors = spoiled(qref.load(DIGITS), 3)
    del tensors[15], tensors[16]
    status, out, _ = command(capsys, "litert-reference", dumped(tmp_path / "device", tensors))
    assert status == 1
    assert out.startswith("operators 3 to 5 together are the first that differ by themselves: 1 of 32 elements, tensor 17")
    assert "the dump lacks 2 tensors: 15, 16" in out


def test_states_are_those_before_the_step():
    result = diff(qref.bundled("deepconvlstm_int8"), "litert-reference", "xnnpack", rounds=3)
    recurrent = [row for row in result.operators if row.name == "UNIDIRECTIONAL_SEQUENCE_LSTM"]
    assert all(row.mismatches > 0 and row.own == 0 for row in recurrent)


def test_inputs_come_from_files_where_a_dump_lacks_them(tmp_path):
    model = qref.load(DIGITS)
    tensors = traced(model)[1]
    index = model.subgraphs[0].inputs[0]
    np.save(tmp_path / "x.npy", tensors.pop(index))
    device = dumped(tmp_path / "device", tensors)
    with pytest.raises(qref.InputError, match="does not hold input tensor"):
        diff(DIGITS, "litert-reference", device)
    assert not diff(DIGITS, "litert-reference", device, inputs=[tmp_path / "x.npy"]).differs
    np.save(tmp_path / "device" / f"{index}.npy", np.zeros_like(np.load(tmp_path / "x.npy")))
    with pytest.raises(qref.InputError, match="leave --input away"):
        diff(DIGITS, "litert-reference", device, inputs=[tmp_path / "x.npy"])


def test_a_dump_without_any_output_is_refused(tmp_path):
    model = qref.load(DIGITS)
    index = model.subgraphs[0].inputs[0]
    device = dumped(tmp_path / "device", {index: traced(model)[1][index]})
    with pytest.raises(qref.InputError, match="holds no output of any operator"):
        diff(DIGITS, "litert-reference", device)


def test_a_model_that_cannot_be_compared_is_a_row_among_others(tmp_path):
    graph = GraphBuilder()
    x, y = graph.input("x", TensorType.FLOAT32, (2,)), graph.tensor("y", TensorType.FLOAT32, (2,))
    graph.operator("CUSTOM", [x], [y], custom_code="Mine")
    save(graph.model(outputs=[y]), tmp_path / "custom.tflite")
    good, bad = diff_models([DIGITS, tmp_path / "custom.tflite"], "litert-reference", "xnnpack")
    assert good.reason == ""
    assert "Mine" in bad.reason
    with pytest.raises(qref.ModelError, match="Mine"):
        list(diff_models([tmp_path / "custom.tflite"], "litert-reference", "xnnpack"))


def test_every_bit_counts_and_nan_equals_nan():
    a, b = np.float32([0.0, 1.0, np.nan]), np.float32([-0.0, 1.0, np.nan])
    assert differing(a, b).tolist() == [True, False, False]


def test_a_result_is_a_table_for_pandas():
    pandas = pytest.importorskip("pandas")
    frame = diff(DIGITS, "litert-reference", "xnnpack").to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert len(frame) == 9


def test_the_example_at_the_end_of_the_help_runs(monkeypatch, capsys):
    monkeypatch.chdir(pathlib.Path(__file__).parent.parent)
    with pytest.raises(SystemExit) as ended:
        main(["diff", "--help"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert " ".join(printed.split()).endswith(EXAMPLE)
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(EXAMPLE.removeprefix("Example: qref ")))
    assert ended.value.code == 1
    assert "is the first that differs by itself" in capsys.readouterr().out


def command(capsys, *arguments):
    """Exit status, stdout and stderr of `qref diff` on the bundled model."""
    with pytest.raises(SystemExit) as ended:
        main(["diff", str(DIGITS), "--between", *map(str, arguments)])
    printed = capsys.readouterr()
    return ended.value.code, printed.out, printed.err


def test_the_command_says_what_matters_first_and_exits_as_documented(tmp_path, capsys):
    status, out, err = command(capsys, "litert-reference", "xnnpack", "--rounds", 8, "--verbose")
    assert status == 1, err
    first, second = out.splitlines()[:2]
    assert first.startswith("operator 0 (CONV_2D) is the first that differs by itself: ")
    assert "mismatches vanish with float32 requantization, ties to even, and none appear" in second
    assert any(line.split()[:2] == ["8", "SOFTMAX"] for line in out.splitlines())
    status, out, _ = command(capsys, "xnnpack", "xnnpack")
    assert (status, out.split(":")[0]) == (0, "no difference")
    status, out, _ = command(capsys, "litert-reference", "xnnpack", "--json", "-o", tmp_path / "diff.json")
    (row,) = json.loads((tmp_path / "diff.json").read_text())
    assert (status, out, row["first"]["operator"], row["differs"]) == (1, "", 0, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("litert-reference", "tpu"), "unknown side 'tpu'"),
        (("litert-reference", "litert:gpu"), "unknown side 'litert:gpu': give a runtime"),
        (("litert-reference", "missing.npz"), "cannot read missing.npz"),
        (("litert-reference", "xnnpack", "--rounds", "0"), "at least 1"),
        (("litert-reference", "xnnpack", "--input", "missing.npy"), "missing.npy"),
        (("litert-reference", str(pathlib.Path(__file__).parent)), "unknown kind"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_and_writes_nothing(tmp_path, capsys, arguments, message):
    status, out, err = command(capsys, *arguments, "-o", tmp_path / "diff.json")
    assert (status, out) == (2, "")
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_what_a_variable_holds_is_inherited(tmp_path):
    def model(step):
        graph = GraphBuilder()
        options = ("VarHandleOptions", {"container": "", "shared_name": "v"})
        x, handle = graph.input("x", TensorType.FLOAT32, (3,)), graph.tensor("h", TensorType.RESOURCE, ())
        y, z = (graph.tensor(name, TensorType.FLOAT32, (3,)) for name in "yz")
        one = graph.constant("one", np.float32([step]))
        graph.operator("VAR_HANDLE", [], [handle], options)
        graph.operator("ADD", [x, one], [y], ("AddOptions", {}))
        graph.operator("ASSIGN_VARIABLE", [handle, y], [])
        graph.operator("READ_VARIABLE", [handle], [z])
        return graph.model(outputs=[z])

    right = model(1.0)
    _, tensors = traced(model(2.0))
    result = diff(right, "litert-reference", dumped(tmp_path / "d", {i: a for i, a in tensors.items() if a.dtype == np.float32}))
    assert [(row.name, row.mismatches, row.own) for row in result.operators] == [("ADD", 3, 3), ("READ_VARIABLE", 3, None)]


@pytest.mark.skipif(not REAL_MODELS.is_dir(), reason="the real models are not here")
@pytest.mark.parametrize("runtime", ["litert-optimized", "xnnpack"])
def test_the_first_difference_of_every_real_model_is_explained(runtime):
    results = list(diff_models([REAL_MODELS], "litert-reference", runtime))
    assert len(results) == 10
    assert [result.reason for result in results] == [""] * 10
    assert all(result.explanations for result in results if result.differs)
    assert sum(result.differs for result in results) >= 6
