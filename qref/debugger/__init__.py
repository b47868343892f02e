"""What quantization does to each operator: a float and a quantized model side by side, without debug operators in either."""

from __future__ import annotations

from qref.debugger.causes import Cause
from qref.debugger.debugger import QuantizationDebugger, QuantizationDebugOptions
from qref.debugger.keep_float import keep_float
from qref.debugger.report import DebugReport
from qref.debugger.run import Metrics, debug
from qref.debugger.statistics import EXPECTED, THRESHOLD, LayerStatistics
from qref.debugger.suggest import Suggestion, suggest

__all__ = [
    "EXPECTED",
    "THRESHOLD",
    "Cause",
    "DebugReport",
    "LayerStatistics",
    "Metrics",
    "QuantizationDebugOptions",
    "QuantizationDebugger",
    "Suggestion",
    "debug",
    "keep_float",
    "suggest",
]
