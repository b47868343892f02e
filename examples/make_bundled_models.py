"""Makes the bundled models with TensorFlow, which qref itself does not need: python examples/make_bundled_models.py.

Install the extra first: pip install -e '.[keras]'. It takes about half a minute.

digits_cnn_*      a small CNN trained on scikit-learn's 8x8 digits: float, dynamic range, float16, int8, int16x8
deepconvlstm_int8 Ordonez2016Deep: four convolutions over time, two LSTM of 128 units, six classes; random weights

For every model, NAME.npz holds a few inputs and what LiteRT's three kernel sets make of them:

    input/R           the array given in round R
    output/SET/R      the first output of kernel set SET
    digest/SET/R/I    SHA-256 of tensor I's bytes, for the kernel sets that let every tensor be read (reference, optimized)
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import sys
import tempfile

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # Keras 3 exports an LSTM as a loop, which the converter cannot calibrate
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from sklearn.datasets import load_digits

QREF = pathlib.Path(__file__).parent.parent / "qref"
SEED = 7
ROUNDS = 4
OPS = tf.lite.OpsSet


def digits() -> tuple[np.ndarray, np.ndarray]:
    """The 1797 digits as float32 [n, 8, 8, 1] in 0 to 1, and their labels."""
    data = load_digits()
    return (data.images[..., None] / 16).astype(np.float32), data.target


def digits_cnn(images: np.ndarray, labels: np.ndarray) -> tf.keras.Model:
    """CONV_2D, MAX_POOL_2D, DEPTHWISE_CONV_2D, a residual ADD, MEAN, FULLY_CONNECTED, SOFTMAX."""
    layers = tf.keras.layers
    inputs = tf.keras.Input((8, 8, 1), batch_size=None)
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(inputs)
    x = layers.MaxPooling2D(2)(x)
    shortcut = x
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu6")(x)
    x = layers.Conv2D(16, 1)(x)
    x = layers.ReLU()(layers.Add()([x, shortcut]))
    x = layers.Conv2D(32, 3, strides=2, padding="valid", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = tf.keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(images[:1500], labels[:1500], epochs=40, batch_size=32, verbose=0)
    print(f"digits_cnn: accuracy on 297 unseen digits {model.evaluate(images[1500:], labels[1500:], verbose=0)[1]:.3f}")
    return model


def deepconvlstm() -> tf.keras.Model:
    """The network of Ordonez and Roggen (2016) for windows of 128 samples of 6 sensors."""
    layers = tf.keras.layers
    random = {"kernel_initializer": tf.keras.initializers.VarianceScaling(4.0), "bias_initializer": "random_normal"}
    inputs = x = tf.keras.Input((128, 6, 1))
    for _ in range(4):
        x = layers.Conv2D(64, (5, 1), activation="relu", **random)(x)
    x = layers.Reshape((112, 384))(x)
    x = layers.LSTM(128, return_sequences=True, **random)(x)
    x = layers.LSTM(128, **random)(x)
    return tf.keras.Model(inputs, layers.Dense(6, activation="softmax", **random)(x))


def convert(model: tf.keras.Model, suffix: str, samples: np.ndarray) -> bytes:
    """The model at a batch of one as .tflite: float, drq (dynamic range), f16, int8 or int16 (int16x8), calibrated on samples."""
    specification = tf.TensorSpec([1, *samples.shape[1:]], tf.float32)
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(specification)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(model, folder, signatures=function)
        chosen = tf.lite.TFLiteConverter.from_saved_model(folder)
        if suffix != "float":
            chosen.optimizations = [tf.lite.Optimize.DEFAULT]
        if suffix == "f16":
            chosen.target_spec.supported_types = [tf.float16]
        if suffix in ("int8", "int16"):
            chosen.representative_dataset = lambda: ([sample[None]] for sample in samples)
        if suffix == "int8":
            chosen.target_spec.supported_ops = [OPS.TFLITE_BUILTINS_INT8]
            chosen.inference_input_type = chosen.inference_output_type = tf.int8
        if suffix == "int16":
            chosen.target_spec.supported_ops = [OPS.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
        return chosen.convert()


def quantized_input(content: bytes, sample: np.ndarray) -> np.ndarray:
    """The sample as the model's input takes it."""
    detail = Interpreter(model_content=content).get_input_details()[0]
    if detail["dtype"] == np.float32:
        return sample[None]
    scale, zero_point = detail["quantization"]
    limits = np.iinfo(detail["dtype"])
    return np.clip(np.round(sample[None] / scale) + zero_point, limits.min, limits.max).astype(detail["dtype"])


def record(content: bytes, samples: np.ndarray) -> dict[str, np.ndarray]:
    """Inputs, outputs and digests of LiteRT's three kernel sets."""
    sys.path.insert(0, str(QREF / "compare"))
    import oracle_worker

    recorded = {f"input/{r}": quantized_input(content, sample) for r, sample in enumerate(samples)}
    rounds = [{0: recorded[f"input/{r}"]} for r in range(len(samples))]
    output = Interpreter(model_content=content).get_output_details()[0]["index"]
    for kernel_set in ("reference", "optimized", "xnnpack"):
        keep_all = kernel_set != "xnnpack"
        for r, tensors in enumerate(oracle_worker.run(content, kernel_set, rounds, keep_all)):
            recorded[f"output/{kernel_set}/{r}"] = tensors[output]
            if keep_all:
                for index, array in tensors.items():
                    digest = hashlib.sha256(np.ascontiguousarray(array)).digest()
                    recorded[f"digest/{kernel_set}/{r}/{index}"] = np.frombuffer(digest, np.uint8)
    return recorded


def main() -> None:
    """Make every model and record LiteRT's results."""
    tf.keras.utils.set_random_seed(SEED)
    images, labels = digits()
    cnn = digits_cnn(images, labels)
    models = {f"digits_cnn_{suffix}": convert(cnn, suffix, images[:100]) for suffix in ("float", "drq", "f16", "int8", "int16")}
    windows = np.random.default_rng(SEED).normal(size=(20, 128, 6, 1)).astype(np.float32)
    models["deepconvlstm_int8"] = convert(deepconvlstm(), "int8", windows)
    for name, content in models.items():
        (QREF / "models" / f"{name}.tflite").write_bytes(content)
        samples = windows[:ROUNDS] if name.startswith("deepconvlstm") else images[1500 : 1500 + ROUNDS]
        np.savez_compressed(QREF / "models" / f"{name}.npz", **record(content, samples))
        print(f"{name}: {len(content)} bytes")


if __name__ == "__main__":
    main()
