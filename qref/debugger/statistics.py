"""What was measured of one output of one operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from qref.debugger.sums import ChannelSums, ErrorSums, HistogramSums, LayerSums

EXPECTED = 1 / np.sqrt(12)  # RMSE / scale of numbers rounded to the nearest step
THRESHOLD = 0.7  # RMSE / scale above which a layer is suspected of being quantized badly


@dataclass(frozen=True, slots=True)
class Error:
    """How far outputs lie from what they should be.

    stddev, mean_error, max_abs_error, mean_squared_error   of each sample, then the mean over samples
    snr      signal-to-noise ratio over all elements, dB; None where there is no error, or no signal
    cosine   of the angle between the two; None where one is zero
    """

    stddev: float
    mean_error: float
    max_abs_error: float
    mean_squared_error: float
    snr: float | None
    cosine: float | None

    @property
    def rmse(self) -> float:
        """The root of the mean squared error."""
        return float(np.sqrt(self.mean_squared_error))

    @classmethod
    def of(cls, sums: ErrorSums, power: float) -> Error:
        """From sums over samples; `power` is the sum of squares of what was found."""
        stddev, mean, greatest, square = (
            float(np.concatenate(found).mean()) if found else 0.0
            for found in (sums.stddevs, sums.means, sums.greatest, sums.squares)
        )
        norm = np.sqrt(power * sums.signal)
        cosine = float(np.clip(sums.product / norm, -1, 1)) if norm > 0 else None
        return cls(stddev, mean, greatest, square, decibel(sums.signal, sums.error), cosine)


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """The operator's own error for each output channel, where its weights have a scale for each.

    rmse        root of the mean squared error; float64 [channels]
    snr         dB; NaN where there is no error or no signal
    magnitude   the greatest |x| of the float twin
    """

    rmse: np.ndarray
    snr: np.ndarray
    magnitude: np.ndarray

    @classmethod
    def of(cls, sums: ChannelSums) -> Channels:
        """From sums over samples."""
        with np.errstate(divide="ignore", invalid="ignore"):
            snr = np.where((sums.error > 0) & (sums.signal > 0), 10 * np.log10(sums.signal / sums.error), np.nan)
        return cls(np.sqrt(sums.error / max(1, sums.rows)), snr, sums.magnitude)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: lists, None for NaN."""
        return {
            "rmse": self.rmse.tolist(),
            "snr": [None if np.isnan(x) else float(x) for x in self.snr],
            "magnitude": self.magnitude.tolist(),
        }


@dataclass(frozen=True, slots=True)
class Weights:
    """A quantized constant against that of the float model.

    position        among the operator's inputs
    type            as it is stored
    scales          how many it has
    snr             dB; None where it is exact
    worst_channel   the slice with the least ratio, and that ratio; None where there is one slice
    """

    position: int
    name: str
    type: str
    scales: int
    snr: float | None
    worst_channel: tuple[int, float] | None


@dataclass(frozen=True, slots=True)
class Inside:
    """One of the values inside an LSTM that no tensor shows: what a gate sums, or the state of its cells, of all time steps.

    scale             of the integers that hold it; None where they are float
    saturation_rate   share of them that are the least or the greatest integer
    """

    name: str
    scale: float | None
    rmse: float
    snr: float | None
    magnitude: float
    saturation_rate: float | None


@dataclass(frozen=True, slots=True)
class LayerStatistics:
    """One output of one operator of the quantized model.

    operator, tensor   their numbers in the quantized model; `output` is its place among the operator's outputs
    tensor_idx         the number that its tensor has in TensorFlow's debug model: see numbering.py
    tensor_name        as in the float model
    quantized          whether the output or a constant of the operator is quantized, or what it calls
    own                its own error: against its float counterpart, fed with what the quantized operator was fed
    accumulated        against what the float model holds there
    scale, zero_point  of the output; None where it is float
    range              what its integers reach over, in real numbers
    rmse_per_scale     the own error's root mean square in steps
    saturation_rate    share of elements whose float twin lies outside of the range by more than half a step
    used_range         share of the range that was used
    float_min, float_max   of what the float model holds
    metrics            those that the caller gave, by name; means over samples
    """

    op_name: str
    operator: int
    output: int
    tensor: int
    tensor_idx: int
    tensor_name: str
    quantized: bool
    num_elements: int
    own: Error
    accumulated: Error
    float_min: float
    float_max: float
    scale: float | None = None
    zero_point: int | None = None
    range: float | None = None
    rmse_per_scale: float | None = None
    saturation_rate: float | None = None
    used_range: float | None = None
    channels: Channels | None = None
    weights: tuple[Weights, ...] = ()
    inside: tuple[Inside, ...] = ()
    histogram: HistogramSums | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def suspected(self) -> bool:
        """Whether RMSE / scale is above THRESHOLD, for an output of 8 bits: in steps of 16 bits any weights' error is large."""
        if self.rmse_per_scale is None or self.scale is None or self.range is None:
            return False
        return self.rmse_per_scale > THRESHOLD and self.range < 256 * self.scale

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        names = [name for name in self.__dataclass_fields__ if name not in ("channels", "histogram", "own", "accumulated")]
        found: dict[str, Any] = {name: getattr(self, name) for name in names}
        found["weights"] = [asdict(entry) for entry in self.weights]
        found["inside"] = [asdict(entry) for entry in self.inside]
        found["metrics"] = dict(self.metrics)
        found["own"], found["accumulated"] = asdict(self.own), asdict(self.accumulated)
        found["channels"] = None if self.channels is None else self.channels.to_dict()
        found["histogram"] = None if self.histogram is None else self.histogram.to_dict()
        return found


def measured(sums: LayerSums) -> dict[str, Any]:
    """The fields of LayerStatistics that sums over samples tell."""
    own, accumulated = Error.of(sums.own, sums.power), Error.of(sums.accumulated, sums.power)
    found: dict[str, Any] = {"num_elements": sums.num_elements, "own": own, "accumulated": accumulated}
    found["float_min"], found["float_max"] = sums.accumulated.minimum, sums.accumulated.maximum
    found["channels"] = None if sums.channels is None else Channels.of(sums.channels)
    found["histogram"] = sums.histogram
    if sums.limits is not None:
        low, high, scale = sums.limits
        total = max(1, sums.num_elements * sums.samples)
        found |= {"range": high - low, "rmse_per_scale": own.rmse / scale, "saturation_rate": sums.clipped / total}
        found["used_range"] = max(0.0, sums.greatest - sums.least) / (high - low)
    return found


def decibel(signal: float, error: float) -> float | None:
    """10 log10(signal / error), of sums of squares; None where one is zero."""
    return float(10 * np.log10(signal / error)) if signal > 0 and error > 0 else None
