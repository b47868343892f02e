"""qref tells, to the last bit, what a quantized .tflite model computes, in which runtime, and why."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from qref.errors import BackendError, InputError, InvalidModel, ModelError, QrefError, SpecViolation, UnsupportedOperator
from qref.models import bundled
from qref.schema import Limits, Model, load

if TYPE_CHECKING:
    from qref.batch import invoke_many
    from qref.debugger import QuantizationDebugger, QuantizationDebugOptions, debug
    from qref.interpreter import Interpreter, OpResolverType
    from qref.keras import export_keras
    from qref.quantizer import calibrate, quantize

__version__ = "0.1.0"

__all__ = [
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
    "bundled",
    "calibrate",
    "debug",
    "export_keras",
    "invoke_many",
    "load",
    "quantize",
]


_HOME = {"Interpreter": "interpreter", "OpResolverType": "interpreter", "export_keras": "keras", "invoke_many": "batch"}
_HOME |= dict.fromkeys(("calibrate", "quantize"), "quantizer")
_HOME |= dict.fromkeys(("QuantizationDebugger", "QuantizationDebugOptions", "debug"), "debugger")


def __getattr__(name: str) -> Any:
    """Import interpreter, quantizer or debugger, and numba with them, when first asked for: reading a file needs none."""
    if name in _HOME:
        return getattr(importlib.import_module(f"qref.{_HOME[name]}"), name)
    raise AttributeError(f"module 'qref' has no attribute {name!r}")
