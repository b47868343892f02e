"""Likely causes of a layer's error: rules over its statistics, one function each, and what to do about each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from qref.debugger.statistics import EXPECTED, THRESHOLD, LayerStatistics
from qref.quantizer.specification import SPECIFICATIONS

CLIPPED = 1e-3  # share of elements outside of the range
UNUSED = 0.5  # used share of the range
OUTLIER = 8.0  # times the magnitude of the median channel
GOOD = 40.0  # dB: weights that are no worse need no remedy
CLOSE = 3.0  # dB: two ratios that are about the same
INHERITED = 6.0  # dB by which the accumulated error is above the own one


@dataclass(frozen=True, slots=True)
class Cause:
    """A likely cause: its kind, what was seen, and what to try."""

    kind: str
    seen: str
    remedy: str

    def to_dict(self) -> dict[str, str]:
        """As JSON has it."""
        return asdict(self)


def causes_of(layer: LayerStatistics, layers: Sequence[LayerStatistics]) -> list[Cause]:
    """Those of which a layer shows signs; `layers` are all of the model."""
    found = (
        clipping(layer),
        dead_range(layer),
        outlier_channel(layer),
        weights(layer),
        states(layer),
        accumulated(layer, layers),
    )
    return [cause for cause in found if cause is not None]


def clipping(layer: LayerStatistics) -> Cause | None:
    """Values lie outside of the range: calibration saw other ones, or cut them off."""
    if layer.saturation_rate is None or layer.saturation_rate <= CLIPPED or _is_fixed(layer):
        return None
    seen = f"{layer.saturation_rate:.2%} of what it should give lies outside of its range"
    return Cause("clipping", seen, "calibrate on samples like these, or with a method that cuts off less")


def dead_range(layer: LayerStatistics) -> Cause | None:
    """Much of the range is never used: calibration saw outliers that do not occur here."""
    if layer.used_range is None or layer.used_range >= UNUSED or _is_fixed(layer):
        return None
    seen = f"only {layer.used_range:.0%} of its range is used"
    return Cause("dead range", seen, "calibrate on samples like these, or with percentile or mse")


def outlier_channel(layer: LayerStatistics) -> Cause | None:
    """One channel is so much larger than the others that these have few steps: an output has one scale."""
    if layer.channels is None or layer.scale is None:
        return None
    magnitude = layer.channels.magnitude
    channel, median = int(magnitude.argmax()), float(np.median(magnitude))
    if magnitude[channel] <= OUTLIER * median:
        return None
    seen = f"channel {channel} reaches {magnitude[channel]:.3g}, the median channel {median:.3g}"
    return Cause("outlier channel", seen, "16-bit activations here (int16x8), or float; or scale that channel in training")


def weights(layer: LayerStatistics) -> Cause | None:
    """The error is about as large as that of the weights alone."""
    known = [w for w in layer.weights if w.snr is not None]
    if not known or layer.own.snr is None:
        return None
    worst = min(known, key=lambda w: w.snr or 0.0)
    if worst.snr is None or worst.snr > min(GOOD, layer.own.snr + CLOSE):
        return None
    where = "" if worst.worst_channel is None else f", channel {worst.worst_channel[0]} {worst.worst_channel[1]:.1f} dB"
    seen = f"its {worst.type} weights alone have a signal-to-noise ratio of {worst.snr:.1f} dB{where}"
    return Cause("weights", seen, "more bits, or a scale for each channel; or keep the layer in float")


def states(layer: LayerStatistics) -> Cause | None:
    """An LSTM's rounding builds up from one time step to the next."""
    known = [value for value in layer.inside if value.snr is not None]
    if not known or layer.rmse_per_scale is None or layer.rmse_per_scale <= THRESHOLD:
        return None
    worst = min(known, key=lambda value: value.snr or 0.0)
    cut = "" if not worst.saturation_rate else f", {worst.saturation_rate:.2%} of it saturated"
    seen = (
        f"RMSE/scale is {layer.rmse_per_scale:.2f} ({EXPECTED:.3f} is expected); inside, {worst.name} has {worst.snr:.1f} dB{cut}"
    )
    return Cause("states", seen, "keep the LSTM in float, or quantize it with dynamic_range")


def accumulated(layer: LayerStatistics, layers: Sequence[LayerStatistics]) -> Cause | None:
    """Most of the error came from before."""
    own, total = layer.own.snr, layer.accumulated.snr
    if total is None or (own is not None and own - total < INHERITED):
        return None
    before = [other for other in layers if other.operator < layer.operator and other.own.snr is not None]
    if not before:
        return None
    worst = min(before, key=lambda other: other.own.snr or 0.0)
    seen = f"{total:.1f} dB against the float model, {'no error' if own is None else f'{own:.1f} dB'} of its own"
    return Cause("accumulated error", seen, f"mend what comes before; the worst is operator {worst.operator} ({worst.op_name})")


def _is_fixed(layer: LayerStatistics) -> bool:
    """Whether the specification gives the output's scale, whatever calibration saw."""
    found = SPECIFICATIONS.get(layer.op_name)
    return found is not None and found.fixed is not None
