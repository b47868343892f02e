"""The operators, one file each, named as in the schema: CONV_2D is conv_2d.py, IF, a keyword of Python, if_.py.

Files with a leading underscore serve a family.
"""

from __future__ import annotations

import importlib
import importlib.util
import keyword
import re
from collections.abc import Callable
from functools import cache

from .node import Node, NotYetKnown, Operand, Prepared, Step

__all__ = ["Node", "NotYetKnown", "Operand", "Prepared", "Step", "find_prepare"]

CUSTOM_OPERATORS = {"TFLite_Detection_PostProcess": "detection_postprocess"}  # custom code -> file


@cache
def find_prepare(operator_name: str) -> Callable[[Node], Prepared] | None:
    """The `prepare` of the operator's file, None if qref has no such operator.

    >>> find_prepare("FULLY_CONNECTED").__module__
    'qref.ops.fully_connected'
    >>> find_prepare("NO_SUCH_OPERATOR") is None
    True
    """
    builtin = re.fullmatch("[A-Z][A-Z0-9_]*", operator_name) and operator_name != "NODE"
    file = CUSTOM_OPERATORS.get(operator_name) or (operator_name.lower() if builtin else "")
    module = f"{__name__}.{file}_" if keyword.iskeyword(file) else f"{__name__}.{file}"
    if not file or importlib.util.find_spec(module) is None:
        return None
    return importlib.import_module(module).prepare
