"""The operators, one file each, named as in the schema: CONV_2D is conv_2d.py. Files with a leading underscore serve a family."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable
from functools import cache

from .node import Node, NotYetKnown, Operand, Prepared, Step

__all__ = ["Node", "NotYetKnown", "Operand", "Prepared", "Step", "find_prepare"]


@cache
def find_prepare(operator_name: str) -> Callable[[Node], Prepared] | None:
    """The `prepare` of the operator's file, None if qref has no such operator.

    >>> find_prepare("FULLY_CONNECTED").__module__
    'qref.ops.fully_connected'
    >>> find_prepare("NO_SUCH_OPERATOR") is None
    True
    """
    module = f"{__name__}.{operator_name.lower()}"
    if not re.fullmatch("[A-Z][A-Z0-9_]*", operator_name) or operator_name == "NODE" or importlib.util.find_spec(module) is None:
        return None
    return importlib.import_module(module).prepare
