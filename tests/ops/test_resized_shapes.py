"""Shape arithmetic: what converters write where a dimension is open, before and after the input is resized."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert

import qref
from qref.schema import GraphBuilder, Model, TensorType

F32, I32 = TensorType.FLOAT32, TensorType.INT32


def flatten() -> Model:
    """RESHAPE to [n, -1], with n from SHAPE, STRIDED_SLICE and PACK."""
    graph = GraphBuilder()
    x = graph.input("x", F32, (1, 2, 3), shape_signature=(-1, 2, 3))
    shape, batch, wanted = graph.tensor("shape", I32, (3,)), graph.tensor("batch", I32), graph.tensor("wanted", I32, (2,))
    y, total = graph.tensor("y", F32, (1, 6)), graph.tensor("total", I32)
    graph.operator("SHAPE", [x], [shape], ("ShapeOptions", {"out_type": I32}))
    ends = [graph.constant(f"c{n}", np.array([n], np.int32)) for n in (0, 1, 1)]
    graph.operator("STRIDED_SLICE", [shape, *ends], [batch], ("StridedSliceOptions", {"shrink_axis_mask": 1}))
    rest = graph.constant("rest", np.array(-1, np.int32))
    graph.operator("PACK", [batch, rest], [wanted], ("PackOptions", {"values_count": 2}))
    graph.operator("RESHAPE", [x, wanted], [y], ("ReshapeOptions", {}))
    graph.operator("REDUCE_PROD", [shape, graph.constant("axis", np.array([0], np.int32))], [total], ("ReducerOptions", {}))
    return graph.model(outputs=[y, total])


@needs_litert
@pytest.mark.parametrize("batch", [1, 4])
def test_shape_arithmetic_follows_a_resized_input(batch):
    rng = np.random.default_rng(0)
    assert_equals_litert(flatten(), [{0: rng.normal(size=(batch, 2, 3)).astype(np.float32)} for _ in range(2)])


def test_shape_arithmetic_is_folded_before_the_graph_runs():
    interpreter = qref.Interpreter(model_content=flatten())
    interpreter.allocate_tensors()
    assert interpreter.get_output_details()[0]["shape"].tolist() == [1, 6]
    interpreter.resize_tensor_input(0, (5, 2, 3))
    interpreter.allocate_tensors()
    first, second = interpreter.get_output_details()
    assert first["shape"].tolist() == [5, 6]
    assert interpreter.get_tensor(second["index"]) == 30


def test_shape_arithmetic_that_cannot_work_is_refused_when_tensors_are_allocated():
    graph = GraphBuilder()
    x = graph.input("x", F32, (2, 3), shape_signature=(-1, 3))
    y = graph.tensor("y", F32, (2, 3))
    graph.operator("RESHAPE", [x, graph.constant("wanted", np.array([2, 3], np.int32))], [y], ("ReshapeOptions", {}))
    interpreter = qref.Interpreter(model_content=graph.model(outputs=[y]))
    interpreter.resize_tensor_input(0, (4, 3))
    with pytest.raises(qref.ModelError, match="12 elements cannot take the shape"):
        interpreter.allocate_tensors()
