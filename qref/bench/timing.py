"""Times of functions that take turns, so that what else the machine does hits them alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

TURN = 1e-3  # seconds: what takes less is repeated within its turn
FEWEST = 3  # turns, however long they take


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and the 10th and 90th percentile."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: np.ndarray) -> Spread:
        """Of some numbers."""
        return cls(*map(float, np.percentile(values, (10, 50, 90))))


def seconds_of(function: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def interleave(functions: Mapping[str, Callable[[], object]], seconds: float, settle: float = 0.0) -> dict[str, np.ndarray]:
    """Seconds of one call in each turn, by name; the functions take turns until the time is over.

    A turn is as many calls as fit in TURN, at least one: what is short runs with its data in the caches, as it would by itself.
    Who begins rotates. Calls before each turn, for `settle` seconds, are not timed.
    """
    repeats = {name: max(1, math.ceil(TURN / max(seconds_of(function), 1e-9))) for name, function in functions.items()}
    times: dict[str, list[float]] = {name: [] for name in functions}
    names, end, turns = list(functions), time.perf_counter() + seconds, 0
    while turns < FEWEST or time.perf_counter() < end:
        for name in (*names[turns % len(names) :], *names[: turns % len(names)]):
            function, count = functions[name], range(repeats[name])
            settled = time.perf_counter() + settle
            while time.perf_counter() < settled:
                function()
            start = time.perf_counter()
            for _ in count:
                function()
            times[name].append((time.perf_counter() - start) / len(count))
        turns += 1
    return {name: np.array(values) for name, values in times.items()}
