"""Sums over samples, from which the statistics of one output of one operator are made; nothing else of a sample is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

HISTOGRAM_BINS = 64
HISTOGRAM_ELEMENTS = 512  # of each sample, spread over the tensor
PIECE = 1 << 16  # elements that are summed at a time: they stay in the cache


@dataclass(slots=True)
class ErrorSums:
    """Of differences d between the quantized operator's output and a reference r: what it should be, as float32.

    means, stddevs, greatest, squares   of each sample: mean, standard deviation and greatest magnitude of d, mean of its square
    error, signal, product   sums over all elements of d^2, r^2 and of what was found times r
    minimum, maximum         of r
    """

    means: list[np.ndarray] = field(default_factory=list)
    stddevs: list[np.ndarray] = field(default_factory=list)
    greatest: list[np.ndarray] = field(default_factory=list)
    squares: list[np.ndarray] = field(default_factory=list)
    error: float = 0.0
    signal: float = 0.0
    product: float = 0.0
    minimum: float = np.inf
    maximum: float = -np.inf

    def add(self, found: np.ndarray, power: float, reference: np.ndarray) -> np.ndarray:
        """Add samples [n, elements], `power` being the sum of found^2; returns found - reference."""
        d = found - reference
        squares = np.einsum("ne,ne->n", d, d).astype(np.float64) / d.shape[1]
        means = d.sum(axis=1).astype(np.float64) / d.shape[1]
        self.means.append(means)
        self.squares.append(squares)
        self.stddevs.append(np.sqrt(np.maximum(squares - means * means, 0)))
        self.greatest.append(np.maximum(d.max(axis=1), -d.min(axis=1)))
        error, signal = float(squares.sum()) * d.shape[1], power_of(reference)
        self.error, self.signal = self.error + error, self.signal + signal
        self.product += (power + signal - error) / 2
        self.minimum, self.maximum = min(self.minimum, float(reference.min())), max(self.maximum, float(reference.max()))
        return d


@dataclass(slots=True)
class ChannelSums:
    """Of the same along the last axis: sums of d^2 and r^2, and the greatest |r|; float64 [channels]."""

    error: np.ndarray
    signal: np.ndarray
    magnitude: np.ndarray
    rows: int = 0

    @classmethod
    def of(cls, channels: int) -> ChannelSums:
        """Of nothing yet."""
        return cls(np.zeros(channels), np.zeros(channels), np.zeros(channels))

    def add(self, d: np.ndarray, reference: np.ndarray) -> None:
        """Add differences and what should have been, of any shape with the channels last."""
        d, r = (x.reshape(-1, len(self.error)) for x in (d, reference))
        self.error += np.einsum("ec,ec->c", d, d)
        self.signal += np.einsum("ec,ec->c", r, r)
        self.magnitude = np.maximum(self.magnitude, np.abs(r).max(axis=0))
        self.rows += len(d)


@dataclass(slots=True)
class HistogramSums:
    """How the values of the float model and those of the quantized one are distributed, from some elements of each sample.

    edges   of the bins, over the range of the first samples; what lies outside is counted in the first or the last bin
    """

    edges: np.ndarray
    float_: np.ndarray = field(default_factory=lambda: np.zeros(HISTOGRAM_BINS, np.int64))
    quantized: np.ndarray = field(default_factory=lambda: np.zeros(HISTOGRAM_BINS, np.int64))

    @classmethod
    def over(cls, low: float, high: float) -> HistogramSums:
        """Of nothing yet; bins from low to high."""
        return cls(np.linspace(low, high if high > low else low + 1, HISTOGRAM_BINS + 1))

    def to_dict(self) -> dict[str, list[float]]:
        """As JSON has it."""
        return {"edges": self.edges.tolist(), "float": self.float_.tolist(), "quantized": self.quantized.tolist()}

    def add(self, real: np.ndarray, quantized: np.ndarray) -> None:
        """Add values [n, elements] of both."""
        step = max(1, real.shape[1] // HISTOGRAM_ELEMENTS)
        low, width = self.edges[0], self.edges[1] - self.edges[0]
        for counts, x in ((self.float_, real), (self.quantized, quantized)):
            bins = np.clip((x[:, ::step] - low) / width, 0, HISTOGRAM_BINS - 1).astype(np.intp)
            counts += np.bincount(bins.reshape(-1), minlength=HISTOGRAM_BINS)


@dataclass(slots=True)
class LayerSums:
    """All that is summed of one output.

    limits     the real numbers that the least and the greatest integer stand for, and the scale; None where it is float
    own        against the operator's float twin
    accumulated   against the float model
    clipped    how many elements of the twin lie more than half a step outside of the limits
    """

    limits: tuple[float, float, float] | None
    channels: ChannelSums | None
    own: ErrorSums = field(default_factory=ErrorSums)
    accumulated: ErrorSums = field(default_factory=ErrorSums)
    histogram: HistogramSums | None = None
    num_elements: int = 0
    samples: int = 0
    clipped: int = 0
    power: float = 0.0
    least: float = np.inf
    greatest: float = -np.inf

    @property
    def is_finite(self) -> bool:
        """Whether no value was NaN or infinite."""
        return bool(np.isfinite([self.own.error, self.own.signal, self.accumulated.error, self.accumulated.signal]).all())

    def add(self, found: np.ndarray, twin: np.ndarray, float_: np.ndarray) -> None:
        """Add samples [n, ...] of the operator's output, of its twin's and of the float model's, all float32."""
        found, twin, float_ = (x.reshape(len(x), -1) for x in (found, twin, float_))
        self.num_elements, self.samples = found.shape[1], self.samples + len(found)
        count = max(1, PIECE // max(1, found.shape[1]))
        for start in range(0, len(found) if found.size else 0, count):
            self._add(*(x[start : start + count] for x in (found, twin, float_)))

    def _add(self, found: np.ndarray, twin: np.ndarray, float_: np.ndarray) -> None:
        with np.errstate(all="ignore"):  # what is not finite is refused by whoever asks is_finite
            power = power_of(found)
            self.power += power
            d = self.own.add(found, power, twin)
            self.accumulated.add(found, power, float_)
        if not self.is_finite:
            return
        self.least, self.greatest = min(self.least, float(found.min())), max(self.greatest, float(found.max()))
        if self.channels is not None:
            self.channels.add(d, twin)
        if self.limits is not None and (self.own.minimum < self.limits[0] or self.own.maximum > self.limits[1]):
            low, high, scale = self.limits
            self.clipped += int(np.count_nonzero((twin < low - scale / 2) | (twin > high + scale / 2)))
        if self.histogram is None:
            both = self.accumulated
            self.histogram = HistogramSums.over(min(both.minimum, self.least), max(both.maximum, self.greatest))
        self.histogram.add(float_, found)


def power_of(x: np.ndarray) -> float:
    """The sum of squares of [n, elements], each sample's in float32."""
    return float(np.einsum("ne,ne->n", x, x).sum(dtype=np.float64))
