"""Trains Ordonez2016Deep with Keras: python examples/deepconvlstm/train.py [--uci FOLDER] [-o FILE], a float .tflite.xz.

Needs the extra `keras` (pip install -e '.[keras]'), which the study itself does not. The committed deepconvlstm_float.tflite.xz
is what it wrote with TensorFlow 2.21.0 and tf_keras 2.21.0, on two cores, in seven minutes. Seeds are fixed, but floats are
not summed in the same order on every machine: another one gives a model as good, not the same bits. Weights are rounded to
float16 and stored as float32, with which the file compresses to half its size.
"""

from __future__ import annotations

import argparse
import lzma
import os
import pathlib
import tempfile

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # tf.keras is Keras 2, tf_keras, whose LSTM is one operator
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import signals
import tensorflow as tf
import uci_har

import qref

FILTERS, UNITS, DROPPED = 64, 128, 0.5
EPOCHS, BATCH, LEARNING_RATE = 24, 32, 1.5e-3
WINDOWS = 15  # of each person and class


def ordonez_2016_deep() -> tf.keras.Model:
    """Four convolutions over time, two LSTMs: Ordonez and Roggen, Sensors 16(1), 115 (2016), for a window of 128 steps."""
    layers = tf.keras.layers
    inputs = x = tf.keras.Input((signals.STEPS, signals.CHANNELS, 1))
    for _ in range(4):
        x = layers.Conv2D(FILTERS, (5, 1), activation="relu")(x)
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    x = layers.Dropout(DROPPED)(layers.LSTM(UNITS, return_sequences=True)(x))
    x = layers.Dropout(DROPPED)(layers.LSTM(UNITS)(x))
    return tf.keras.Model(inputs, layers.Dense(len(signals.CLASSES), activation="softmax")(x), name="Ordonez2016Deep")


def main() -> None:
    """Train and write; accuracy on persons that were not trained on goes to stdout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uci", type=pathlib.Path, help="the folder of the UCI HAR data set; synthetic signals without it")
    parser.add_argument(
        "-o", "--output", type=pathlib.Path, default=pathlib.Path(__file__).parent / "deepconvlstm_float.tflite.xz"
    )
    options = parser.parse_args()

    tf.keras.utils.set_random_seed(signals.SEED)
    parts = ("train", "calibration", "test")
    read = (lambda part: uci_har.windows(options.uci, part)) if options.uci else (lambda part: signals.windows(part, WINDOWS))
    train, validation, test = map(read, parts)
    model = ordonez_2016_deep()
    steps = EPOCHS * -(-len(train[0]) // BATCH)
    optimizer = tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))
    model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(*train, batch_size=BATCH, epochs=EPOCHS, validation_data=validation, verbose=2)
    model.set_weights([weights.astype(np.float16).astype(np.float32) for weights in model.get_weights()])
    for part, data in zip(parts, (train, validation, test)):
        print(f"{part}: {len(data[0])} windows, accuracy {model.evaluate(*data, verbose=0)[1]:.3f}")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "float.tflite"
        qref.export_keras(model, path)
        options.output.write_bytes(lzma.compress(path.read_bytes(), preset=9))


if __name__ == "__main__":
    main()
