"""Each operator by itself: its time, its work, and the fraction of what the machine could do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from qref.bench.peaks import Peaks
from qref.bench.timing import FEWEST, Spread, seconds_of
from qref.ops import Node
from qref.work import bits_of, bytes_of, has_matrices, macs_of


@dataclass(frozen=True, slots=True)
class OperatorTiming:
    """One operator, measured in passes through the graph.

    kernel     "qref" or "kernels" (the registered one)
    bytes      of its inputs and outputs, each once
    intensity  multiply-adds per byte
    bound      "compute" or "memory": what limits it on this machine; None for matrix products of floats, which have no peak here
    fraction   of that limit; the time of the limit / the median
    """

    operator: int
    name: str
    kernel: str
    shape: tuple[int, ...]
    seconds: Spread
    macs: int
    bytes: int
    intensity: float
    gmacs: float
    bound: str | None
    fraction: float | None


def time_operators(
    runs: Sequence[tuple[str, Node, Callable[[], None]]], peaks: Peaks, seconds: float
) -> tuple[OperatorTiming, ...]:
    """Time (kernel, node, run) one after the other, in passes until the time is over; the first pass does not count."""
    for _, _, run in runs:
        run()
    passes: list[list[float]] = []
    end = time.perf_counter() + seconds
    while len(passes) < FEWEST or time.perf_counter() < end:
        passes.append([seconds_of(run) for _, _, run in runs])
    each = np.array(passes).T
    return tuple(_timing(kernel, node, Spread.of(times), peaks) for (kernel, node, _), times in zip(runs, each))


def _timing(kernel: str, node: Node, seconds: Spread, peaks: Peaks) -> OperatorTiming:
    macs, size = macs_of(node), bytes_of(node)
    limits = {"memory": size / peaks.bandwidth_of(size)}
    if macs:
        peak = peaks.macs_of(bits_of(node), has_matrices(node))
        limits = {} if peak is None else {**limits, "compute": macs / peak}
    bound = max(limits, key=limits.__getitem__) if limits else None
    fraction = None if bound is None else limits[bound] / seconds.median
    gmacs, intensity = macs / seconds.median / 1e9, macs / size if size else 0.0
    shape = node.outputs[0].shape if node.outputs else ()
    return OperatorTiming(
        node.operator.index, node.operator.name, kernel, shape, seconds, macs, size, intensity, gmacs, bound, fraction
    )
