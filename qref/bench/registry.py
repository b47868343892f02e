"""Kernels of the caller's own: registered by operator, and held against qref's in every bit before they are timed."""

from __future__ import annotations

import importlib.util
import pathlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.compare.verify import differing
from qref.errors import InputError
from qref.interpreter import Interpreter
from qref.ops import Node
from qref.schema import builtin_code

Bind = Callable[[Any, Sequence[np.ndarray | None]], Callable[..., Any] | None]

REGISTERED: dict[str, Bind] = {}


@dataclass(frozen=True, slots=True)
class KernelDifference:
    """The first operator whose registered kernel differs from qref, and its first element that does."""

    operator: int
    name: str
    tensor: int
    element: tuple[int, ...]
    found: Any
    expected: Any
    mismatches: int
    elements: int

    def __str__(self) -> str:
        where = f"operator {self.operator} ({self.name}), tensor {self.tensor}, element {list(self.element)}"
        return f"{where}: found {self.found}, expected {self.expected}; {self.mismatches:,} of {self.elements:,} elements differ"


def register(operator: str, bind: Bind) -> None:
    """Let operators of that name be computed by a kernel of your own wherever "kernels" are benchmarked.

    operator  as the schema names it: "CONV_2D"
    bind      bind(plan, constants) returns a function of the operator's inputs that gives its output, or None to leave an
              operator to qref. plan: what qref derived from the file, as qref/ops/conv_2d.py documents it; constants: the inputs
              that are known beforehand, such as weights, None for the others. What can be packed once is packed in `bind`.
    """
    try:
        builtin_code(operator)
    except KeyError:
        raise InputError(f"there is no operator {operator!r} to register a kernel for; names are those of the schema") from None
    if not callable(bind):
        raise InputError(f"the kernel for {operator} must be a function bind(plan, constants), found {bind!r}")
    REGISTERED[operator] = bind


def load_kernels(path: pathlib.Path) -> None:
    """Run a Python file that registers kernels; InputError where it is missing, fails or registers none."""
    before = dict(REGISTERED)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise InputError(f"{path} is no Python file; give one that calls qref.bench.register(operator, bind)")
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path} raised {type(error).__name__}: {error}") from error
    if before == REGISTERED:
        raise InputError(f"{path} registers no kernel; call qref.bench.register(operator, bind) in it")


def install(interpreter: Interpreter) -> list[int]:
    """Put the registered kernels in the place of qref's, after allocate_tensors(); returns the operators that they compute."""
    return [
        node.operator.index
        for node in interpreter.evaluated_operators()
        if node.operator.name in REGISTERED and interpreter.replace_operator(node.operator.index, _guarded(node))
    ]


def _guarded(node: Node) -> Bind:
    """The node's registered kernel; what it raises, and an output of a wrong form, becomes an InputError."""

    def bind(plan: Any, constants: Sequence[np.ndarray | None]) -> Callable[..., Any] | None:
        function = _called(node, lambda: REGISTERED[node.operator.name](plan, constants))
        return None if function is None else lambda *inputs: _checked(node, _called(node, lambda: function(*inputs)))

    return bind


def _called(node: Node, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        raise InputError(f"{node}: its registered kernel raised {type(error).__name__}: {error}") from error


def _checked(node: Node, results: Any) -> Any:
    arrays = results if isinstance(results, tuple) else (results,)
    for operand, array in zip(node.outputs, arrays):
        if not isinstance(array, np.ndarray) or (array.shape, array.dtype) != (operand.shape, operand.dtype):
            found = f"{array.dtype} of shape {list(array.shape)}" if isinstance(array, np.ndarray) else type(array).__name__
            expected = f"an array of {operand.dtype} of shape {list(operand.shape)}"
            raise InputError(f"{node}: its registered kernel gave {found} for {operand}; expected {expected}")
    if len(arrays) < len(node.outputs):
        raise InputError(f"{node}: its registered kernel gave {len(arrays)} outputs; expected {len(node.outputs)}")
    return results


def first_difference(kernels: Interpreter, qref: Interpreter) -> KernelDifference | None:
    """The first operator, in the order of execution, whose results are not qref's after as many invokes on the same inputs."""
    for node in qref.evaluated_operators():
        variables = [o for o in node.inputs if o is not None and o.tensor.is_variable]
        for operand in (*node.outputs, *variables):
            index = operand.tensor.index
            found, expected = kernels.get_tensor(index), qref.get_tensor(index)
            different = differing(found, expected)
            if different.any():
                element = tuple(map(int, np.unravel_index(different.argmax(), different.shape)))
                values = found[element].item(), expected[element].item()
                count, name = int(np.count_nonzero(different)), node.operator.name
                return KernelDifference(node.operator.index, name, index, element, *values, count, expected.size)
    return None
