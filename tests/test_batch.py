"""Many samples give the bytes that they give one by one, whether they are computed in turn or as a batch."""

from dataclasses import replace

import numpy as np
import pytest

import qref
from qref.batch import MANY, together
from qref.models import FOLDER
from qref.sample_wise import held_samples
from qref.schema import GraphBuilder, TensorType

MODELS = sorted(FOLDER.glob("*.tflite"))
RUNTIMES = ("litert-reference", "litert-optimized", "xnnpack")
BATCHED = {("digits_cnn_int8", runtime) for runtime in RUNTIMES} | {
    (f"digits_cnn_{name}", "litert-reference") for name in ("int16", "float", "drq", "f16")
}


def drawn(interpreter, count, seed=0):
    rng, found = np.random.default_rng(seed), {}
    for detail in interpreter.get_input_details():
        shape, dtype = (count, *detail["shape"]), np.dtype(detail["dtype"])
        integers = dtype.kind in "iu"
        found[detail["index"]] = (
            rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)
            if integers
            else rng.normal(size=shape).astype(dtype)
        )
    return found


def one_by_one(interpreter, samples, tensors):
    interpreter.allocate_tensors()
    interpreter.reset_all_variables()
    found = {index: [] for index in tensors}
    for number in range(len(next(iter(samples.values())))):
        for index, arrays in samples.items():
            interpreter.set_tensor(index, arrays[number])
        interpreter.invoke()
        for index in tensors:
            found[index].append(interpreter.get_tensor(index))
    return {index: np.stack(arrays) for index, arrays in found.items()}


def joined(chunks):
    chunks = list(chunks)
    return {index: np.concatenate([chunk[index] for chunk in chunks]) for index in chunks[0]}


def assert_same(got, want):
    assert got.keys() == want.keys()
    for index, array in want.items():
        assert got[index].dtype == array.dtype
        assert got[index].shape == array.shape
        assert got[index].tobytes() == array.tobytes(), index


def written(model):
    graph = model.subgraphs[0]
    return [i for o in graph.operators for i in o.outputs if graph.tensors[i].type.dtype is not None]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_tensor_of_bundled_models_has_the_bytes_of_one_by_one(path, runtime):
    model = qref.load(path)
    interpreter = qref.Interpreter(model_content=model, runtime=runtime)
    samples, tensors = drawn(interpreter, 19), written(model)
    want = one_by_one(interpreter, samples, tensors)
    interpreter.reset_all_variables()
    assert_same(
        joined(qref.invoke_many(interpreter, samples, tensors, chunk_bytes=0)), want
    )  # chunks of 8, the last one not full


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_batch_holds_every_tensor_of_its_samples(path, runtime):
    interpreter = qref.Interpreter(path, runtime=runtime)
    interpreter.allocate_tensors()
    several = together(interpreter, 5)
    assert (several is not None) == ((path.stem, runtime) in BATCHED)
    if several is None:
        return
    many, held = several
    samples = drawn(interpreter, 5)
    want = one_by_one(interpreter, samples, sorted(held))
    for index, arrays in samples.items():
        many.set_tensor(index, arrays.reshape(5, *arrays.shape[2:]))
    many.invoke()
    assert_same({index: many.get_tensor(index).reshape(want[index].shape) for index in held}, want)


def test_a_small_model_goes_over_to_batches():
    graph = GraphBuilder()
    x = graph.input("x", TensorType.INT8, (1, 4), scale=0.1)
    w = graph.constant("w", np.arange(8).astype(np.int8).reshape(2, 4), scale=[0.5, 0.25], quantized_dimension=0)
    y = graph.tensor("y", TensorType.INT8, (1, 2), scale=0.9, zero_point=3)
    graph.operator("FULLY_CONNECTED", [x, w, None], [y], ("FullyConnectedOptions", {}), version=4)
    interpreter = qref.Interpreter(model_content=graph.model(outputs=[y]))
    samples = drawn(interpreter, 2 * MANY + 77)
    want = one_by_one(interpreter, samples, [y])
    assert_same(joined(qref.invoke_many(interpreter, samples)), want)
    listed = ({x: array} for array in samples[x])
    assert_same(joined(qref.invoke_many(interpreter, listed)), want)


def resized(graph, outputs, batch=3, runtime="litert-reference"):
    interpreter = qref.Interpreter(model_content=graph.model(outputs=outputs), runtime=runtime)
    interpreter.allocate_tensors()
    return together(interpreter, batch)


def test_reshape_to_a_constant_batch_of_one_is_freed():
    graph = GraphBuilder()
    x = graph.input("x", TensorType.INT8, (1, 2, 6), scale=0.1)
    shape = graph.constant("shape", np.array([1, 12], np.int32))
    y, z = (graph.tensor(name, TensorType.INT8, size, scale=0.1) for name, size in (("y", (1, 12)), ("z", (1, 3, 4))))
    graph.operator("RESHAPE", [x, shape], [y], ("ReshapeOptions", {"new_shape": [1, 12]}))
    graph.operator("RESHAPE", [y], [z], ("ReshapeOptions", {"new_shape": [1, 3, 4]}))
    many, held = resized(graph, [z])
    assert held == {x, y, z}
    image = np.arange(36).astype(np.int8).reshape(3, 2, 6)
    many.set_tensor(x, image)
    many.invoke()
    np.testing.assert_array_equal(many.get_tensor(z), image.reshape(3, 3, 4))


def one_operator(name, shape_in, shape_out, *constants, options=None, scale=0.1):
    graph = GraphBuilder()
    x = graph.input("x", TensorType.INT8, shape_in, scale=0.1)
    others = [graph.constant(f"c{n}", np.array(values, np.int32)) for n, values in enumerate(constants)]
    y = graph.tensor("y", TensorType.INT8, shape_out, scale=scale)
    graph.operator(name, [x, *others], [y], options)
    return graph, [y]


MIXING = {
    "samples in reverse": lambda: one_operator("REVERSE_V2", (1, 4), (1, 4), [0]),
    "the first sample alone": lambda: one_operator(
        "STRIDED_SLICE", (1, 4), (1, 4), [0, 0], [1, 4], [1, 1], options=("StridedSliceOptions", {})
    ),
    "a mean over samples": lambda: one_operator("MEAN", (1, 4), (1, 4), [0], options=("ReducerOptions", {"keep_dims": True})),
    "a normalization over samples": lambda: one_operator(
        "L2_NORMALIZATION", (1,), (1,), options=("L2NormOptions", {}), scale=1 / 128
    ),
}


@pytest.mark.parametrize("name", MIXING)
def test_what_mixes_samples_is_no_batch(name):
    assert resized(*MIXING[name]()) is None


def test_a_movement_within_samples_is_a_batch():
    assert resized(*one_operator("REVERSE_V2", (1, 4), (1, 4), [1])) is not None
    assert resized(*one_operator("PAD", (1, 4), (1, 7), [[0, 0], [1, 2]])) is not None


def test_operands_of_fewer_axes_would_meet_other_samples():
    for shape in ((1, 1, 4), (1, 4)):
        graph = GraphBuilder()
        x = graph.input("x", TensorType.INT8, (1, 1, 4), scale=0.1)
        z = graph.input("z", TensorType.INT8, shape, scale=0.1)
        y = graph.tensor("y", TensorType.INT8, (1, 1, 4), scale=0.1)
        graph.operator("ADD", [x, z], [y], ("AddOptions", {}))
        assert (resized(graph, [y]) is not None) == (len(shape) == 3)


def test_vector_code_that_ends_within_a_sample_is_no_batch():
    def graph_of(size):
        graph = GraphBuilder()
        x = graph.input("x", TensorType.INT8, (1, size), scale=0.1)
        y = graph.tensor("y", TensorType.INT8, (1, size), scale=0.3)
        graph.operator("QUANTIZE", [x], [y], ("QuantizeOptions", {}))
        return graph, [y]

    assert resized(*graph_of(20), runtime="litert-optimized") is None
    assert resized(*graph_of(32), runtime="litert-optimized") is not None
    assert resized(*graph_of(20), runtime="litert-reference") is not None


def test_functions_of_floats_that_treat_the_last_ones_otherwise_are_no_batch():
    for runtime, found in (("litert-reference", True), ("litert-optimized", False)):
        graph = GraphBuilder()
        x, y = graph.input("x", TensorType.FLOAT32, (1, 8)), graph.tensor("y", TensorType.FLOAT32, (1, 8))
        graph.operator("LOGISTIC", [x], [y])
        assert (resized(graph, [y], runtime=runtime) is not None) == found


def test_another_plan_is_another_computation():
    interpreter = qref.Interpreter(qref.bundled("digits_cnn_int8"))
    interpreter.allocate_tensors()
    many, held = together(interpreter, 4)
    assert held_samples(interpreter.main, many.main, 4) == held
    step = many.main.steps[0]
    step.prepared = replace(step.prepared, plan=replace(step.prepared.plan, output_offset=5))
    assert held_samples(interpreter.main, many.main, 4) is None


def test_samples_that_do_not_fit_are_refused():
    interpreter = qref.Interpreter(qref.bundled("digits_cnn_int8"))
    (index,) = (d["index"] for d in interpreter.get_input_details())
    for wrong in (
        {index: np.zeros((3, 8, 8, 1), np.int8)},
        {index: np.zeros((3, 1, 8, 8, 1), np.uint8)},
        {},
        [{index: np.zeros((1, 8, 8, 1), np.int8)}, {}],
        [{index: np.zeros((1, 8, 8, 1), np.int8)}, {index: np.zeros((1, 8, 9, 1), np.int8)}],
    ):
        with pytest.raises(qref.InputError, match=r"samples from 0 on: tensor 0 .* takes int8 of shape \[1, 8, 8, 1\] for each"):
            list(qref.invoke_many(interpreter, wrong))
    graph = GraphBuilder()
    x, z = (graph.input(name, TensorType.INT8, (1, 4), scale=0.1) for name in "xz")
    y = graph.tensor("y", TensorType.INT8, (1, 4), scale=0.1)
    graph.operator("ADD", [x, z], [y], ("AddOptions", {}))
    adds, unequal = qref.Interpreter(model_content=graph.model(outputs=[y])), {x: np.zeros((2, 1, 4), np.int8)}
    with pytest.raises(qref.InputError, match="is given 2 samples, another input 3"):
        list(qref.invoke_many(adds, {**unequal, z: np.zeros((3, 1, 4), np.int8)}))
    with pytest.raises(qref.InputError, match="tensor index 99"):
        list(qref.invoke_many(interpreter, {}, [99]))
    floats = qref.Interpreter(qref.bundled("digits_cnn_float"))
    with pytest.raises(qref.InputError, match="NaN"):
        list(qref.invoke_many(floats, {0: np.full((9, 1, 8, 8, 1), np.nan, np.float32)}))
