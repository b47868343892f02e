"""The file: bytes <-> Model, Subgraph, Operator, Tensor. No arithmetic here."""

from __future__ import annotations

from .build import GraphBuilder
from .check import check
from .constants import constant, pack
from .enums import ActivationFunctionType, MirrorPadMode, Padding, TensorType, builtin_code, builtin_name
from .errors import InvalidModel, ModelError, QrefError
from .limits import Limits
from .model import (
    NO_OPTIONS,
    Buffer,
    DimensionMetadata,
    Metadata,
    Model,
    Operator,
    OperatorCode,
    Options,
    Quantization,
    Signature,
    Sparsity,
    Subgraph,
    Tensor,
)
from .reader import load
from .writer import save, write

__all__ = [
    "NO_OPTIONS",
    "ActivationFunctionType",
    "Buffer",
    "DimensionMetadata",
    "GraphBuilder",
    "InvalidModel",
    "Limits",
    "Metadata",
    "MirrorPadMode",
    "Model",
    "ModelError",
    "Operator",
    "OperatorCode",
    "Options",
    "Padding",
    "QrefError",
    "Quantization",
    "Signature",
    "Sparsity",
    "Subgraph",
    "Tensor",
    "TensorType",
    "builtin_code",
    "builtin_name",
    "check",
    "constant",
    "load",
    "pack",
    "save",
    "write",
]
