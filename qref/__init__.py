"""qref tells, to the last bit, what a quantized .tflite model computes, in which runtime, and why."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from qref.errors import BackendError, InputError, InvalidModel, ModelError, QrefError, SpecViolation, UnsupportedOperator
from qref.models import bundled
from qref.schema import Limits, Model, load

if TYPE_CHECKING:
    from qref.analyzer import Analyzer, analyze
    from qref.batch import invoke_many
    from qref.debugger import QuantizationDebugger, QuantizationDebugOptions, debug
    from qref.debugger.suggest import suggest
    from qref.evaluation import evaluate
    from qref.interpreter import Interpreter, OpResolverType
    from qref.keras import export_keras
    from qref.quantizer import calibrate, quantize

__version__ = "0.1.0"

__all__ = [
    "Analyzer",
    "BackendError",
    "InputError",
    "Interpreter",
    "InvalidModel",
    "Limits",
    "Model",
    "ModelError",
    "OpResolverType",
    "QrefError",
    "QuantizationDebugOptions",
    "QuantizationDebugger",
    "SpecViolation",
    "UnsupportedOperator",
    "analyze",
    "bundled",
    "calibrate",
    "debug",
    "evaluate",
    "export_keras",
    "invoke_many",
    "load",
    "quantize",
    "suggest",
]


_HOME = {"Interpreter": "interpreter", "OpResolverType": "interpreter", "export_keras": "keras", "invoke_many": "batch"}
_HOME |= {"evaluate": "evaluation", "suggest": "debugger.suggest"} | dict.fromkeys(("calibrate", "quantize"), "quantizer")
_HOME |= dict.fromkeys(("Analyzer", "analyze"), "analyzer")
_HOME |= dict.fromkeys(("QuantizationDebugger", "QuantizationDebugOptions", "debug"), "debugger")


def __getattr__(name: str) -> Any:
    """Import what else there is, and numba with it, when it is first asked for: reading a file needs none of it."""
    if name in _HOME:
        return getattr(importlib.import_module(f"qref.{_HOME[name]}"), name)
    raise AttributeError(f"module 'qref' has no attribute {name!r}")
