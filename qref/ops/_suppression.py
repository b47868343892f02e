"""NON_MAX_SUPPRESSION_V4 and _V5: the boxes with the best scores, without those that overlap a better one.

Layout   boxes [N, 4] (y1, x1, y2, x2), scores [N], max_output_size [], overlap_threshold [], score_threshold [], V5: sigma []
         -> V4: positions [M], count []      V5: positions [M], scores [M], count []
Types    boxes, scores, thresholds, sigma float32; max_output_size, positions, count int32

M is max_output_size where that is constant, with zeros behind the selected ones, and else their count (V4 then is not defined).
With sigma > 0, an overlap with a better box lowers the score by exp(-overlap^2 / (2 sigma)) instead of forgetting the box.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qref.arithmetic.libm import expf
from qref.errors import InputError
from qref.schema.enums import TensorType

from . import _heap
from ._boxes import intersection_over_union
from .node import Node, Prepared

F32, I32 = TensorType.FLOAT32, TensorType.INT32


@dataclass(frozen=True, slots=True)
class SuppressionPlan:
    """Which of the two operators, whether the outputs have a fixed size, and the operator's name for messages."""

    soft: bool
    fixed_size: bool
    name: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A box that may be selected; those selected before `compared` have had their say."""

    index: int
    score: np.float32
    compared: int = 0


def prepare_suppression(node: Node, *, soft: bool) -> Prepared:
    """Check the operands and derive the plan."""
    boxes, scores, limit = (node.input(position) for position in range(3))
    reals = [node.input(position) for position in range(3, 6 if soft else 5)]
    node.expect_type(limit, I32)
    for operand in (boxes, scores, *reals):
        node.expect_type(operand, F32)
    for operand in (limit, *reals):
        node.expect(operand.shape == (), f"{operand} has shape {list(operand.shape)}; expected a scalar, of shape []")
    node.expect(len(boxes.shape) == 2 and boxes.shape[1] == 4, f"{boxes} has shape {list(boxes.shape)}; expected [N, 4]")
    node.expect(scores.shape == boxes.shape[:1], f"{scores} has shape {list(scores.shape)}; expected {list(boxes.shape[:1])}")
    fixed = limit.constant is not None
    node.expect(
        fixed or soft, f"{limit} is computed, for which the outputs of NON_MAX_SUPPRESSION_V4 are not defined: make it a constant"
    )
    sized = (0, 1) if soft else (0,)
    for position in sized:
        if fixed:
            node.resize(position, (int(limit.value),))
        node.expect_type(node.output(position), F32 if position else I32)
    node.resize(len(sized), (), I32)
    return Prepared(suppress, SuppressionPlan(soft, fixed, str(node)))


def suppress(
    boxes: np.ndarray, scores: np.ndarray, limit: np.ndarray, overlap: np.ndarray, threshold: np.ndarray, *sigma_and_plan: object
) -> tuple[np.ndarray, ...]:
    """Return positions, V5: scores, and count; the last arguments are V5's sigma and the plan."""
    *sigma, plan = sigma_and_plan
    assert isinstance(plan, SuppressionPlan)
    width = np.float32(sigma[0]) if sigma else np.float32(0)  # type: ignore[arg-type]
    if limit < 0 or width < 0:
        raise InputError(f"{plan.name}: max_output_size {limit} and sigma {width} must not be negative")
    selected = select(boxes, scores, int(limit), np.float32(overlap), np.float32(threshold), width)
    size = int(limit) if plan.fixed_size else len(selected)
    positions, values = np.zeros(size, np.int32), np.zeros(size, np.float32)
    positions[: len(selected)] = [candidate.index for candidate in selected]
    values[: len(selected)] = [candidate.score for candidate in selected]
    count = np.array(len(selected), np.int32)
    return (positions, values, count) if plan.soft else (positions, count)


def select(
    boxes: np.ndarray, scores: np.ndarray, limit: int, overlap: np.float32, threshold: np.float32, sigma: np.float32
) -> list[Candidate]:
    """The selected boxes in falling order of their scores."""
    corners = np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], axis=1)
    queue: list[Candidate] = []
    for index in np.flatnonzero(scores > threshold).tolist():
        _heap.push(queue, Candidate(index, scores[index]), _less)
    limit = min(limit, len(queue))
    selected: list[Candidate] = []
    while len(selected) < limit and queue:
        candidate = _heap.pop(queue, _less)
        rivals = corners[[rival.index for rival in selected[candidate.compared :]]]
        overlaps = intersection_over_union(rivals, corners[candidate.index])[::-1]
        score = _lowered(candidate.score, overlaps, overlap, threshold, sigma)
        if score is None:
            continue
        lowered = replace(candidate, score=score, compared=len(selected))
        if score == candidate.score:
            selected.append(lowered)
        if score > threshold:
            _heap.push(queue, lowered, _less)
    return selected


def _lowered(
    score: np.float32, overlaps: np.ndarray, overlap: np.float32, threshold: np.float32, sigma: np.float32
) -> np.float32 | None:
    """The score after the overlaps with better boxes, the latest first; None if one of them is too much."""
    for found in overlaps:
        if found >= overlap:
            return None
        if sigma > 0:
            score = np.float32(score * expf(np.float32(-0.5) / sigma * found * found))
        if score <= threshold:
            break
    return score


def _less(a: Candidate, b: Candidate) -> bool:
    return bool(a.score < b.score)
