"""Writes what TensorFlow's Analyzer prints for the odd models, which test_tflite_text.py compares with.

pip install 'tensorflow==2.21.*' && python tests/analyzer/make_tflite.py
"""

import contextlib
import io
import pathlib

from odd_models import ODD_MODELS


def main() -> None:
    """Write a file for each model, and one more with the sentence on the GPU."""
    import tensorflow as tf

    for name, make in ODD_MODELS.items():
        for suffix, gpu in (("", False), ("_gpu", True))[: 2 if name == "constants" else 1]:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                tf.lite.experimental.Analyzer.analyze(model_content=make(), gpu_compatibility=gpu)
            path = pathlib.Path(__file__).parent / "tflite" / f"{name}{suffix}.txt"
            path.write_text(printed.getvalue(), newline="")


if __name__ == "__main__":
    main()
