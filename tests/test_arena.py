"""Tensors that share memory: the plan keeps those apart that live at once, and the results stay the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qref
from qref.arena import Placement, plan
from qref.inputs import draw_inputs
from qref.kernels.cpu import COMPILED
from qref.models import FOLDER
from qref.schema import GraphBuilder, TensorType

MODELS = sorted(FOLDER.glob("*.tflite"))
RUNTIMES = ("litert-reference", "litert-optimized", "xnnpack")


@st.composite
def lives(draw):
    tensors = []
    for number in range(draw(st.integers(0, 12))):
        first = draw(st.integers(0, 9))
        tensors.append(Placement(number, f"t{number}", draw(st.integers(0, 300)), first, draw(st.integers(first, 9))))
    return tensors


@given(lives(), st.sampled_from([1, 16, 64]))
def test_tensors_that_live_at_once_have_memory_of_their_own(tensors, alignment):
    made = plan(tensors, alignment)
    assert sorted(p.tensor for p in made.placements) == [t.tensor for t in tensors]
    for p in made.placements:
        assert p.offset % alignment == 0
        assert p.offset + p.bytes <= made.bytes
        for q in made.placements:
            if p is not q and p.first <= q.last and q.first <= p.last and p.bytes and q.bytes:
                assert p.offset + p.bytes <= q.offset or q.offset + q.bytes <= p.offset
    assert max((sum(t.bytes for t in tensors if t.first <= n <= t.last) for n in range(10)), default=0) <= made.bytes
    assert made.unshared == sum(t.bytes for t in tensors)


def test_a_chain_needs_two_neighbors_at_a_time():
    sizes = (64, 640, 128, 64)
    made = plan([Placement(n, "", size, n, n + 1) for n, size in enumerate(sizes)])
    assert {p.tensor: p.offset for p in made.placements} == {0: 640, 1: 0, 2: 640, 3: 0}
    assert (made.bytes, made.unshared) == (768, 896)


def test_the_narrowest_gap_is_taken():
    others = [(300, 0, 9), (200, 0, 4), (250, 0, 9), (100, 0, 4), (240, 0, 9)]
    made = plan([*(Placement(n, "", *life) for n, life in enumerate(others)), Placement(9, "", 90, 5, 9)], alignment=1)
    assert {p.tensor: p.offset for p in made.placements} == {0: 0, 2: 300, 4: 550, 1: 790, 3: 990, 9: 790}


@pytest.mark.parametrize("kernels", ["numba", "numpy"])
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("path", [p for p in MODELS if "lstm" not in p.stem], ids=lambda path: path.stem)
def test_results_do_not_depend_on_what_is_kept(path, runtime, kernels):
    compare(path, 2, runtime=runtime, kernels=kernels)


def test_states_are_kept():
    compare(qref.bundled("deepconvlstm_int8"), 3, runtime="xnnpack")


def compare(path, rounds, **options):
    model = qref.load(path)
    graph = model.subgraphs[0]
    all_kept = qref.Interpreter(model_content=model, **options)
    few_kept = qref.Interpreter(model_content=model, experimental_preserve_all_tensors=False, num_threads=2, **options)
    for r in range(rounds):
        for interpreter in (all_kept, few_kept):
            interpreter.allocate_tensors()
            for position, array in draw_inputs(model, r).items():
                interpreter.set_tensor(graph.inputs[position], array)
            interpreter.invoke()
        for tensor in graph.tensors:
            if few_kept.is_held(tensor.index):
                assert few_kept.get_tensor(tensor.index).tobytes() == all_kept.get_tensor(tensor.index).tobytes(), tensor.index
        assert all(few_kept.is_held(index) for index in (*graph.inputs, *graph.outputs))


@pytest.mark.skipif(not COMPILED, reason="without compilation there are no programs, and no arena")
def test_tensors_lie_where_the_plan_says():
    interpreter = qref.Interpreter(qref.bundled("digits_cnn_int8"), experimental_preserve_all_tensors=False)
    interpreter.allocate_tensors()
    interpreter.invoke()
    made, places = interpreter.memory_plan(), interpreter.main.places
    assert places.keys() == {p.tensor for p in made.placements}
    assert len({places[p.tensor].ctypes.data - p.offset for p in made.placements}) == 1
    assert made.bytes < made.unshared


def test_a_tensor_that_is_not_kept_cannot_be_read():
    interpreter = qref.Interpreter(qref.bundled("digits_cnn_int8"), experimental_preserve_all_tensors=False)
    interpreter.allocate_tensors()
    interpreter.invoke()
    graph = interpreter.model.subgraphs[0]
    (between, *_) = graph.operators[0].outputs
    assert not interpreter.is_held(between)
    for read in (interpreter.get_tensor, lambda index: interpreter.tensor(index)()):
        with pytest.raises(qref.InputError, match=r"is not kept.*experimental_preserve_all_tensors=True"):
            read(between)
    with pytest.raises(qref.InputError, match="is not kept"):
        list(qref.invoke_many(interpreter, {}, [between]))


def test_a_result_that_is_its_input_is_copied():
    graph, shape = GraphBuilder(), (4, 8)
    x = graph.input("x", TensorType.INT8, shape, scale=0.1)
    a, b, c, d = (graph.tensor(name, TensorType.INT8, shape, scale=0.1) for name in "abcd")
    y = graph.tensor("y", TensorType.INT32, shape)
    graph.operator("RELU", [x], [a])
    graph.operator("RELU", [a], [b])
    graph.operator("RELU_N1_TO_1", [x], [c])  # where a was
    graph.operator("RELU6", [c], [d])
    graph.operator("CAST", [b], [y], ("CastOptions", {}))
    values = np.arange(32).astype(np.int8).reshape(shape)
    for keep in (True, False):
        interpreter = qref.Interpreter(model_content=graph.model(outputs=[d, y]), experimental_preserve_all_tensors=keep)
        interpreter.allocate_tensors()
        assert interpreter.replace_operator(1, lambda plan, constants: lambda array: array)
        interpreter.set_tensor(x, values)
        interpreter.invoke()
        np.testing.assert_array_equal(interpreter.get_tensor(y), values)


def test_a_plan_needs_shapes_and_an_alignment():
    interpreter = qref.Interpreter(qref.bundled("digits_cnn_int8"))
    with pytest.raises(qref.InputError, match=r"call allocate_tensors\(\)"):
        interpreter.memory_plan()
    interpreter.allocate_tensors()
    with pytest.raises(qref.InputError, match="at least 1, found 0"):
        interpreter.memory_plan(0)
    assert interpreter.memory_plan(1).bytes <= interpreter.memory_plan(64).bytes
    assert "tensor" in str(interpreter.memory_plan())
    assert interpreter.memory_plan().to_dict()["placements"][0]["offset"] >= 0
