"""TFLite_Detection_PostProcess: from box encodings, class scores and anchors to the detections of an SSD network.

Layout   encodings [1, N, 4 or more], scores [1, N, C] (C = num_classes, or one more: the background first), anchors [N, 4]
         -> boxes [1, M, 4], classes [1, M], scores [1, M], count [1]       M = max_detections * max_classes_per_detection
Types    encodings and anchors both float32 or both uint8, scores float32 or uint8; outputs float32
Scales   any

Encodings and anchors are (y, x, height, width); boxes are (top, left, bottom, right):
    center = encoding / scale * anchor size + anchor center,  half = exp(encoding / scale) * anchor size / 2       in float64
Fast suppression goes through the boxes once, in the order of their best class; regular suppression goes through each class.
What no detection takes is 0; LiteRT leaves it unwritten after fast suppression.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from flatbuffers import flexbuffers

from qref.arithmetic.libm import exp
from qref.errors import InputError
from qref.schema.enums import TensorType

from ._boxes import intersection_over_union
from ._heap import partial_sort
from .node import Node, Operand, Prepared

Affine = tuple[np.float32, np.float32] | None  # scale and zero point of a uint8 tensor, None for float32
Detections = tuple[np.ndarray, np.ndarray, np.ndarray]  # which boxes, their classes, their scores


@dataclass(frozen=True, slots=True)
class DetectionPlan:
    """The options of the operator, and how its inputs are quantized."""

    max_detections: int
    max_classes_per_detection: int
    detections_per_class: int
    num_classes: int
    regular: bool
    score_threshold: np.float32
    overlap_threshold: np.float32
    scales: np.ndarray  # float64 [4]: y, x, height, width
    affine: tuple[Affine, Affine, Affine]
    name: str


def prepare(node: Node) -> Prepared:
    """Check the operands and options and derive the plan."""
    encodings, scores, anchors = (node.input(position) for position in range(3))
    plan = _read_options(node, (_affine(node, encodings), _affine(node, scores), _affine(node, anchors)))
    boxes = encodings.shape[1] if len(encodings.shape) == 3 else -1
    fits = boxes >= 0 and encodings.shape[0] == 1 and encodings.shape[2] >= 4
    node.expect(fits, f"{encodings} has shape {list(encodings.shape)}; expected [1, N, 4]")
    node.expect(anchors.shape == (boxes, 4), f"{anchors} has shape {list(anchors.shape)}; expected [{boxes}, 4]")
    node.expect(anchors.type == encodings.type, f"{anchors} has type {anchors.type.name}; expected {encodings.type.name}")
    classes = plan.num_classes
    fits = scores.shape in ((1, boxes, classes), (1, boxes, classes + 1))
    node.expect(fits, f"{scores} has shape {list(scores.shape)}; expected [1, {boxes}, {classes} or one more]")
    count = plan.max_detections * plan.max_classes_per_detection
    for position, shape in enumerate(((1, count, 4), (1, count), (1, count), (1,))):
        node.resize(position, shape, TensorType.FLOAT32)
    return Prepared(detection_postprocess, plan)


def _affine(node: Node, operand: Operand) -> Affine:
    node.expect_type(operand, TensorType.FLOAT32, TensorType.UINT8)
    return (operand.scale, np.float32(operand.zero_point)) if operand.type == TensorType.UINT8 else None


def _read_options(node: Node, affine: tuple[Affine, Affine, Affine]) -> DetectionPlan:
    try:
        options = flexbuffers.GetRoot(node.operator.custom_options).AsMap
    except Exception:  # whatever the reader trips over in damaged bytes
        node.fail("the custom options are not a flexbuffer map")

    def read(key: str, convert: Callable[[Any], Any], default: Any) -> Any:
        try:
            return convert(options[key])
        except KeyError:
            return default
        except Exception:
            node.fail(f"option {key} of the custom options cannot be read")

    def number(key: str, default: int = 0) -> int:
        return read(key, lambda value: value.AsInt, default)

    def real(key: str) -> np.float32:
        return np.float32(read(key, lambda value: value.AsFloat, 0.0))

    plan = DetectionPlan(
        max_detections=number("max_detections"),
        max_classes_per_detection=number("max_classes_per_detection"),
        detections_per_class=number("detections_per_class", 100),
        num_classes=number("num_classes"),
        regular=bool(read("use_regular_nms", lambda value: value.AsBool, False)),
        score_threshold=real("nms_score_threshold"),
        overlap_threshold=real("nms_iou_threshold"),
        scales=np.array([real(f"{key}_scale") for key in "yxhw"], np.float64),
        affine=affine,
        name=str(node),
    )
    for key in ("max_detections", "max_classes_per_detection", "detections_per_class", "num_classes"):
        node.expect(0 < getattr(plan, key) < 2**20, f"option {key} is {getattr(plan, key)}; expected a positive number")
    node.expect(0 < plan.overlap_threshold <= 1, f"option nms_iou_threshold is {plan.overlap_threshold}; expected 0 to 1")
    node.expect(np.all(plan.scales != 0), f"options y_scale, x_scale, h_scale, w_scale are {plan.scales.tolist()}; none may be 0")
    return plan


def detection_postprocess(
    encodings: np.ndarray, scores: np.ndarray, anchors: np.ndarray, plan: DetectionPlan
) -> tuple[np.ndarray, ...]:
    """Return boxes, classes, scores, count; InputError where a box is inside out."""
    boxes = decode_boxes(_real(encodings[0, :, :4], plan.affine[0]), _real(anchors, plan.affine[2]), plan)
    table = (scores[0] if plan.affine[1] is None else _real_scores(scores, plan.affine[1])[0])[:, -plan.num_classes :]
    which, classes, values = (regular_suppression if plan.regular else fast_suppression)(boxes, table, plan)
    count = plan.max_detections * plan.max_classes_per_detection
    found = len(which) // (1 if plan.regular else min(plan.max_classes_per_detection, plan.num_classes))
    results = np.zeros((1, count, 4), np.float32), np.zeros((1, count), np.float32), np.zeros((1, count), np.float32)
    place = np.arange(len(which))
    if not plan.regular:
        per_box = min(plan.max_classes_per_detection, plan.num_classes)
        place = place // per_box * plan.max_classes_per_detection + place % per_box
    for result, value in zip(results, (boxes[which], classes, values)):
        result[0, place] = value
    return (*results, np.array([found], np.float32))


def decode_boxes(encodings: np.ndarray, anchors: np.ndarray, plan: DetectionPlan) -> np.ndarray:
    """Corners [N, 4] float32 of the boxes."""
    codes, anchor = encodings.astype(np.float64), anchors.astype(np.float64)
    with np.errstate(all="ignore"):
        center = (codes[:, :2] / plan.scales[:2] * anchor[:, 2:] + anchor[:, :2]).astype(np.float32)
        half = (0.5 * exp(codes[:, 2:] / plan.scales[2:]) * anchor[:, 2:]).astype(np.float32)
        boxes = np.concatenate([center - half, center + half], axis=1)
    if np.any(boxes[:, :2] > boxes[:, 2:]):
        raise InputError(f"{plan.name}: a decoded box has its end before its beginning; anchors need positive sizes")
    return boxes


def single_class(boxes: np.ndarray, scores: np.ndarray, limit: int, plan: DetectionPlan) -> np.ndarray:
    """The boxes to keep, at most `limit`, in falling order of their scores; of those that overlap the best."""
    candidates = np.flatnonzero(scores >= plan.score_threshold)
    candidates = candidates[np.argsort(-scores[candidates], kind="stable")]
    kept: list[int] = []
    while len(candidates) and len(kept) < limit:
        best, candidates = candidates[0], candidates[1:]
        kept.append(best)
        candidates = candidates[~(intersection_over_union(boxes[candidates], boxes[best]) > plan.overlap_threshold)]
    return np.array(kept, np.int64)


def fast_suppression(boxes: np.ndarray, scores: np.ndarray, plan: DetectionPlan) -> Detections:
    """Each box once, in the order of its best class; its best classes with it."""
    per_box = min(plan.max_classes_per_detection, plan.num_classes)
    if per_box == 1:
        ranking = scores.argmax(axis=1)[:, None]
    else:
        ranking = np.array([_best_classes(row, per_box) for row in scores.tolist()], np.int64).reshape(-1, per_box)
    kept = single_class(boxes, np.take_along_axis(scores, ranking[:, :1], axis=1)[:, 0], plan.max_detections, plan)
    classes = ranking[kept].reshape(-1)
    which = kept.repeat(per_box)
    return which, classes, scores[which, classes]


def _best_classes(scores: list[float], count: int) -> list[int]:
    return partial_sort(list(range(len(scores))), count, lambda i, j: scores[i] > scores[j])


def regular_suppression(boxes: np.ndarray, scores: np.ndarray, plan: DetectionPlan) -> Detections:
    """Each class on its own; the best of all classes, of equal ones those of the first class."""
    which, classes = np.zeros(0, np.int64), np.zeros(0, np.int64)
    limit = min(plan.detections_per_class, plan.max_detections)
    for label in range(plan.num_classes):
        kept = single_class(boxes, scores[:, label], limit, plan)
        which, classes = np.concatenate([which, kept]), np.concatenate([classes, np.full(len(kept), label)])
        order = np.argsort(-scores[which, classes], kind="stable")[: plan.max_detections]
        which, classes = which[order], classes[order]
    return which, classes, scores[which, classes]


def _real(q: np.ndarray, affine: Affine) -> np.ndarray:
    """The real numbers of encodings and anchors."""
    return q if affine is None else (q.astype(np.float32) - affine[1]) * affine[0]


def _real_scores(q: np.ndarray, affine: tuple[np.float32, np.float32]) -> np.ndarray:
    """The real numbers of scores, whose kernel rounds twice in whole blocks of eight elements and once in the rest."""
    scale, zero_point = affine
    flat = q.reshape(-1).astype(np.float32)
    whole = len(flat) // 8 * 8
    blocks = flat[:whole] * scale + -zero_point * scale
    return np.concatenate([blocks, (flat[whole:] - zero_point) * scale]).reshape(q.shape)
