"""Quantized constants against those of the float model."""

from __future__ import annotations

import numpy as np

from qref.debugger.align import Pair, Stripped
from qref.debugger.constants import is_quantized, real, slices
from qref.debugger.statistics import Weights, decibel


def weights_of(pair: Pair, quantized: Stripped) -> tuple[Weights, ...]:
    """One entry for each constant of an operator that is stored with fewer bits, where it was not changed by merging."""
    if len(pair.region) > 1:
        return ()
    found = []
    for position, (value, original) in enumerate(zip(quantized.inputs(pair.node), pair.float_node.inputs)):
        if value is None or original is None or not is_quantized(value):
            continue
        a, b = real(value), real(original)
        if a is None or b is None or a.shape != b.shape:
            continue
        scales = 0 if value.quantization is None else len(value.quantization.scale)
        axis = value.quantization.quantized_dimension if value.quantization is not None and scales > 1 else None
        error, signal = (np.square(slices(x.astype(np.float64), axis)).sum(axis=1) for x in (a - b, b))
        total = decibel(float(signal.sum()), float(error.sum()))
        found.append(Weights(position, original.name, value.type.name, scales, total, _worst(signal, error)))
    return tuple(found)


def _worst(signal: np.ndarray, error: np.ndarray) -> tuple[int, float] | None:
    ratios = [decibel(float(s), float(e)) for s, e in zip(signal, error)]
    known = [(ratio, channel) for channel, ratio in enumerate(ratios) if ratio is not None]
    if len(ratios) < 2 or not known:
        return None
    ratio, channel = min(known)
    return channel, ratio
