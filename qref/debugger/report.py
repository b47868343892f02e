"""What the debugger found of a whole model."""

from __future__ import annotations

import csv
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from qref.debugger.causes import Cause, causes_of
from qref.debugger.statistics import EXPECTED, THRESHOLD, LayerStatistics
from qref.errors import InputError

COLUMNS: dict[str, Callable[[LayerStatistics], Any]] = {
    "num_elements": lambda layer: float(layer.num_elements),
    "stddev": lambda layer: np.float32(layer.own.stddev),
    "mean_error": lambda layer: np.float32(layer.own.mean_error),
    "max_abs_error": lambda layer: np.float32(layer.own.max_abs_error),
    "mean_squared_error": lambda layer: np.float32(layer.own.mean_squared_error),
}


@dataclass(frozen=True, slots=True)
class DebugReport:
    """What quantization does to each operator of a model.

    layers         one entry for each float output of an operator, in the order of the quantized graph
    unaligned      operators of the quantized model without counterpart in the float model, each with the reason
    samples        how many were run
    model_metrics  those that the caller gave, by name
    """

    layers: tuple[LayerStatistics, ...]
    unaligned: tuple[tuple[str, str], ...]
    samples: int
    model_metrics: Mapping[str, float]

    @property
    def quantized_layers(self) -> list[LayerStatistics]:
        """Those of which the output or a constant is quantized, in the order of TensorFlow's rows."""
        layers = [layer for layer in self.layers if layer.quantized]
        return sorted(layers, key=lambda layer: (layer.operator, -layer.output))

    def worst(self, count: int | None = None) -> list[LayerStatistics]:
        """The quantized layers with the least signal-to-noise ratio of their own, first the worst."""
        ranked = sorted(self.quantized_layers, key=lambda layer: np.inf if layer.own.snr is None else layer.own.snr)
        return ranked[:count]

    def causes(self, layer: LayerStatistics) -> list[Cause]:
        """Likely causes of a layer's error, and what to do about each."""
        return causes_of(layer, self.layers)

    def write_csv(self, file: IO[str]) -> None:
        """Write the table that TensorFlow's debugger writes, for all quantized layers; empty where a value does not exist."""
        layers = self.quantized_layers
        more = [name for name in dict.fromkeys(name for layer in layers for name in layer.metrics) if name not in COLUMNS]
        writer = csv.writer(file)
        writer.writerow(["op_name", "tensor_idx", *COLUMNS, *more, "scale", "zero_point", "tensor_name"])
        for layer in layers:
            row = [layer.metrics.get(name, value(layer)) for name, value in COLUMNS.items()]
            row += [layer.metrics.get(name, "") for name in more]
            scale = "" if layer.scale is None else np.float32(layer.scale)
            zero_point = "" if layer.zero_point is None else layer.zero_point
            writer.writerow([layer.op_name, layer.tensor_idx, *row, scale, zero_point, layer.tensor_name])

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        layers = [
            {**layer.to_dict(), "suspected": layer.suspected, "causes": [cause.to_dict() for cause in self.causes(layer)]}
            for layer in self.layers
        ]
        return {
            "samples": self.samples,
            "expected_rmse_per_scale": float(EXPECTED),
            "threshold_rmse_per_scale": THRESHOLD,
            "model_metrics": dict(self.model_metrics),
            "layers": layers,
            "unaligned": [{"operator": operator, "reason": reason} for operator, reason in self.unaligned],
        }

    def to_pandas(self) -> Any:
        """A DataFrame with a row for each layer; errors as own_... and accumulated_..."""
        if importlib.util.find_spec("pandas") is None:
            raise InputError("to_pandas() needs pandas; install it with: pip install pandas")
        return importlib.import_module("pandas").DataFrame([flat(layer) for layer in self.layers])


def flat(layer: LayerStatistics) -> dict[str, Any]:
    """The numbers of a layer in one dictionary."""
    found = layer.to_dict()
    for name in ("channels", "weights", "inside", "histogram"):
        del found[name]
    for name in ("own", "accumulated"):
        found |= {f"{name}_{key}": value for key, value in found.pop(name).items()}
    return found | found.pop("metrics")
