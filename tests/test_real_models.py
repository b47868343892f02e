"""Real models written elsewhere, kept beside the project and not in it: skipped, visibly, where they are absent."""

import pathlib

import numpy as np
import pytest
from oracle import needs_litert, needs_tflm

import qref
from qref.compare.verify import KERNEL_SET_OF, verify
from qref.inputs import read_inputs

SHARED = pathlib.Path(__file__).parent.parent.parent / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the real models are not in {SHARED}")

FOLDERS = ("models/mlperf_tiny", "models/coral", "models/bench", "models/tflm", "golden/quantizer")


@needs_shared
@needs_litert
@pytest.mark.parametrize("runtime", [name for name in KERNEL_SET_OF if name != "tflm"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_tensor_of_the_real_models_is_exact(folder, runtime):
    results = list(verify(sorted(p for p in (SHARED / folder).glob("*.tflite")), runtime, rounds=1))
    assert results
    for result in results:
        assert result.status in ("exact", "refused"), result
        if result.status == "refused":  # LiteRT says why; qref could not have been compared
            assert any(why in result.reason for why in ("ELU", "quantized_dimension", "died")), result
    assert sum(r.status == "exact" for r in results) >= len(results) - 4


# TFLM has no hybrid kernels, no float16 and no GELU.
REFUSED_BY_TFLM = ("Hybrid", "FLOAT32 with filter type: INT8", "dequantize_common", "GELU")


@needs_shared
@needs_tflm
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_tensor_of_the_real_models_that_tflm_takes_is_exact(folder):
    results = list(verify(sorted((SHARED / folder).glob("*.tflite")), "tflm", rounds=1))
    assert any(result.status == "exact" for result in results)
    for result in results:
        if result.status == "refused":
            assert any(why in result.reason for why in REFUSED_BY_TFLM), result
        elif pathlib.Path(result.model).stem == "person_detect":  # a file that contradicts itself, which TFLM does not notice
            assert "quantized_dimension" in result.reason
        else:
            assert result.status == "exact", result


@needs_shared
def test_mobilenet_v2_names_the_cat():
    interpreter = qref.Interpreter(SHARED / "models/coral/mobilenet_v2_1.0_224_quant.tflite")
    interpreter.allocate_tensors()
    for index, array in read_inputs([SHARED / "data/cat.bmp"], interpreter.get_input_details()).items():
        interpreter.set_tensor(index, array)
    interpreter.invoke()
    scores = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
    lines = (SHARED / "data/imagenet_labels.txt").read_text().splitlines()
    label = lines[int(np.argmax(scores))]
    assert "cat" in label.lower(), label
