import itertools
import pathlib
from dataclasses import replace

import numpy as np
import pytest
from explanations import check_explanation
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import assert_equals_litert, needs_litert, run_qref
from recurrent_models import Variant, lstm_model, prepared_with_inputs, random_rounds, survive_damage

import qref
from qref.ops import unidirectional_sequence_lstm as lstm
from qref.schema import Quantization

SHARED = pathlib.Path(__file__).parents[3] / "shared"
INTEGER, FLOAT = Variant(integer=True), Variant()
KINDS = {
    "integer": INTEGER,
    "float32": FLOAT,
    "hybrid": Variant(weights="int8"),
    "asymmetric": Variant(weights="int8", asymmetric=True),
}
FEATURES = list(itertools.product((False, True), (False, True), (False, True), (0, 6)))


def compare(variant: Variant) -> int:
    model = lstm_model(variant)
    return assert_equals_litert(model, random_rounds(model))


@needs_litert
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("cifg", "peephole", "layer_norm", "projection"), FEATURES)
def test_lstm_equals_litert_over_several_invokes(kind, cifg, peephole, layer_norm, projection):
    variant = KINDS[kind].but(cifg=cifg, peephole=peephole, layer_norm=layer_norm, projection=projection, clip=cifg != peephole)
    for number, time_major in enumerate((True, False)):
        compare(
            variant.but(time_major=time_major, batch=3, cells=11 if projection else 6, seed=number, projection_bias=not number)
        )


@needs_litert
@pytest.mark.parametrize("kind", KINDS)
def test_lstm_clips_cell_state_and_projection(kind):
    variant = KINDS[kind].but(projection=6, clip=True)
    results = []
    for clip in (True, False):
        model = lstm_model(variant.but(clip=clip))
        results.append(run_qref(model, random_rounds(model), "numpy")[-1][model.subgraphs[0].outputs[0]])
    assert not np.array_equal(*results)
    compare(variant)


@needs_litert
@pytest.mark.parametrize("seed", range(12))
def test_integer_lstm_equals_litert_at_any_scale(seed):
    variant = INTEGER.but(seed=seed, time=5, cells=16, depth=7, peephole=seed % 2 == 0, layer_norm=seed % 3 == 0)
    compare(variant.but(batch=1 + seed % 3))


@needs_litert
@pytest.mark.parametrize("exponent", [-18, -16, -8, -7])
def test_integer_lstm_multiplies_by_the_input_gate_where_the_cell_state_has_no_tanh(exponent):
    compare(INTEGER.but(cell_exponent=exponent, batch=2, time=5))
    prepared, tensors = prepared_with_inputs(lstm_model(INTEGER.but(cell_exponent=exponent)), lstm.prepare)
    check_explanation(prepared, tensors, prepared.reference(*tensors, prepared.plan)[0], (0, 0, 0))
    with pytest.raises(qref.SpecViolation, match="without an input gate"):
        qref.Interpreter(model_content=lstm_model(INTEGER.but(cell_exponent=exponent, cifg=True))).allocate_tensors()


@needs_litert
@pytest.mark.parametrize("time_major", [True, False])
def test_integer_lstm_reads_peephole_weights_with_the_stride_of_the_outputs(time_major):
    variant = INTEGER.but(peephole=True, projection=5, cells=12, batch=3, time_major=time_major)
    compare(variant)
    prepared, tensors = prepared_with_inputs(lstm_model(variant), lstm.prepare)
    before = prepared.reference(*tensors, prepared.plan)
    tensors[9] = np.concatenate([tensors[9][:5], np.zeros(7, np.int16)])  # beyond the outputs, weights are not read
    for a, b in zip(before, prepared.reference(*tensors, prepared.plan)):
        np.testing.assert_array_equal(a, b)


def test_integer_lstm_refuses_peephole_weights_that_would_be_read_behind_their_end():
    model = lstm_model(INTEGER.but(peephole=True, projection=12, cells=8))
    with pytest.raises(qref.ModelError, match="peephole"):
        qref.Interpreter(model_content=model).allocate_tensors()


# rows, input depth, cells, outputs: one row, small products, full and leftover blocks, depths beyond one panel of the cache
SIZES = [
    (1, 3, 5, 0),
    (2, 5, 6, 0),
    (4, 9, 10, 0),
    (5, 33, 20, 7),
    (8, 64, 36, 0),
    (3, 700, 12, 0),
    (4, 1500, 44, 0),
    (9, 20, 33, 29),
    (2, 2100, 6, 0),
    (7, 1, 1, 0),
]


@needs_litert
@pytest.mark.parametrize(("batch", "depth", "cells", "projection"), SIZES)
def test_float_lstm_sums_in_the_order_that_sizes_decide(batch, depth, cells, projection):
    for time_major in (True, False):
        compare(FLOAT.but(batch=batch, depth=depth, cells=cells, projection=projection, time_major=time_major, time=2))


@needs_litert
@pytest.mark.parametrize("weights", ["float32", "int8", "uint8"])
def test_lstm_with_diagonal_recurrent_weights_equals_litert(weights):
    for time_major in (True, False):
        compare(FLOAT.but(weights=weights, diagonal=True, cells=7, time_major=time_major))


@needs_litert
def test_hybrid_lstm_reads_uint8_weights_as_int8():
    compare(FLOAT.but(weights="uint8", peephole=True, projection=5))


@needs_litert
@pytest.mark.parametrize("activation", [1, 2, 3, 5])
def test_float_lstm_takes_other_activations(activation):
    compare(FLOAT.but(activation=activation))


def test_float_lstm_refuses_activation_none_which_leaves_buffers_as_they_were():
    with pytest.raises(qref.ModelError, match="NONE"):
        qref.Interpreter(model_content=lstm_model(FLOAT.but(activation=0))).allocate_tensors()


@needs_litert
@pytest.mark.parametrize("scale", [30.0, 1e3, 1e30])
@pytest.mark.parametrize("kind", ["float32", "hybrid", "asymmetric"])
def test_lstm_saturates_as_litert_does(kind, scale):
    model = lstm_model(KINDS[kind].but(cells=9))
    rounds = [{0: arrays[0] * np.float32(scale)} for arrays in random_rounds(model)]
    assert_equals_litert(model, rounds)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kernels", ["numba", "numpy"])
def test_lstm_keeps_its_state_until_it_is_reset(kind, kernels):
    model = lstm_model(KINDS[kind])
    interpreter = qref.Interpreter(model_content=model, kernels=kernels)
    interpreter.allocate_tensors()
    x, y = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    interpreter.set_tensor(x, random_rounds(model)[0][0])
    results = []
    for reset in (False, False, True):
        if reset:
            interpreter.reset_all_variables()
        interpreter.invoke()
        results.append(interpreter.get_tensor(y).copy())
    assert not np.array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


VARIANTS = st.builds(
    Variant,
    integer=st.just(True),
    cifg=st.booleans(),
    peephole=st.booleans(),
    layer_norm=st.booleans(),
    projection=st.sampled_from([0, 3]),
    projection_bias=st.booleans(),
    clip=st.booleans(),
    time_major=st.booleans(),
    time=st.integers(1, 3),
    batch=st.integers(1, 2),
    depth=st.integers(1, 4),
    cells=st.integers(3, 5),
    seed=st.integers(0, 1000),
)


@given(VARIANTS, st.data())
@settings(max_examples=40)
def test_explanations_of_the_integer_lstm_end_in_the_reference(variant, data):
    prepared, tensors = prepared_with_inputs(lstm_model(variant), lstm.prepare, variant.seed)
    y, *_ = prepared.reference(*tensors, prepared.plan)
    check_explanation(prepared, tensors, y, tuple(data.draw(st.integers(0, n - 1)) for n in y.shape))


def test_an_explanation_names_gates_and_states():
    prepared, tensors = prepared_with_inputs(lstm_model(INTEGER), lstm.prepare)
    names = [step.name for step in prepared.explain(*tensors, prepared.plan, (0, 0, 0))]
    wanted = [
        "x",
        "h",
        "c_before",
        "acc_input",
        "input_gate",
        "acc_forget",
        "forget_gate",
        "cell_gate",
        "kept",
        "c",
        "output_gate",
    ]
    assert [name for name in names if name in (*wanted, "y")] == [*wanted, "y"]


def test_the_lstm_returns_arrays_of_its_own():
    for variant in KINDS.values():
        prepared, tensors = prepared_with_inputs(lstm_model(variant), lstm.prepare)
        for result in prepared.reference(*tensors, prepared.plan):
            assert not any(np.shares_memory(result, tensor) for tensor in tensors if tensor is not None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_lstm_is_refused_or_runs(kind):
    variant = KINDS[kind].but(peephole=True, layer_norm=True, projection=6)
    assert survive_damage(lstm_model(variant)) > 100


def test_a_cell_state_whose_scale_is_no_power_of_two_is_refused():
    model = lstm_model(INTEGER)
    graph = model.subgraphs[0]
    odd = Quantization(np.float32([0.003]), np.zeros(1, np.int64))
    tensors = tuple(replace(t, quantization=odd) if t.name == "cell state" else t for t in graph.tensors)
    with pytest.raises(qref.ModelError, match=r"power of two from 2\^-30 to 1"):
        qref.Interpreter(model_content=replace(model, subgraphs=(replace(graph, tensors=tensors),))).allocate_tensors()


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the real models are not in {SHARED}")
@pytest.mark.parametrize("name", ["trained_lstm", "trained_lstm_int8"])
def test_trained_lstm_reads_the_mnist_digits(name):
    image = pytest.importorskip("PIL.Image")
    interpreter = qref.Interpreter(SHARED / f"models/tflm/{name}.tflite")
    interpreter.allocate_tensors()
    x, y = interpreter.get_input_details()[0], interpreter.get_output_details()[0]["index"]
    digits = []
    for digit in range(10):
        pixels = np.asarray(image.open(SHARED / f"data/mnist/sample{digit}.png").convert("L"))
        real = pixels.reshape(x["shape"]).astype(np.float32) / 255
        scale, zero_point = x["quantization"]
        values = real if x["dtype"] == np.float32 else np.clip(np.round(real / scale) + zero_point, -128, 127).astype(np.int8)
        interpreter.reset_all_variables()
        interpreter.set_tensor(x["index"], values)
        interpreter.invoke()
        digits.append(int(interpreter.get_tensor(y).argmax()))
    assert digits == list(range(10))
