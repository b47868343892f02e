"""From a Keras model to a float .tflite: the only place that imports TensorFlow, and only when it is called.

TFLiteConverter makes one UNIDIRECTIONAL_SEQUENCE_LSTM of an LSTM layer of Keras 2 (the package tf_keras), but a WHILE of one of
Keras 3. So while a Keras 3 model is traced, its LSTM layers compute through layers of Keras 2 with the same weights.
"""

from __future__ import annotations

import importlib
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from qref.errors import BackendError, InputError
from qref.files import write_atomically

FUSED = {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True, "unroll": False, "stateful": False}
PASSED_ON = ("units", "return_sequences", "go_backwards")


def export_keras(model: Any, path: str | os.PathLike[str], batch_size: int = 1) -> None:
    """Write a model of Keras 2 or 3 as a float .tflite for batches of one size, each LSTM layer as one operator.

    Other recurrent layers become WHILE; so do LSTM layers with activations of their own, a mask or an initial state, and
    those of Keras 3 that return their state.
    Raises InputError for what is no Keras model or has inputs of unknown size, BackendError where TensorFlow is missing or
    refuses the model.
    """
    tf = _import("tensorflow")
    specifications = [_specification(tf, x, batch_size) for x in _inputs(model)]
    with tempfile.TemporaryDirectory() as folder, _with_layers_of_keras_2(model) as layers:
        structure = getattr(model, "input", model.inputs[0])  # a Sequential that was never called has no `input`

        def call(*arrays: Any) -> Any:
            return model(tf.nest.pack_sequence_as(structure, arrays), training=False)

        root = tf.Module()
        root.layers, root.kept = layers, [v if isinstance(v, tf.Variable) else v.value for v in model.variables]
        try:
            tf.saved_model.save(root, folder, signatures=tf.function(call).get_concrete_function(*specifications))
            content = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
        except Exception as error:
            raise BackendError(f"TensorFlow refused the model: {type(error).__name__}: {error}") from error
    write_atomically(pathlib.Path(path), lambda file: file.write(content))


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BackendError(f"{name} is not installed; install it with: pip install 'qref-tflite[keras]'") from error


def _inputs(model: Any) -> list[Any]:
    """A Keras model's symbolic inputs."""
    kinds = [sys.modules[name].Model for name in ("keras", "tf_keras") if name in sys.modules]
    if not any(isinstance(model, kind) for kind in kinds):
        raise InputError(f"expected a model of keras or tf_keras, found {type(model).__name__}")
    if not getattr(model, "inputs", None):
        raise InputError(
            f"{model.name} has no inputs of known shape; make it a functional or Sequential model that starts with Input"
        )
    return list(model.inputs)


def _specification(tf: Any, x: Any, batch_size: int) -> Any:
    name = x.name.split(":")[0]
    if None in x.shape[1:]:
        raise InputError(
            f"the input {name} has the shape {tuple(x.shape)}; all but the batch must be known: give Input that shape"
        )
    return tf.TensorSpec([batch_size, *x.shape[1:]], x.dtype, name=name)


@contextmanager
def _with_layers_of_keras_2(model: Any) -> Iterator[list[Any]]:
    """Let a Keras 3 model's LSTM layers compute through those of Keras 2, which it gives."""
    keras = sys.modules.get("keras")
    of_keras_3 = keras is not None and isinstance(model, keras.Model)
    found = [x for x in model._flatten_layers() if of_keras_3 and type(x) is keras.layers.LSTM and _is_fused(x)]  # type: ignore[union-attr]
    layers = []
    try:
        for layer in found:
            layers.append(_layer_of_keras_2(layer))
            layer.call = _calls(layers[-1], layer.call)
        yield layers
    finally:
        for layer in found:
            vars(layer).pop("call", None)


def _is_fused(layer: Any) -> bool:
    settings = layer.get_config()
    plain = not settings["return_state"] and layer.compute_dtype == "float32"
    return plain and all(settings[name] == value for name, value in FUSED.items())


def _layer_of_keras_2(layer: Any) -> Any:
    settings = layer.get_config()
    made = _import("tf_keras").layers.LSTM(**{name: settings[name] for name in PASSED_ON}, name=layer.name)
    made.build((None, None, layer.cell.kernel.shape[0]))
    made.set_weights(layer.get_weights())
    return made


def _calls(layer: Any, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    def call(sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        if initial_state is not None or mask is not None:
            return otherwise(sequences, initial_state=initial_state, mask=mask, training=training)
        return layer(sequences, training=False)

    return call
