import numpy as np
import pytest
from explanations import check_explanation
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import assert_equals_litert, needs_litert, run_qref
from recurrent_models import Variant, prepared_with_inputs, random_rounds, survive_damage, svdf_model, with_least_weights

import qref
from qref.ops import svdf
from qref.schema import GraphBuilder, TensorType

RELU = 1
KINDS = {"float32": Variant(), "hybrid": Variant(weights="int8"), "asymmetric": Variant(weights="int8", asymmetric=True)}
INTEGER = Variant(integer=True, activation=RELU)


@needs_litert
@pytest.mark.parametrize("seed", range(8))
def test_integer_svdf_equals_litert_while_its_memory_fills(seed):
    model = svdf_model(INTEGER.but(cells=16, depth=12, batch=1 + seed % 3, seed=seed), rank=1 + seed % 3, bias=seed % 2 == 0)
    assert_equals_litert(model, random_rounds(model, count=10))


@needs_litert
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rank", [1, 2, 4, 5, 9])
def test_float_svdf_sums_in_the_order_of_litert(kind, rank):
    model = svdf_model(KINDS[kind].but(activation=RELU, depth=13, seed=rank), rank=rank, memory=10, bias=rank != 2)
    assert_equals_litert(model, random_rounds(model, count=12))


@needs_litert
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", range(6))
def test_float_svdf_takes_every_activation(kind, activation):
    model = svdf_model(KINDS[kind].but(activation=activation))
    assert_equals_litert(model, random_rounds(model))


@needs_litert
def test_svdf_features_are_scaled_by_a_float32_product():
    """Scales for which a float64 product would give other features; outputs show the state's distance from what is expected."""
    for seed in range(4):
        model, rounds = _feature_model(seed)
        assert_equals_litert(model, rounds)


def _feature_model(seed: int):
    rng, units, depth = np.random.default_rng(seed), 4000, 6
    x_scale, w_scale = np.float32(rng.uniform(0.01, 0.1, 2))
    state_scale = np.float32(x_scale * w_scale * rng.uniform(2, 3))
    x, w = rng.integers(-128, 128, (1, depth)).astype(np.int8), rng.integers(-127, 128, (units, depth)).astype(np.int8)
    expected = np.rint((x.astype(np.int64) @ w.T)[0] * (float(x_scale) * float(w_scale) / float(state_scale)))
    graph = GraphBuilder()
    inputs = [
        graph.input("x", TensorType.INT8, (1, depth), scale=x_scale),
        graph.constant("w", w, scale=w_scale),
        graph.constant("time weights", np.ones((units, 1), np.int16), scale=0.5),
        graph.constant("bias", -expected.astype(np.int32), scale=state_scale / 2),
        graph.variable("state", TensorType.INT16, (1, units), scale=state_scale),
    ]
    y = graph.tensor("y", TensorType.INT8, (1, units), scale=state_scale * np.float32(0.5))
    graph.operator("SVDF", inputs, [y], ("SVDFOptions", {"rank": 1, "fused_activation_function": RELU}), version=3)
    return graph.model(outputs=[y]), [{0: x}]


def test_svdf_forgets_what_is_older_than_its_memory():
    model = svdf_model(INTEGER.but(batch=1), memory=3)
    rounds, y = random_rounds(model, count=4), model.subgraphs[0].outputs[0]
    np.testing.assert_array_equal(run_qref(model, rounds, "numba")[3][y], run_qref(model, rounds[1:], "numba")[2][y])


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 4), st.booleans())
@settings(max_examples=30)
def test_explanations_of_svdf_end_in_the_reference(seed, rank, memory, bias):
    model = svdf_model(INTEGER.but(seed=seed, cells=2, depth=3), rank=rank, memory=memory, bias=bias)
    check_all(model, seed)


@pytest.mark.parametrize("activation", range(6))
@pytest.mark.parametrize("kind", KINDS)
def test_explanations_of_float_svdf_end_in_the_reference(kind, activation):
    variant = KINDS[kind].but(activation=activation, cells=2, depth=21, seed=activation)
    model = svdf_model(variant, rank=1 + activation, memory=10, bias=activation != 2)
    check_all(with_least_weights(model) if activation % 2 else model)


@pytest.mark.parametrize("kind", ["hybrid", "asymmetric"])
def test_explanations_of_hybrid_svdf_show_row_sums_that_overflow(kind):
    model = svdf_model(KINDS[kind].but(cells=1, batch=1, depth=4203), rank=1)
    prepared, tensors = prepared_with_inputs(model, svdf.prepare)
    tensors[1] = np.abs(tensors[1])
    names = {step.name for step in check_explanation(prepared, tensors, prepared.reference(*tensors, prepared.plan)[0], (0, 0))}
    assert ("lane_7_w_0" in names) == (kind == "asymmetric")


@pytest.mark.parametrize("kind", KINDS)
def test_explanations_of_svdf_take_inputs_of_zeros(kind):
    prepared, tensors = prepared_with_inputs(svdf_model(KINDS[kind]), svdf.prepare)
    tensors[0] = np.zeros_like(tensors[0])
    check_explanation(prepared, tensors, prepared.reference(*tensors, prepared.plan)[0], (1, 1))


def check_all(model, seed=0):
    prepared, tensors = prepared_with_inputs(model, svdf.prepare, seed)
    y, _ = prepared.reference(*tensors, prepared.plan)
    for element in np.ndindex(y.shape):
        check_explanation(prepared, tensors, y, element)


def test_svdf_refuses_a_rank_that_does_not_divide_the_filters():
    model = svdf_model(INTEGER.but(cells=3), rank=2)
    model.subgraphs[0].operators[0].options.values["rank"] = 4
    with pytest.raises(qref.ModelError, match="rank is 4"):
        qref.Interpreter(model_content=model).allocate_tensors()


@pytest.mark.parametrize("variant", [INTEGER, *KINDS.values()], ids=["integer", *KINDS])
def test_a_damaged_svdf_is_refused_or_runs(variant):
    assert survive_damage(svdf_model(variant)) > 20
