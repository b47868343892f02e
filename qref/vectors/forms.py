"""Which operators without an accumulator have a reference kernel in C too: the function that computes them decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qref.ops import average_pool_2d, expand_dims, max_pool_2d, reshape, squeeze
from qref.ops._sum import sum_quantized
from qref.ops._unary import by_table_8bit

from .cases import Subject

FORMS: dict[Callable[..., Any], str] = {
    max_pool_2d.max_pool_2d: "max_pool_2d",
    average_pool_2d.average_pool_2d: "average_pool_2d",
    sum_quantized: "sum_quantized",
    by_table_8bit: "lookup_table_8bit",
    reshape.reshape: "copy",
    squeeze.squeeze: "copy",
    expand_dims.expand_dims: "copy",
}


def find_form(subject: Subject) -> str | None:
    """The name of the operator's kernel in C; None where there is none, as for all operators on floats."""
    form = FORMS.get(subject.prepared.reference)
    if form is None or subject.layer[0].outputs[0].dtype.kind not in "iu":
        return None
    undefined = form == "sum_quantized" and subject.prepared.plan.output.shift > 0  # C does not define what x86 does then
    return None if undefined else form
