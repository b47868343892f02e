"""What a file can be refused with. The rest of the tree is in qref.errors."""

from __future__ import annotations


class QrefError(Exception):
    """Every error that qref raises on purpose."""


class ModelError(QrefError):
    """A model cannot be used as it is."""


class InvalidModel(ModelError):
    """The bytes are not a well-formed .tflite file, or contradict themselves."""


class MissingField(InvalidModel, AttributeError):
    """An operator's options are of a table that lacks a field which the operator needs."""
