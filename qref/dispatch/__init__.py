"""The one place where the meaning (qref.ops) meets the speed (qref.kernels): each NumPy reference and its numba twin.

A binder takes a plan and the constant inputs (None where an input is not constant), packs what can be packed once, and
returns a function of the inputs that gives what the reference gives, bit for bit. References without a twin run as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.errors import InputError
from qref.ops.node import Prepared

from . import elementwise, matmul, movement, pooling, recurrent, reduction, unary

Binder = Callable[[Any, Sequence[np.ndarray | None]], Callable[..., Any]]

BINDERS: dict[Callable[..., Any], Binder] = {
    **matmul.BINDERS,
    **recurrent.BINDERS,
    **elementwise.BINDERS,
    **unary.BINDERS,
    **pooling.BINDERS,
    **reduction.BINDERS,
}

POINTWISE = unary.POINTWISE  # functions of one element
MOVEMENTS = frozenset(movement.CALLS)  # what only moves elements

KERNELS = ("numba", "numpy")


def check_kernels(kernels: str) -> None:
    """Raise InputError unless `kernels` names a form that can be run: "numba" or "numpy"."""
    if kernels not in KERNELS:
        raise InputError(f"unknown kernels {kernels!r}; known: {', '.join(KERNELS)}")


def bind(prepared: Prepared, constants: Sequence[np.ndarray | None], kernels: str) -> Callable[..., Any]:
    """A function of the operator's inputs that evaluates it: the numba twin where there is one and it is wanted."""
    reference, plan = prepared.reference, prepared.plan
    binder = BINDERS.get(reference) if kernels == "numba" else None
    return binder(plan, constants) if binder is not None else lambda *inputs: reference(*inputs, plan)
