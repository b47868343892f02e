"""qref tells, to the last bit, what a quantized .tflite model computes, in which runtime, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qref.errors import BackendError, InputError, InvalidModel, ModelError, QrefError, SpecViolation, UnsupportedOperator
from qref.models import bundled
from qref.schema import Limits, Model, load

if TYPE_CHECKING:
    from qref.batch import invoke_many
    from qref.interpreter import Interpreter, OpResolverType

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
    "SpecViolation",
    "UnsupportedOperator",
    "bundled",
    "invoke_many",
    "load",
]


def __getattr__(name: str) -> Any:
    """Import the interpreter, and numba with it, when it is first asked for: reading a file needs neither."""
    if name in ("Interpreter", "OpResolverType"):
        from qref import interpreter

        return getattr(interpreter, name)
    if name == "invoke_many":
        from qref import batch

        return batch.invoke_many
    raise AttributeError(f"module 'qref' has no attribute {name!r}")
