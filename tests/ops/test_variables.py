"""VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE and CALL_ONCE: what streaming models remember from one invoke to the next."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_equals_litert, litert, needs_litert, run_qref

import qref
from qref.schema import GraphBuilder, Model, TensorType, write

I8, I32, F32, BOOL, RESOURCE = TensorType.INT8, TensorType.INT32, TensorType.FLOAT32, TensorType.BOOL, TensorType.RESOURCE
VARIABLE = ("VarHandleOptions", {"shared_name": "ring", "container": ""})
SCALED = {"scale": 0.05, "zero_point": -4}


def ring_buffer(initial: bool = True, declared: tuple[int, ...] = (1, 3, 8), use_slice: bool = False) -> Model:
    """y = the last three frames and x: CALL_ONCE, READ, CONCATENATION, STRIDED_SLICE or SLICE, ASSIGN."""
    graph = GraphBuilder()
    x = graph.input("x", I8, (1, 1, 8), **SCALED)
    handle, held = graph.tensor("handle", RESOURCE), graph.tensor("held", I8, declared, **SCALED)
    y, kept = graph.tensor("y", I8, (1, 4, 8), **SCALED), graph.tensor("kept", I8, (1, 3, 8), **SCALED)
    if initial:
        graph.operator("CALL_ONCE", [], [], ("CallOnceOptions", {"init_subgraph_index": 1}))
    graph.operator("VAR_HANDLE", [], [handle], VARIABLE)
    graph.operator("READ_VARIABLE", [handle], [held])
    graph.operator("CONCATENATION", [held, x], [y], ("ConcatenationOptions", {"axis": 1}), version=2)
    begin = graph.constant("begin", np.array([0, 1, 0], np.int32))
    if use_slice:
        size = graph.constant("size", np.array([-1, 3, 8], np.int32))
        graph.operator("SLICE", [y, begin, size], [kept], version=2)
    else:
        end, strides = graph.constant("end", np.array([0, 4, 8], np.int32)), graph.constant("strides", np.ones(3, np.int32))
        masks = ("StridedSliceOptions", {"begin_mask": 5, "end_mask": 5})
        graph.operator("STRIDED_SLICE", [y, begin, end, strides], [kept], masks, version=2)
    graph.operator("ASSIGN_VARIABLE", [handle, kept], [])
    graph.outputs(y)
    if initial:
        init = graph.subgraph("init")
        inner = init.tensor("handle", RESOURCE)
        frames = init.constant("frames", np.arange(24, dtype=np.int8).reshape(1, 3, 8), **SCALED)
        init.operator("VAR_HANDLE", [], [inner], VARIABLE)
        init.operator("ASSIGN_VARIABLE", [inner, frames], [])
        init.outputs()
    return graph.model()


def frames(count: int) -> list[dict[int, np.ndarray]]:
    rng = np.random.default_rng(0)
    return [{0: rng.integers(-128, 128, (1, 1, 8)).astype(np.int8)} for _ in range(count)]


@needs_litert
@pytest.mark.parametrize("use_slice", [False, True])
@pytest.mark.parametrize("declared", [(1, 3, 8), ()])
def test_a_ring_buffer_keeps_its_frames_over_several_invokes(use_slice, declared):
    assert_equals_litert(ring_buffer(use_slice=use_slice, declared=declared), frames(7))


def test_the_variable_starts_with_what_call_once_assigned():
    (first, *_) = run_qref(ring_buffer(), frames(2), "numpy")
    y = first[3]
    np.testing.assert_array_equal(y[:, :3].reshape(-1), np.arange(24))


def test_call_once_runs_once_whatever_is_reset_or_allocated_again():
    interpreter = qref.Interpreter(model_content=ring_buffer())
    interpreter.allocate_tensors()
    for frame in frames(4):
        interpreter.set_tensor(0, frame[0])
        interpreter.invoke()
    interpreter.reset_all_variables()
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, np.zeros((1, 1, 8), np.int8))
    interpreter.invoke()
    y = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_array_equal(y[0, :3], np.concatenate([f[0][0] for f in frames(4)][1:]))


def test_a_fresh_interpreter_has_fresh_variables():
    model = ring_buffer()
    first, second = (run_qref(model, frames(1), "numpy")[0][3] for _ in range(2))
    np.testing.assert_array_equal(first, second)


@needs_litert
def test_reading_before_assigning_is_refused():
    model = ring_buffer(initial=False)
    with pytest.raises(qref.BackendError):
        litert().run(write(model), frames(1))
    with pytest.raises(qref.ModelError, match="read before anything is assigned"):
        run_qref(model, frames(1), "numpy")


def test_reading_another_size_than_was_assigned_is_refused():
    with pytest.raises(qref.ModelError, match=r"the variable holds int8 \[1, 3, 8\]"):
        run_qref(ring_buffer(declared=(1, 2, 8)), frames(1), "numpy")


def test_call_once_refuses_a_subgraph_that_is_not_there():
    graph = GraphBuilder()
    graph.input("x", F32, (1,))
    graph.operator("CALL_ONCE", [], [], ("CallOnceOptions", {"init_subgraph_index": 3}))
    with pytest.raises(qref.ModelError, match="subgraph below 1, found 3"):
        run_qref(graph.model(outputs=[0]), [{0: np.zeros(1, np.float32)}], "numpy")
