"""Makes keras3_lstm.tflite: an LSTM of 8 units over 12 steps as Keras 3 exports it, a WHILE with its steps in a subgraph.

    pip install 'tensorflow==2.21.*' && python tests/quantizer/make_keras3_lstm.py

Weights are random, biases are not zero. TFLiteConverter's own calibration dies on this model.
"""

from __future__ import annotations

import pathlib
import tempfile


def main() -> None:
    """Write the file beside this one."""
    import keras
    import tensorflow as tf

    layers = keras.layers
    keras.utils.set_random_seed(3)
    random = {"bias_initializer": keras.initializers.RandomNormal(stddev=0.3, seed=3)}
    inputs = keras.Input((12, 40), name="x")
    hidden = layers.LSTM(8, **random)(inputs)
    model = keras.Model(inputs, layers.Dense(4, **random)(hidden))
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, input_signature=[tf.TensorSpec([1, 12, 40], tf.float32, name="x")], verbose=False)
        content = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    (pathlib.Path(__file__).parent / "keras3_lstm.tflite").write_bytes(content)


if __name__ == "__main__":
    main()
