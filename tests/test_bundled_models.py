"""The bundled models against LiteRT's recorded results: exactness is proven even where LiteRT cannot be installed."""

import hashlib
import re

import numpy as np
import pytest
from oracle import assert_same_bits

import qref
from qref.compare.verify import KERNEL_SET_OF
from qref.models import FOLDER

NAMES = sorted(path.stem for path in FOLDER.glob("*.npz"))


def test_every_bundled_model_has_its_record():
    assert sorted(path.stem for path in FOLDER.glob("*.tflite")) == NAMES
    assert len(NAMES) == 6


@pytest.mark.parametrize("kernels", ["numba", "numpy"])
@pytest.mark.parametrize("runtime", ["litert-reference", "litert-optimized"])
@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_of_a_bundled_model_has_the_recorded_bits(name, runtime, kernels):
    kernel_set = KERNEL_SET_OF[runtime]
    with np.load(FOLDER / f"{name}.npz") as recorded:
        for r, interpreter in rounds(name, runtime, kernels, recorded):
            assert_same_bits(output_of(interpreter), recorded[f"output/{kernel_set}/{r}"], f"{name}, round {r}")
            digests = [key for key in recorded.files if re.match(f"digest/{kernel_set}/{r}/", key)]
            assert len(digests) >= len(interpreter.model.subgraphs[0].operators)
            for key in digests:
                tensor = np.ascontiguousarray(interpreter.get_tensor(int(key.rsplit("/", 1)[1])))
                assert hashlib.sha256(tensor).digest() == recorded[key].tobytes(), key


@pytest.mark.parametrize("name", [name for name in NAMES if "int" in name])  # its float kernels depend on the CPU
def test_an_integer_model_has_the_recorded_output_of_xnnpack(name):
    with np.load(FOLDER / f"{name}.npz") as recorded:
        for r, interpreter in rounds(name, "xnnpack", "numba", recorded):
            assert_same_bits(output_of(interpreter), recorded[f"output/xnnpack/{r}"], f"{name}, round {r}")


def rounds(name, runtime, kernels, recorded):
    """The interpreter after each of the recorded inputs."""
    interpreter = qref.Interpreter(qref.bundled(name), runtime=runtime, kernels=kernels)
    interpreter.allocate_tensors()
    count = sum(key.startswith("input/") for key in recorded.files)
    assert count == 4
    for r in range(count):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], recorded[f"input/{r}"])
        interpreter.invoke()
        yield r, interpreter


def output_of(interpreter):
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_the_kernel_sets_of_one_litert_wheel_disagree_on_a_bundled_model():
    with np.load(FOLDER / "digits_cnn_int8.npz") as recorded:
        tensors = [k.removeprefix("digest/reference/") for k in recorded.files if k.startswith("digest/reference/")]
        different = [t for t in tensors if (recorded[f"digest/reference/{t}"] != recorded[f"digest/optimized/{t}"]).any()]
        outputs = [recorded[f"output/{kernel_set}/0"].tobytes() for kernel_set in ("reference", "xnnpack")]
    assert different
    assert outputs[0] != outputs[1]


def test_the_digits_cnn_reads_digits_in_every_form():
    from sklearn.datasets import load_digits

    data = load_digits()
    images, labels = (data.images[1500:, ..., None] / 16).astype(np.float32), data.target[1500:]
    for name in (n for n in NAMES if n.startswith("digits")):
        interpreter = qref.Interpreter(qref.bundled(name))
        interpreter.allocate_tensors()
        detail, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]["index"]
        scale, zero_point = detail["quantization"]
        right = 0
        for image, label in zip(images, labels):
            x = (
                image[None]
                if detail["dtype"] is np.float32
                else np.round(image[None] / scale + zero_point).astype(detail["dtype"])
            )
            interpreter.set_tensor(detail["index"], x)
            interpreter.invoke()
            right += int(interpreter.get_tensor(output).argmax() == label)
        assert right / len(labels) > 0.9, name
