"""Ranges from a histogram: what lies far out may be cut off so that the rest is stored finer.

A histogram has BINS bins of equal width from -2^k to 2^k, for the least k that holds all values: so those of two halves
of the samples add up to that of the whole, bin by bin, once the finer is made coarser.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.quantizer.methods import Summary
from qref.quantizer.scales import Range

BINS = 4096
LEVELS = 255  # steps of 8 bits


class _Histogram:
    """What the methods below have in common."""

    __slots__ = ()

    def summarize(self, x: np.ndarray, low: float, high: float) -> Summary:
        """Counts, the exponent k, and the extremes."""
        extremes = np.array([low, high])
        exponent = int(np.frexp(np.abs(extremes).max())[1])
        width = 2.0 ** (exponent + 1) / BINS
        places = np.floor(x.reshape(-1).astype(np.float64) / width).astype(np.int64) + BINS // 2
        return {"counts": np.bincount(places, minlength=BINS), "exponent": np.int64(exponent), "extremes": extremes}

    def merge(self, a: Summary, b: Summary) -> Summary:
        """Both with the larger exponent, added."""
        exponent = np.maximum(a["exponent"], b["exponent"])
        counts = sum(_coarser(s["counts"], int(exponent - s["exponent"])) for s in (a, b))
        low, high = np.minimum(a["extremes"][0], b["extremes"][0]), np.maximum(a["extremes"][1], b["extremes"][1])
        return {"counts": counts, "exponent": exponent, "extremes": np.array([low, high])}


def _coarser(counts: np.ndarray, steps: int) -> np.ndarray:
    """The counts over a range 2^steps times as wide."""
    middle = counts.reshape(-1, min(2**steps, BINS // 2)).sum(axis=1)
    return np.pad(middle, (BINS - len(middle)) // 2)


def _edges(summary: Summary) -> np.ndarray:
    """Where the bins begin, and where the last ends."""
    limit = 2.0 ** float(summary["exponent"])
    return np.linspace(-limit, limit, BINS + 1)


def _within(summary: Summary, low: float, high: float) -> Range:
    """A range no wider than the extremes."""
    least, greatest = summary["extremes"]
    return Range(float(max(low, least)), float(min(high, greatest)))


@dataclass(frozen=True, slots=True)
class Percentile(_Histogram):
    """The range that holds `percent` of the values, as much being cut off below as above."""

    percent: float = 99.99

    @property
    def name(self) -> str:
        """With its percentage."""
        return f"percentile:{self.percent:g}"

    def range(self, summary: Summary) -> Range:
        """From the outer edges of the bins in which the percentiles lie."""
        counts = np.cumsum(summary["counts"])
        beyond = counts[-1] * (1 - self.percent / 100) / 2
        edges = _edges(summary)
        first = int(np.searchsorted(counts, beyond, side="right"))
        last = int(np.searchsorted(counts, counts[-1] - beyond, side="left"))
        return _within(summary, edges[first], edges[last + 1])


def _candidates(summary: Summary) -> list[Range]:
    """Ranges that cut off more and more, the same share on both sides; the first cuts off nothing."""
    least, greatest = (float(x) for x in summary["extremes"])
    return [Range(least * share, greatest * share) for share in np.linspace(1, 0.1, 91)]


@dataclass(frozen=True, slots=True)
class MeanSquaredError(_Histogram):
    """The range whose 255 steps give the least mean squared error, of rounding and of what is cut off together."""

    name = "mse"

    def range(self, summary: Summary) -> Range:
        """The best of the candidates, every value standing in the middle of its bin."""
        edges, counts = _edges(summary), summary["counts"].astype(np.float64)
        x = (edges[:-1] + edges[1:]) / 2

        def error(candidate: Range) -> float:
            low, high = min(candidate.min, 0.0), max(candidate.max, 0.0)
            step = (high - low) / LEVELS
            if step == 0:
                return float(counts @ (x * x))
            beyond = x - np.clip(x, low, high)
            return float(counts @ np.where(beyond == 0, step * step / 12, beyond * beyond))

        return min(_candidates(summary), key=error)


@dataclass(frozen=True, slots=True)
class Entropy(_Histogram):
    """The range whose 255 steps keep most of the values' distribution: the least Kullback-Leibler divergence."""

    name = "entropy"

    def range(self, summary: Summary) -> Range:
        """The best of the candidates."""
        edges, counts = _edges(summary), summary["counts"].astype(np.float64)
        x = (edges[:-1] + edges[1:]) / 2
        present = counts > 0

        def divergence(candidate: Range) -> float:
            low, high = min(candidate.min, 0.0), max(candidate.max, 0.0)
            step = (high - low) / LEVELS
            if step == 0:
                return np.inf
            level = np.clip(np.round((x - low) / step), 0, LEVELS).astype(np.int64)
            clipped = counts * ((x >= low) & (x <= high))
            outside = counts - clipped
            clipped[np.searchsorted(x, low).clip(0, BINS - 1)] += outside[x < low].sum()
            clipped[(np.searchsorted(x, high) - 1).clip(0, BINS - 1)] += outside[x > high].sum()
            mass = np.bincount(level, clipped, LEVELS + 1)
            filled = np.bincount(level, present, LEVELS + 1)
            spread = np.where(present & (x >= low) & (x <= high), mass[level] / np.maximum(filled[level], 1), 0)
            both = (clipped > 0) & (spread > 0)
            lost = clipped[~both].sum() / clipped.sum()
            p, q = clipped[both] / clipped[both].sum(), spread[both] / spread[both].sum()
            return float((p * np.log(p / q)).sum() + lost)

        return min(_candidates(summary), key=divergence)
