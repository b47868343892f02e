"""The one-operator int16 models of SEANet in TFLite Micro, against the golden output values that come with them."""

import pathlib

import numpy as np
import pytest
from oracle import assert_same_bits, needs_tflm, run_qref, tflm

from qref.schema import load, write

FOLDER = pathlib.Path(__file__).parents[2] / "shared" / "models" / "tflm" / "seanet"
MODELS = sorted(path.stem for path in FOLDER.glob("*.tflite"))

pytestmark = pytest.mark.skipif(not MODELS, reason=f"{FOLDER} is not there")


def read_csv(stem: str, what: str, shape: tuple[int, ...]) -> np.ndarray:
    """The file "<stem>_<what>_<type>.csv": numbers between commas, of that type."""
    (path,) = FOLDER.glob(f"{stem}_{what}_*.csv")
    return np.fromstring(path.read_text(), sep=",").astype(path.stem.rsplit("_", 1)[1]).reshape(shape)


def test_all_seanet_models_are_there():
    assert len(MODELS) == 127


@pytest.mark.parametrize("stem", MODELS or ["none"])
@pytest.mark.parametrize(
    ("runtime", "kernels"), [("litert-reference", "numba"), ("litert-reference", "numpy"), ("tflm", "numba")]
)
def test_seanet_model_gives_its_golden_values(stem, runtime, kernels):
    model = load(FOLDER / f"{stem}.tflite")
    graph = model.subgraphs[0]
    inputs = {n: read_csv(stem, f"input{n}", graph.tensors[index].shape) for n, index in enumerate(graph.inputs)}
    (found,) = run_qref(model, [inputs], kernels)
    (output,) = graph.outputs
    got = found[output]
    np.testing.assert_array_equal(got, read_csv(stem, "golden", got.shape).astype(got.dtype))


@needs_tflm
def test_seanet_models_give_what_tflm_gives_today():
    """Four golden files of LEAKY_RELU are older than TFLM's quotients of scales in float64, and differ by 1 in six elements."""
    different = []
    for stem in MODELS:
        model = load(FOLDER / f"{stem}.tflite")
        graph = model.subgraphs[0]
        inputs = {n: read_csv(stem, f"input{n}", graph.tensors[index].shape) for n, index in enumerate(graph.inputs)}
        (found,) = run_qref(model, [inputs], "numba", "tflm")
        (wanted,) = tflm().run(write(model), [inputs])
        (output,) = graph.outputs
        assert_same_bits(found[output], wanted[output], stem)
        if (found[output] != read_csv(stem, "golden", found[output].shape)).any():
            different.append(stem)
    assert different == ["leaky_relu11", "leaky_relu18", "leaky_relu19", "leaky_relu3"]
