"""qref tells, to the last bit, what a quantized .tflite model computes, in which runtime, and why."""

from qref.errors import BackendError, InputError, InvalidModel, ModelError, QrefError, SpecViolation, UnsupportedOperator
from qref.interpreter import Interpreter, OpResolverType
from qref.models import bundled
from qref.schema import Limits, Model, load

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
    "load",
]
