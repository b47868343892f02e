"""Explanations of operators that move data: the input and the index that an element comes from."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_explanation, check_in_every_runtime
from one_operator import T, const, model_of

from qref.interpreter import Interpreter
from qref.schema import TensorType

INT8, UINT8, FLOAT32, BOOL = TensorType.INT8, TensorType.UINT8, TensorType.FLOAT32, TensorType.BOOL
PADDINGS = const([[1, 0], [2, 2], [0, 3]])
X = np.arange(24, dtype=np.int8).reshape(2, 3, 4)
OPERATORS = [
    ("RESHAPE", [const([4, -1])], ("ReshapeOptions", {}), ()),
    ("TRANSPOSE", [const([2, 0, 1])], None, ()),
    ("SLICE", [const([0, 1, 1]), const([2, -1, 2])], None, ()),
    ("STRIDED_SLICE", [const([0, 2, 1]), const([2, 0, 4]), const([1, -1, 2])], ("StridedSliceOptions", {}), ()),
    ("TILE", [const([1, 2, 3])], None, ()),
    ("BROADCAST_TO", [const([5, 2, 3, 4])], None, ()),
    ("EXPAND_DIMS", [const(-2)], None, ()),
    ("SQUEEZE", [], ("SqueezeOptions", {}), ()),
    ("PAD", [PADDINGS], None, ()),
    ("MIRROR_PAD", [PADDINGS], ("MirrorPadOptions", {"mode": 0}), ()),
    ("SPACE_TO_BATCH_ND", [const([3]), const([[1, 2]])], None, ()),
    ("BATCH_TO_SPACE_ND", [const([2]), const([[1, 0]])], None, ()),
    ("DYNAMIC_UPDATE_SLICE", [T(INT8, (1, 2, 4), 0.5, 3), const([1, 7, -3])], None, (np.full((1, 2, 4), 77, np.int8),)),
    ("GATHER", [const([2, 0])], ("GatherOptions", {"axis": 1}), ()),
    ("GATHER_ND", [const([[1, 2], [0, 0]])], None, ()),
    ("REVERSE_V2", [const([1])], None, ()),
    ("CONCATENATION", [T(INT8, (2, 1, 4), 0.5, 3)], ("ConcatenationOptions", {"axis": 1}), (np.full((2, 1, 4), 77, np.int8),)),
    ("PACK", [T(INT8, (2, 3, 4), 0.5, 3)], ("PackOptions", {"axis": 1, "values_count": 2}), (X + np.int8(50),)),
]


@pytest.mark.parametrize(("name", "operands", "options", "others"), OPERATORS)
def test_where_an_element_comes_from(name, operands, options, others):
    output = T(INT8, (), 0.5, 3)
    check_in_every_runtime(model_of(name, [T(INT8, (2, 3, 4), 0.5, 3), *operands], [output], options), X, *others, count=12)


def test_a_transposed_element_names_its_index_in_the_input():
    model = model_of("TRANSPOSE", [T(INT8, (2, 3, 4)), const([2, 0, 1])], [T(INT8)])
    _, prepared = Interpreter(model_content=model).prepare_operator(0, [X, np.int32([2, 0, 1])])
    steps = prepared.explain(X, np.int32([2, 0, 1]), prepared.plan, (3, 1, 2))
    assert [(step.name, step.value) for step in steps] == [("input", 0), ("index", (1, 2, 3)), ("x", 23), ("y", 23)]


def test_padding_shows_its_constant():
    model = model_of("PAD", [T(INT8, (2, 3, 4), 0.5, 3), PADDINGS], [T(INT8, (), 0.5, 3)])
    _, prepared = Interpreter(model_content=model).prepare_operator(0, [X, PADDINGS.value])
    assert prepared.explain(X, PADDINGS.value, prepared.plan, (0, 0, 0))[0].value == 3


def test_blocks_of_images_selections_and_resized_images():
    rng = np.random.default_rng(1)
    x = rng.integers(-128, 127, (1, 4, 4, 8)).astype(np.int8)
    for name, table in (("SPACE_TO_DEPTH", "SpaceToDepthOptions"), ("DEPTH_TO_SPACE", "DepthToSpaceOptions")):
        check_in_every_runtime(model_of(name, [T(INT8, x.shape)], [T(INT8)], (table, {"block_size": 2})), x)
    resize = model_of(
        "RESIZE_NEAREST_NEIGHBOR", [T(INT8, x.shape), const([7, 5])], [T(INT8)], ("ResizeNearestNeighborOptions", {})
    )
    check_in_every_runtime(resize, x)
    chosen, a, b = rng.integers(0, 2, 9).astype(bool), *rng.integers(-128, 127, (2, 9)).astype(np.int8)
    for name in ("SELECT", "SELECT_V2"):
        check_in_every_runtime(model_of(name, [T(BOOL, (9,)), T(INT8, (9,)), T(INT8, (9,))], [T(INT8)]), chosen, a, b, count=9)
    one_hot = model_of(
        "ONE_HOT", [const([0, 2]), const(3), const(7, np.int8), const(-7, np.int8)], [T(INT8)], ("OneHotOptions", {"axis": -1})
    )
    check_in_every_runtime(one_hot)


def test_every_output_of_a_split():
    model = model_of("SPLIT", [const(1), T(INT8, (2, 3, 4))], [T(INT8)] * 3, ("SplitOptions", {"num_splits": 3}))
    _, prepared = Interpreter(model_content=model).prepare_operator(0, [np.int32(1), X])
    pieces = prepared.reference(np.int32(1), X, prepared.plan)
    check_explanation(prepared, (np.int32(1), X), pieces[0], (1, 0, 2))
    for k, piece in enumerate(pieces):
        assert prepared.explain(np.int32(1), X, prepared.plan, (1, 0, 2), output=k)[-1].value == piece[1, 0, 2]


def test_concatenation_rescales_uint8():
    x1, x2 = np.arange(0, 256, 17, dtype=np.uint8), np.arange(0, 256, 5, dtype=np.uint8)
    operands = [T(UINT8, x1.shape, 0.03, 5), T(UINT8, x2.shape, 0.02, 7)]
    model = model_of("CONCATENATION", operands, [T(UINT8, (), 0.02, 7)], ("ConcatenationOptions", {"axis": 0}))
    check_in_every_runtime(model, x1, x2, count=30)
