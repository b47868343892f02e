"""IF and WHILE."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert, run_qref

import qref
from qref.schema import GraphBuilder, Model, TensorType

I32, F32, BOOL = TensorType.INT32, TensorType.FLOAT32, TensorType.BOOL


def conditional(different_shapes: bool = False) -> Model:
    """y = c ? x upside down : x transposed or padded, and the shape of y."""
    graph = GraphBuilder()
    condition, x = graph.input("c", BOOL, ()), graph.input("x", F32, (2, 2))
    y, shape = graph.tensor("y", F32, (2, 2)), graph.tensor("shape", I32, (2,))
    branches = [graph.subgraph("then"), graph.subgraph("else")]
    graph.operator("IF", [condition, x], [y], ("IfOptions", {"then_subgraph_index": 1, "else_subgraph_index": 2}))
    graph.operator("SHAPE", [y], [shape], ("ShapeOptions", {"out_type": I32}))
    graph.outputs(y, shape)
    for number, branch in enumerate(branches):
        a = branch.input("a", F32, (2, 2))
        b = branch.tensor("b", F32, (2, 2))
        if number and different_shapes:
            branch.operator("PAD", [a, branch.constant("p", np.array([[1, 0], [0, 2]], np.int32))], [b])
        else:
            order = branch.constant("order", np.array([1, 0], np.int32))
            axis = branch.constant("axis", np.array([0], np.int32))
            branch.operator(*(("TRANSPOSE", [a, order], [b]) if number else ("REVERSE_V2", [a, axis], [b])))
        branch.outputs(b)
    return graph.model()


def counting(limit: int, growing: bool = False) -> Model:
    """(i, x): while i < limit: i += 1, x doubles its values, or its rows."""
    graph = GraphBuilder()
    i, x = graph.input("i", I32, (1,)), graph.input("x", F32, (1, 2))
    j, y = graph.tensor("j", I32, (1,)), graph.tensor("y", F32, (1, 2))
    condition, body = graph.subgraph("condition"), graph.subgraph("body")
    graph.operator("WHILE", [i, x], [j, y], ("WhileOptions", {"cond_subgraph_index": 1, "body_subgraph_index": 2}))
    graph.outputs(j, y)

    a, _ = condition.input("a", I32, (1,)), condition.input("b", F32, (1, 2))
    verdict = condition.tensor("verdict", BOOL, (1,))
    condition.operator("LESS", [a, condition.constant("limit", np.array([limit], np.int32))], [verdict])
    condition.outputs(verdict)

    a, b = body.input("a", I32, (1,)), body.input("b", F32, (1, 2))
    c, d = body.tensor("c", I32, (1,)), body.tensor("d", F32, (1, 2))
    body.operator("ADD", [a, body.constant("one", np.array([1], np.int32))], [c], ("AddOptions", {}))
    if growing:
        body.operator("CONCATENATION", [b, b], [d], ("ConcatenationOptions", {"axis": 0}))
    else:
        body.operator("ADD", [b, b], [d], ("AddOptions", {}))
    body.outputs(c, d)
    return graph.model()


@needs_litert
@pytest.mark.parametrize("different_shapes", [False, True])
def test_if_runs_the_branch_that_the_condition_names(different_shapes):
    x = np.array([[1, -2], [3, 4.5]], np.float32)
    rounds = [{0: np.array(c), 1: x * k} for k, c in enumerate([True, False, True, True, False])]
    assert_equals_litert(conditional(different_shapes), rounds)


@needs_litert
@pytest.mark.parametrize("growing", [False, True])
def test_while_runs_its_body_as_long_as_the_condition_holds(growing):
    x = np.array([[1, -2]], np.float32)
    rounds = [{0: np.array([i], np.int32), 1: x} for i in (0, 3, 5, 9, 2)]
    assert_equals_litert(counting(5, growing), rounds)


def test_a_loop_that_does_not_end_is_refused():
    interpreter = qref.Interpreter(model_content=counting(100), limits=qref.Limits(max_calls=50))
    interpreter.allocate_tensors()
    with pytest.raises(qref.ModelError, match="max_calls is 50"):
        interpreter.invoke()


def test_a_subgraph_that_calls_itself_is_refused():
    graph = GraphBuilder()
    condition, x = graph.input("c", BOOL, ()), graph.input("x", F32, (2,))
    y = graph.tensor("y", F32, (2,))
    branch = graph.subgraph("branch")
    calls = ("IfOptions", {"then_subgraph_index": 1, "else_subgraph_index": 1})
    graph.operator("IF", [condition, condition, x], [y], calls)
    graph.outputs(y)
    a, b = branch.input("a", BOOL, ()), branch.input("b", F32, (2,))
    c = branch.tensor("c", F32, (2,))
    branch.operator("IF", [a, a, b], [c], calls)
    branch.outputs(c)
    with pytest.raises(qref.ModelError, match="do not call themselves"):
        run_qref(graph.model(), [{0: np.array(True), 1: np.ones(2, np.float32)}], "numpy")


@pytest.mark.parametrize("index", [-1, 7])
def test_subgraphs_that_are_not_there_are_refused(index):
    graph = GraphBuilder()
    condition, x = graph.input("c", BOOL, ()), graph.input("x", F32, (2,))
    y = graph.tensor("y", F32, (2,))
    graph.operator("IF", [condition, x], [y], ("IfOptions", {"then_subgraph_index": index, "else_subgraph_index": 0}))
    with pytest.raises(qref.ModelError):
        run_qref(graph.model(outputs=[y]), [{0: np.array(True), 1: np.ones(2, np.float32)}], "numpy")
