"""The operators, one file each, named as in the schema: CONV_2D is conv_2d.py, IF, a keyword of Python, if_.py.

Files with a leading underscore serve a family.
"""

from __future__ import annotations

import importlib
import importlib.util
import keyword
from collections.abc import Callable
from functools import cache

from .node import Node, NotYetKnown, Operand, Prepared

__all__ = ["Node", "NotYetKnown", "Operand", "Prepared", "find_prepare"]

CUSTOM_OPERATORS = {  # custom code -> file
    "NumericVerify": "numeric_verify",
    "TFLite_Detection_PostProcess": "detection_postprocess",
}


@cache
def find_prepare(
    operator_name: str, custom: bool = False, kernel_set: str = "reference"
) -> Callable[[Node], Prepared | None] | None:
    """The `prepare` of an operator's file in a kernel set, None if it has no such file; custom operators go by their custom code.

    The kernel set "reference" is this folder; others are folders in it, with files of the same names for the operators that
    they compute in another way. Their `prepare` gives None for a node that they leave to the next kernel set of the runtime.

    >>> find_prepare("FULLY_CONNECTED").__module__
    'qref.ops.fully_connected'
    >>> find_prepare("FULLY_CONNECTED", custom=True) is None
    True
    """
    file = CUSTOM_OPERATORS.get(operator_name, "") if custom else operator_name.lower()
    folder = __name__ if kernel_set == "reference" else f"{__name__}.{kernel_set}"
    module = f"{folder}.{file}_" if keyword.iskeyword(file) else f"{folder}.{file}"
    if not file or importlib.util.find_spec(module) is None:
        return None
    return importlib.import_module(module).prepare
