"""qref.Interpreter behaves as tf.lite.Interpreter: same methods, same keys, same state over repeated invokes."""

import inspect

import numpy as np
import pytest
from oracle import needs_litert
from recurrent_models import Variant, lstm_model

import qref
from qref.models import FOLDER
from qref.schema import GraphBuilder, TensorType, write

MODELS = sorted(FOLDER.glob("*.tflite"))

SCRIPT = """
import numpy as np
from {module} import Interpreter

interpreter = Interpreter(model_path=path, num_threads=1)
interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], [1, 8, 8, 1], strict=True)
interpreter.allocate_tensors()
detail = interpreter.get_input_details()[0]
interpreter.set_tensor(detail["index"], np.full(detail["shape"], 7, detail["dtype"]))
interpreter.invoke()
result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
interpreter.tensor(detail["index"])()[:] = 3
interpreter.invoke()
second = interpreter.tensor(interpreter.get_output_details()[0]["index"])().copy()
classes = (int(np.argmax(result)), int(np.argmax(second)))
"""


def litert_interpreter(path):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    return Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)


def assert_same_details(got, want):
    assert got.keys() == want.keys()
    for key, value in want.items():
        if isinstance(value, dict):
            assert_same_details(got[key], value)
        elif isinstance(value, np.ndarray):
            assert got[key].dtype == value.dtype
            np.testing.assert_array_equal(got[key], value)
        else:
            assert got[key] == value, key


@needs_litert
def test_it_has_every_public_method_of_litert_with_the_same_parameters():
    from ai_edge_litert.interpreter import Interpreter, SignatureRunner

    from qref.interpreter import SignatureRunner as OurRunner

    for theirs, ours in ((Interpreter, qref.Interpreter), (SignatureRunner, OurRunner)):
        for name, method in inspect.getmembers(theirs, inspect.isfunction):
            if not name.startswith(("_", "experimental_")):
                assert list(inspect.signature(getattr(ours, name)).parameters) == list(inspect.signature(method).parameters), name


@needs_litert
@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_details_have_the_keys_types_and_values_of_litert(path):
    theirs, ours = litert_interpreter(path), qref.Interpreter(path)
    for interpreter in (theirs, ours):
        interpreter.allocate_tensors()
    for method in ("get_input_details", "get_output_details"):
        for got, want in zip(getattr(ours, method)(), getattr(theirs, method)(), strict=True):
            assert_same_details(got, want)
    ours_by_index = {d["index"]: d for d in ours.get_tensor_details()}
    for want in theirs.get_tensor_details():
        if want["index"] in ours_by_index:  # LiteRT appends its own temporary tensors
            assert_same_details(ours_by_index[want["index"]], want)
    for got, want in zip(ours._get_ops_details(), theirs._get_ops_details(), strict=True):
        assert_same_details(got, want)


@needs_litert
def test_a_script_for_tf_lite_runs_with_only_its_import_changed():
    path = str(qref.bundled("digits_cnn_int8"))
    results = {}
    for module in ("ai_edge_litert.interpreter", "qref"):
        names = {"path": path}
        exec(SCRIPT.format(module=module), names)
        results[module] = names
    assert results["qref"]["classes"] == results["ai_edge_litert.interpreter"]["classes"]
    assert results["qref"]["result"].dtype == results["ai_edge_litert.interpreter"]["result"].dtype


@needs_litert
def test_state_is_kept_over_invokes_and_reset_as_in_litert():
    path = qref.bundled("deepconvlstm_int8")
    theirs, ours = litert_interpreter(path), qref.Interpreter(path)
    rng = np.random.default_rng(1)
    for interpreter in (theirs, ours):
        interpreter.allocate_tensors()
    for step in range(4):
        x = rng.integers(-128, 128, (1, 128, 6, 1)).astype(np.int8)
        found = []
        for interpreter in (theirs, ours):
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
            interpreter.invoke()
            found.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
            if step == 2:
                interpreter.reset_all_variables()
        np.testing.assert_array_equal(found[1], found[0])


def test_an_int8_state_starts_at_its_zero_point():
    interpreter = qref.Interpreter(qref.bundled("deepconvlstm_int8"))
    interpreter.allocate_tensors()
    states = [d for d in interpreter.get_tensor_details() if interpreter.model.subgraphs[0].tensors[d["index"]].is_variable]
    assert states
    for state in states:
        assert np.unique(interpreter.get_tensor(state["index"])).tolist() == [state["quantization"][1]]


def test_resizing_the_batch_gives_each_row_its_own_result():
    interpreter = qref.Interpreter(qref.bundled("digits_cnn_int8"))
    index = interpreter.get_input_details()[0]["index"]
    output = interpreter.get_output_details()[0]["index"]
    rows = np.random.default_rng(0).integers(-128, 128, (3, 8, 8, 1)).astype(np.int8)
    singles = []
    interpreter.allocate_tensors()
    for row in rows:
        interpreter.set_tensor(index, row[None])
        interpreter.invoke()
        singles.append(interpreter.get_tensor(output))
    interpreter.resize_tensor_input(index, rows.shape)
    with pytest.raises(qref.InputError, match="allocate_tensors"):
        interpreter.invoke()
    interpreter.allocate_tensors()
    assert interpreter.get_output_details()[0]["shape"].tolist() == [3, 10]
    interpreter.set_tensor(index, rows)
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(output), np.concatenate(singles))


def adder():
    graph = GraphBuilder()
    x, y = graph.input("x", TensorType.FLOAT32, (2,)), graph.input("y", TensorType.FLOAT32, (2,))
    total = graph.tensor("total", TensorType.FLOAT32, (2,))
    graph.operator("ADD", [x, y], [total], ("AddOptions", {}))
    graph.signature("add", {"a": x, "b": y}, {"sum": total})
    return graph.model(outputs=[total])


def test_a_signature_is_called_by_name():
    interpreter = qref.Interpreter(model_content=write(adder()))
    assert interpreter.get_signature_list() == {"add": {"inputs": ["a", "b"], "outputs": ["sum"]}}
    runner = interpreter.get_signature_runner()
    assert runner.get_input_details()["b"]["name"] == "y"
    assert list(runner.get_output_details()) == ["sum"]
    result = runner(a=np.float32([1, 2]), b=np.float32([10, 20]))
    assert result["sum"].tolist() == [11, 22]
    with pytest.raises(qref.InputError, match="takes a, b"):
        runner(a=np.float32([1, 2]))
    with pytest.raises(qref.InputError, match="no signature 'nope'"):
        interpreter.get_signature_runner("nope")


def test_what_get_tensor_gives_is_a_copy_and_what_tensor_gives_is_not():
    interpreter = qref.Interpreter(model_content=adder())
    interpreter.allocate_tensors()
    interpreter.get_tensor(0)[:] = 5
    assert interpreter.get_tensor(0).tolist() == [0, 0]
    interpreter.tensor(0)()[:] = 5
    assert interpreter.get_tensor(0).tolist() == [5, 5]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((3,), np.float32), r"takes float32 of shape \[2\]; found float32 of shape \[3\]"),
        (np.zeros((2,), np.float64), "found float64"),
        (np.float32([1, np.nan]), "NaN"),
        ("hello", "takes float32"),
        ([[1], [2, 3]], "no array"),
    ],
)
def test_a_wrong_array_is_refused_and_told_the_right_one(value, message):
    interpreter = qref.Interpreter(model_content=adder())
    interpreter.allocate_tensors()
    with pytest.raises(qref.InputError, match=message):
        interpreter.set_tensor(0, value)


def test_wrong_arguments_are_refused():
    path = qref.bundled("digits_cnn_int8")
    for arguments, message in (
        ({}, "either model_path or model_content"),
        ({"model_path": path, "model_content": b""}, "not both"),
        ({"model_path": path, "runtime": "nope"}, "known: litert-reference"),
        ({"model_path": path, "kernels": "cuda"}, "known: numba, numpy"),
        ({"model_path": path, "num_threads": 0}, "at least 1"),
    ):
        with pytest.raises(qref.InputError, match=message):
            qref.Interpreter(**arguments)
    interpreter = qref.Interpreter(path)
    with pytest.raises(qref.InputError, match="call allocate_tensors"):
        interpreter.invoke()
    with pytest.raises(qref.InputError, match="outside of 0 to"):
        interpreter.get_tensor(999)
    with pytest.raises(qref.InputError, match="is a constant"):
        interpreter.set_tensor(2, np.zeros(10, np.int32))
    with pytest.raises(qref.InputError, match="is not an input"):
        interpreter.resize_tensor_input(3, [1])
    with pytest.raises(qref.InputError, match=r"only its -1"):
        interpreter.resize_tensor_input(0, [2, 8, 8, 1], strict=True)


def test_an_operator_that_leaves_optional_inputs_away_is_prepared_again_after_a_resize():
    model = lstm_model(Variant())
    assert len(model.subgraphs[0].operators[0].inputs) == 20
    interpreter = qref.Interpreter(model_content=model)
    for _ in range(2):
        interpreter.allocate_tensors()
        interpreter._allocated[0] = False
    interpreter.allocate_tensors()
    interpreter.invoke()
    inputs = [interpreter.get_tensor(i) if i >= 0 else None for i in model.subgraphs[0].operators[0].inputs]
    node, prepared = interpreter.prepare_operator(0, inputs)
    y = prepared.reference(*node.arguments(inputs), prepared.plan)[0]
    assert y.shape == tuple(interpreter.get_output_details()[0]["shape"])


def test_prepare_operator_computes_one_operator_by_itself():
    interpreter = qref.Interpreter(qref.bundled("digits_cnn_int8"))
    interpreter.allocate_tensors()
    interpreter.invoke()
    for operator in interpreter.model.subgraphs[0].operators:
        inputs = [interpreter.get_tensor(i) for i in operator.inputs]
        node, prepared = interpreter.prepare_operator(operator.index, inputs)
        result = prepared.reference(*inputs, prepared.plan)
        np.testing.assert_array_equal(result, interpreter.get_tensor(operator.outputs[0]))
        assert node.outputs[0].shape == result.shape
    with pytest.raises(qref.InputError, match="there is no operator 99; the model has operators 0 to 8"):
        interpreter.prepare_operator(99, [])
