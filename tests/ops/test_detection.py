"""TFLite_Detection_PostProcess, NON_MAX_SUPPRESSION_V4 and _V5, DILATE."""

from __future__ import annotations

import numpy as np
import pytest
from flatbuffers import flexbuffers
from hypothesis import given
from hypothesis import strategies as st
from one_operator import T, both_refuse, compare, const, evaluate, every, model_of, refusal
from oracle import assert_same_bits, litert, needs_litert

from qref.ops._heap import partial_sort, pop, push
from qref.schema import GraphBuilder, TensorType, write

F32, U8, I8, I32 = TensorType.FLOAT32, TensorType.UINT8, TensorType.INT8, TensorType.INT32
OPTIONS = {
    "max_detections": 8,
    "max_classes_per_detection": 1,
    "detections_per_class": 5,
    "use_regular_nms": False,
    "nms_score_threshold": 0.2,
    "nms_iou_threshold": 0.5,
    "num_classes": 4,
    "y_scale": 10.0,
    "x_scale": 10.0,
    "h_scale": 5.0,
    "w_scale": 5.0,
}


def detector(boxes, classes, quantized=False, custom_options=None, **options):
    graph, rng = GraphBuilder(), np.random.default_rng(3)
    type = U8 if quantized else F32
    codes = graph.input("codes", type, (1, boxes, 4), **({"scale": 0.1, "zero_point": 120} if quantized else {}))
    scores = graph.input("scores", type, (1, boxes, classes), **({"scale": 0.0039, "zero_point": 1} if quantized else {}))
    anchors = rng.uniform(0.05, 0.95, (boxes, 4)).astype(np.float32)
    if quantized:
        anchors = graph.constant("anchors", (anchors * 200).astype(np.uint8), scale=0.005, zero_point=0)
    else:
        anchors = graph.constant("anchors", anchors)
    outputs = [graph.tensor(name, F32) for name in ("boxes", "classes", "best", "count")]
    packed = bytes(flexbuffers.Dumps({**OPTIONS, **options})) if custom_options is None else custom_options
    custom = {"custom_code": "TFLite_Detection_PostProcess", "custom_options": packed}
    graph.operator("CUSTOM", [codes, scores, anchors], outputs, **custom)
    return graph.model(outputs=outputs)


def compare_detections(model, codes, scores, kept=None):
    wanted = litert().run(write(model), [{0: codes, 1: scores}])[0]
    wanted = [wanted[index] for index in model.subgraphs[0].outputs]
    found = evaluate(model, codes, scores)
    count = int(wanted[3][0]) if kept is None else int(wanted[3][0]) * kept
    for got, want in zip(found, wanted):
        if want.shape != (1,):
            got, want = got[:, :count], want[:, :count]
        assert_same_bits(got, want)
    return count


@needs_litert
@pytest.mark.parametrize("regular", [False, True])
@pytest.mark.parametrize("quantized", [False, True])
@pytest.mark.parametrize("background", [0, 1])
def test_detections_are_those_of_litert(regular, quantized, background):
    rng = np.random.default_rng(4)
    found = 0
    for boxes in (1, 13, 60):
        model = detector(boxes, 4 + background, quantized, use_regular_nms=regular)
        codes = every(rng, U8 if quantized else F32, (1, boxes, 4))
        scores = rng.integers(0, 255, (1, boxes, 4 + background)).astype(np.uint8)
        scores = scores if quantized else (scores / np.float32(255)).astype(np.float32)
        found += compare_detections(model, codes, scores)
    assert found > 5


@needs_litert
def test_several_classes_for_each_detection():
    rng = np.random.default_rng(5)
    for per_box in (2, 3, 4):
        model = detector(40, 5, max_classes_per_detection=per_box)
        for levels in (1000, 3):  # few levels make ties
            scores = (rng.integers(0, levels, (1, 40, 5)) / np.float32(levels)).astype(np.float32)
            compare_detections(model, every(rng, F32, (1, 40, 4)), scores, kept=per_box)


@needs_litert
def test_detections_refuse_wrong_options():
    codes, scores = np.zeros((1, 3, 4), np.float32), np.zeros((1, 3, 4), np.float32)
    assert "nms_iou_threshold" in both_refuse(detector(3, 4, nms_iou_threshold=0.0), codes, scores)
    assert "or one more" in both_refuse(detector(3, 4, num_classes=7), codes, scores)
    for damaged in (b"", b"\x01", b"\xff" * 40):
        refusal(detector(3, 4, custom_options=damaged), codes, scores)


def suppression(boxes, soft, limit):
    inputs = [T(F32, (boxes, 4)), T(F32, (boxes,)), limit, T(F32), T(F32), *([T(F32)] if soft else [])]
    outputs = [T(I32), T(F32), T(I32)] if soft else [T(I32), T(I32)]
    options = "NonMaxSuppressionV5Options" if soft else "NonMaxSuppressionV4Options"
    return model_of(f"NON_MAX_SUPPRESSION_V{5 if soft else 4}", inputs, outputs, (options, {}))


@needs_litert
@pytest.mark.parametrize("soft", [False, True])
def test_suppression_selects_the_best_boxes_ties_included(soft):
    rng = np.random.default_rng(6)
    for boxes, limit, levels in ((1, 1, 9), (30, 10, 1000), (60, 60, 1000), (40, 40, 4), (60, 20, 2)):
        corners = rng.uniform(0, 1, (boxes, 4)).astype(np.float32)
        scores = (rng.integers(0, levels, boxes) / np.float32(levels)).astype(np.float32)
        for sigma in (0.0, 0.3) if soft else (None,):
            arrays = [corners, scores, np.float32(0.5), np.float32(0.1), *([] if sigma is None else [np.float32(sigma)])]
            compare(suppression(boxes, soft, const(limit)), *map(np.asarray, arrays))


@needs_litert
def test_suppression_of_a_computed_size():
    rng = np.random.default_rng(7)
    corners, scores = rng.uniform(0, 1, (20, 4)).astype(np.float32), rng.uniform(0, 1, 20).astype(np.float32)
    numbers = [np.asarray(np.float32(v)) for v in (0.4, 0.1, 0.2)]
    compare(suppression(20, True, T(I32)), corners, scores, np.array(9, np.int32), *numbers)
    assert "make it a constant" in refusal(suppression(20, False, T(I32)), corners, scores, np.array(9, np.int32), *numbers[:2])


@needs_litert
def test_suppression_refuses_negative_sizes():
    corners, scores = np.zeros((2, 4), np.float32), np.zeros(2, np.float32)
    numbers = [np.asarray(np.float32(v)) for v in (0.4, 0.1)]
    both_refuse(suppression(2, False, const(-1)), corners, scores, *numbers)


@given(st.lists(st.integers(0, 5)), st.data())
def test_the_heap_gives_the_greatest_first_and_partial_sort_the_least(items, data):
    heap: list[int] = []
    for item in items:
        push(heap, item, lambda a, b: a < b)
    assert [pop(heap, lambda a, b: a < b) for _ in items] == sorted(items, reverse=True)
    count = data.draw(st.integers(0, len(items)))
    assert partial_sort(items, count, lambda a, b: a < b) == sorted(items)[:count]


@needs_litert
def test_dilate_puts_a_value_between_the_elements():
    rng = np.random.default_rng(8)
    for type in (F32, I8, U8, I32, TensorType.INT64, TensorType.INT16):
        for shape, factors in (((3,), [2]), ((2, 3), [1, 3]), ((2, 3, 2), [3, 1, 1]), ((2, 2), [1, 1])):
            value = const(every(rng, type, ()), type.dtype)
            compare(
                model_of("DILATE", [T(type, shape), const(factors), value], [T(type)], ("DilateOptions", {})),
                every(rng, type, shape),
            )
    model = model_of("DILATE", [T(F32, (2,)), const([0]), const(0.0, np.float32)], [T(F32)], ("DilateOptions", {}))
    assert "at least 1" in both_refuse(model, np.zeros(2, np.float32))
