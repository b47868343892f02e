"""What TFLiteConverter makes of a float model, made again without TensorFlow: from its own ranges to the last bit."""

import pathlib

import numpy as np
import pytest
from oracle import assert_equals_litert, litert, needs_litert
from quantizer.same_files import differences

import qref
from qref.quantizer import quantize_model
from qref.schema import load

SHARED = pathlib.Path(__file__).parent.parent.parent.parent / "shared"
GOLDEN = SHARED / "golden" / "quantizer"
needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason=f"the converter's files are not in {GOLDEN}")
IO = {"int8": ("int8", "int8"), "int8f": ("float32", "float32"), "int16": ("float32", "float32")}


def digits(count):
    """The images that the bundled models were calibrated on."""
    from sklearn.datasets import load_digits

    return (load_digits().images[:count, None, :, :, None] / 16).astype(np.float32)


def float16_constants(model):
    """Of every DEQUANTIZE, as sorted bytes: their order has no meaning."""
    graph = model.subgraphs[0]
    constants = [model.data(graph.tensors[o.inputs[0]]) for o in graph.operators if o.name == "DEQUANTIZE"]
    return sorted(constant.tobytes() for constant in constants)


@pytest.mark.parametrize("suffix", ["drq", "f16"])
def test_weights_of_the_bundled_model(suffix):
    scheme = {"drq": "dynamic_range", "f16": "float16"}[suffix]
    theirs = load(qref.bundled(f"digits_cnn_{suffix}"))
    ours = load(qref.quantize(qref.bundled("digits_cnn_float"), scheme))
    if suffix == "f16":
        assert float16_constants(ours) == float16_constants(theirs)
        assert [o.name for o in ours.subgraphs[0].operators] == [o.name for o in theirs.subgraphs[0].operators]
    else:
        assert not differences(ours, theirs)


@pytest.mark.parametrize(("suffix", "scheme"), [("int8", "full_integer"), ("int16", "int16x8")])
def test_activations_of_the_bundled_model_from_the_same_samples(suffix, scheme):
    """The converter's float kernels round otherwise, so scales agree to their last bits only; everything else is equal."""
    input_type, output_type = IO[suffix]
    ours = qref.quantize(
        qref.bundled("digits_cnn_float"),
        scheme,
        digits(100),
        like="tflite",
        inference_input_type=input_type,
        inference_output_type=output_type,
    )
    assert not differences(load(ours), load(qref.bundled(f"digits_cnn_{suffix}")), tolerance=1e-6)


@needs_golden
@pytest.mark.parametrize(
    ("name", "suffix", "scheme"),
    [
        *((name, suffix, "full_integer") for name in ("cnn", "mobilenet_v1_025", "zoo") for suffix in ("int8", "int8f")),
        ("deepconvlstm", "int8", "full_integer"),
        *((name, "int16", "int16x8") for name in ("cnn", "mobilenet_v1_025")),
        *((name, "drq", "dynamic_range") for name in ("cnn", "mobilenet_v1_025", "deepconvlstm")),
    ],
)
def test_from_recorded_ranges_every_bit_is_equal(name, suffix, scheme):
    source = GOLDEN / f"{name}_{'float' if suffix == 'drq' else 'calibrated'}.tflite"
    input_type, output_type = IO.get(suffix, ("float32", "float32"))
    ours = qref.quantize(source, scheme, inference_input_type=input_type, inference_output_type=output_type)
    theirs = GOLDEN / f"{name}_{suffix}.tflite"
    assert not differences(load(ours), load(theirs))
    assert len(ours) <= theirs.stat().st_size


@needs_golden
@pytest.mark.parametrize("name", ["cnn", "mobilenet_v1_025"])
def test_float16_constants_are_equal(name):
    ours, theirs = qref.quantize(GOLDEN / f"{name}_float.tflite", "float16"), GOLDEN / f"{name}_f16.tflite"
    assert float16_constants(load(ours)) == float16_constants(load(theirs))
    assert len(ours) <= theirs.stat().st_size


@needs_golden
@pytest.mark.parametrize("name", ["cnn", "mobilenet_v1_025", "zoo"])
def test_from_the_same_samples_all_but_the_last_bits_of_scales_are_equal(name):
    source = load(GOLDEN / f"{name}_float.tflite")
    shape = source.subgraphs[0].tensors[source.subgraphs[0].inputs[0]].shape
    rng = np.random.default_rng(0)
    samples = [rng.normal(size=shape).astype(np.float32) for _ in range(20)]
    ours = qref.quantize(source, "full_integer", samples, like="tflite")
    assert not differences(load(ours), load(GOLDEN / f"{name}_int8f.tflite"), tolerance=1e-6)


@needs_golden
@needs_litert
def test_ours_and_theirs_give_the_same_bytes_in_litert():
    ours, theirs = qref.quantize(GOLDEN / "cnn_calibrated.tflite"), (GOLDEN / "cnn_int8f.tflite").read_bytes()
    rng = np.random.default_rng(1)
    rounds = [{0: rng.normal(size=(1, 32, 32, 3)).astype(np.float32)} for _ in range(50)]
    results = [
        [found[load(content).subgraphs[0].outputs[0]] for found in litert().run(content, rounds, keep_all=False)]
        for content in (ours, theirs)
    ]
    np.testing.assert_array_equal(*results)


@needs_golden
def test_deepconvlstm_has_the_census_of_the_published_report():
    def census(content):
        types = [tensor.type.name for tensor in load(content).subgraphs[0].tensors]
        return {"all": len(types), **{name: types.count(name) for name in set(types)}}

    assert census(GOLDEN / "deepconvlstm_float.tflite")["all"] == 53
    drq = qref.quantize(GOLDEN / "deepconvlstm_float.tflite", "dynamic_range")
    assert census(drq) == {"all": 53, "INT8": 19, "INT32": 4, "FLOAT32": 30}
    whole = quantize_model(
        GOLDEN / "deepconvlstm_calibrated.tflite", inference_input_type="uint8", inference_output_type="uint8", integer_only=True
    )
    assert census(whole.content) == {"all": 65, "INT8": 36, "UINT8": 2, "INT16": 2, "INT32": 17, "FLOAT32": 8}


@needs_litert
@pytest.mark.parametrize("scheme", ["float16", "dynamic_range", "full_integer", "int16x8"])
def test_every_scheme_runs_in_litert_with_equal_bits(scheme):
    content = qref.quantize(qref.bundled("digits_cnn_float"), scheme, digits(20))
    for kernel_set in ("reference", "optimized", "xnnpack"):
        assert assert_equals_litert(load(content), kernel_set=kernel_set)
