"""The errors of qref, one tree: each message names the operator or tensor, what was expected, what was found, what to do.

QrefError
    ModelError
        InvalidModel          the file is malformed or contradicts itself
        UnsupportedOperator   an operator, type or version that the chosen runtime does not take
        SpecViolation         a well-formed file asks for what the operator's specification forbids
    InputError                an array, path or argument given by the caller is wrong
    BackendError              LiteRT or a device is missing, refused the model, aborted or ran out of time
"""

from __future__ import annotations

from qref.schema.errors import InvalidModel, ModelError, QrefError

__all__ = ["BackendError", "InputError", "InvalidModel", "ModelError", "QrefError", "SpecViolation", "UnsupportedOperator"]


class UnsupportedOperator(ModelError):
    """An operator, a type or a version of it that the chosen runtime does not take."""


class SpecViolation(ModelError):
    """A well-formed file asks for what the operator's specification forbids."""


class InputError(QrefError, ValueError):
    """An array, a path or an argument given by the caller is wrong."""


class BackendError(QrefError):
    """LiteRT or a device is missing, refused the model, aborted or ran out of time."""
