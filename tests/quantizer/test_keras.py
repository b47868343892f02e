"""Export from Keras 2 and 3; the tests that need TensorFlow run where the extra `keras` is installed."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

import qref

os.environ["CUDA_VISIBLE_DEVICES"], os.environ["TF_CPP_MIN_LOG_LEVEL"] = "-1", "3"
NEEDED = ("tensorflow", "keras", "tf_keras")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
needs_keras = pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not installed")
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
pytestmark = pytest.mark.filterwarnings("default")  # TensorFlow warns of itself


def module(name):
    return importlib.import_module(name)


def plain(layers):
    return layers.LSTM(5)


def in_both_directions(layers):
    return layers.Bidirectional(layers.LSTM(5, return_sequences=True))


def backwards(layers):
    return layers.LSTM(5, return_sequences=True, go_backwards=True)


def relu(layers):
    return layers.LSTM(5, activation="relu")


def gru(layers):
    return layers.GRU(5)


def exported(model, path, batch_size=1):
    qref.export_keras(model, path, batch_size)
    loaded = qref.load(path)
    return loaded, [operator.name for subgraph in loaded.subgraphs for operator in subgraph.operators]


def expect_equal_outputs(model, loaded, *arrays):
    interpreter = qref.Interpreter(model_content=loaded)
    interpreter.allocate_tensors()
    by_name = {d["name"].removeprefix("serving_default_").removesuffix(":0"): d["index"] for d in interpreter.get_input_details()}
    for x, array in zip(model.inputs, arrays):
        interpreter.set_tensor(by_name[x.name.split(":")[0]], array)
    interpreter.invoke()
    (detail,) = interpreter.get_output_details()
    want = np.asarray(model(arrays[0] if len(arrays) == 1 else list(arrays)))
    np.testing.assert_allclose(interpreter.get_tensor(detail["index"]), want, rtol=0, atol=1e-5)


@needs_keras
@pytest.mark.parametrize("library", ["keras", "tf_keras"])
@pytest.mark.parametrize(("layer", "operators"), [(plain, 1), (in_both_directions, 2), (backwards, 1), (relu, 0), (gru, 0)])
def test_a_recurrent_layer_gives_what_keras_gives(library, layer, operators, tmp_path):
    keras = module(library)
    keras.utils.set_random_seed(1)
    inputs = keras.Input((6, 4))
    hidden = layer(keras.layers)(keras.layers.Dense(4)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3)(hidden))
    for weight in model.weights:
        weight.assign(np.random.default_rng(2).normal(size=weight.shape))
    loaded, names = exported(model, tmp_path / "model.tflite", batch_size=2)
    assert names.count(LSTM) == operators
    assert ("WHILE" in names) == (operators == 0)
    x = np.random.default_rng(3).normal(size=(2, 6, 4)).astype(np.float32)
    expect_equal_outputs(model, loaded, x)
    for scheme in ("dynamic_range", "full_integer"):
        content = qref.quantize(loaded, scheme, [x])
        interpreter = qref.Interpreter(model_content=content)
        interpreter.allocate_tensors()
        interpreter.invoke()


@needs_keras
def test_an_lstm_of_keras_3_with_an_initial_state_keeps_it(tmp_path):
    keras = module("keras")
    x, h, c = keras.Input((6, 4), name="x"), keras.Input((5,), name="h"), keras.Input((5,), name="c")
    model = keras.Model([x, h, c], keras.layers.LSTM(5)(x, initial_state=[h, c]))
    loaded, names = exported(model, tmp_path / "model.tflite")
    assert LSTM not in names
    rng = np.random.default_rng(0)
    expect_equal_outputs(model, loaded, *(rng.normal(size=(1, *i.shape[1:])).astype(np.float32) for i in model.inputs))


@needs_keras
def test_the_model_is_left_as_it_was(tmp_path):
    keras = module("keras")
    layer = keras.layers.LSTM(5)
    model = keras.Sequential([keras.Input((6, 4)), layer])
    before = dict(vars(layer))
    qref.export_keras(model, tmp_path / "model.tflite")
    assert "call" not in vars(layer)
    assert before.keys() == vars(layer).keys()


@needs_keras
def test_what_cannot_be_exported_is_refused(tmp_path):
    keras = module("keras")
    x = keras.Input((None, 4), name="x")
    model = keras.Model(x, keras.layers.LSTM(5)(x))
    with pytest.raises(qref.InputError, match=r"the input x .* must be known"):
        qref.export_keras(model, tmp_path / "model.tflite")
    with pytest.raises(qref.InputError, match="no inputs of known shape"):
        qref.export_keras(keras.Sequential([keras.layers.Dense(2)]), tmp_path / "model.tflite")
    with pytest.raises(qref.InputError, match="expected a model of keras or tf_keras, found int"):
        qref.export_keras(3, tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())


def test_without_tensorflow_the_extra_is_named():
    code = "import sys; sys.modules['tensorflow'] = None; import qref; qref.export_keras(None, 'model.tflite')"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "BackendError: tensorflow is not installed; install it with: pip install 'qref-tflite[keras]'" in found.stderr


def test_nothing_else_imports_tensorflow():
    code = "import sys, qref, qref.cli, qref.keras, qref.quantizer, qref.interpreter; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
