"""The operators, one file each, named as in the schema: CONV_2D is conv_2d.py, IF, a keyword of Python, if_.py.

Files with a leading underscore serve a family.
"""

from __future__ import annotations

import importlib
import importlib.util
import keyword
from collections.abc import Callable
from functools import cache

from .node import Node, NotYetKnown, Operand, Prepared, Step

__all__ = ["Node", "NotYetKnown", "Operand", "Prepared", "Step", "find_prepare"]

CUSTOM_OPERATORS = {"TFLite_Detection_PostProcess": "detection_postprocess"}  # custom code -> file


@cache
def find_prepare(operator_name: str, custom: bool = False) -> Callable[[Node], Prepared] | None:
    """The `prepare` of the file of a builtin operator, or of a custom one by its custom code; None if qref has no such operator.

    >>> find_prepare("FULLY_CONNECTED").__module__
    'qref.ops.fully_connected'
    >>> find_prepare("FULLY_CONNECTED", custom=True) is None
    True
    """
    file = CUSTOM_OPERATORS.get(operator_name, "") if custom else operator_name.lower()
    module = f"{__name__}.{file}_" if keyword.iskeyword(file) else f"{__name__}.{file}"
    if not file or importlib.util.find_spec(module) is None:
        return None
    return importlib.import_module(module).prepare
