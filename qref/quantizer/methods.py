"""How the values that a tensor took become its range: each method is a value, and what it saw can be stored and merged.

A method makes a summary of a tensor's values, in the order of the samples. `merge(a, b)` of two summaries is the summary of the
samples of a, then those of b, in every method.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from qref.quantizer.scales import Range

Summary = Mapping[str, Any]  # arrays and numbers


class Method(Protocol):
    """A rule from values to a range."""

    @property
    def name(self) -> str:
        """As text, such as "percentile:99.9"."""

    def summarize(self, x: np.ndarray, low: float, high: float) -> Summary:
        """What is kept of one sample's values: a float array that is not empty, without NaN, and its extremes."""

    def merge(self, a: Summary, b: Summary) -> Summary:
        """What is kept of the samples of both, those of a first."""

    def range(self, summary: Summary) -> Range:
        """The range that the summary tells."""


@dataclass(frozen=True, slots=True)
class MinMax:
    """The least and the greatest value of all samples."""

    name = "minmax"

    def summarize(self, x: np.ndarray, low: float, high: float) -> Summary:
        """Its extremes."""
        return {"min": low, "max": high}

    def merge(self, a: Summary, b: Summary) -> Summary:
        """The extremes of both."""
        return {"min": min(a["min"], b["min"]), "max": max(a["max"], b["max"])}

    def range(self, summary: Summary) -> Range:
        """As summarized."""
        return Range(float(summary["min"]), float(summary["max"]))


@dataclass(frozen=True, slots=True)
class MovingAverage:
    """Averages of the samples' extremes in which the newest has the weight 1 - momentum; the first sample starts them."""

    momentum: float = 0.95

    @property
    def name(self) -> str:
        """With its momentum."""
        return f"moving_average:{self.momentum:g}"

    def summarize(self, x: np.ndarray, low: float, high: float) -> Summary:
        """The extremes, as a chain of one sample: where it starts, and what later samples added."""
        first = np.array([low, high])
        return {"first": first, "rest": np.zeros(2), "samples": np.int64(1)}

    def merge(self, a: Summary, b: Summary) -> Summary:
        """After n samples the average is momentum^(n-1) first + rest; the samples of b go on from the average of a."""
        kept = self.momentum ** float(b["samples"])
        rest = kept * a["rest"] + (1 - self.momentum) * self.momentum ** float(b["samples"] - 1) * b["first"] + b["rest"]
        return {"first": a["first"], "rest": rest, "samples": a["samples"] + b["samples"]}

    def range(self, summary: Summary) -> Range:
        """The averages."""
        low, high = self.momentum ** float(summary["samples"] - 1) * summary["first"] + summary["rest"]
        return Range(float(low), float(high))
