"""The sides of a comparison: a runtime of qref, a live kernel set of LiteRT or TFLM, or the tensors that a device dumped."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from qref.compare.case import Arrays, Case
from qref.compare.dump import is_dump, read_dump
from qref.compare.litert import Litert
from qref.compare.oracle import Oracle
from qref.compare.tflm import Tflm
from qref.compare.verify import KERNEL_SET_OF
from qref.compare.visible import constants, visible
from qref.errors import BackendError, InputError
from qref.inputs import start
from qref.interpreter import Interpreter
from qref.runtimes import RUNTIMES
from qref.schema import Model, Operator, Subgraph, write

# Live kernel sets by the name of their side. TFLM's has the name that LiteRT gives to the same kind of kernels.
LIVE: dict[str, tuple[type[Oracle], str]] = {
    **{f"litert:{kernel_set}": (Litert, kernel_set) for kernel_set in Litert.KERNEL_SETS},
    "tflm:reference": (Tflm, "tflm"),
}

Inputs = dict[int, np.ndarray]  # by tensor index


@dataclass(frozen=True, slots=True)
class Trace:
    """What one invoke left: the tensors by index, the file's constants excepted, and what variables held before it."""

    tensors: dict[int, np.ndarray]
    state: dict[int, np.ndarray]


class Side(Protocol):
    """One of the two that are compared, by the name that the caller gave it."""

    name: str

    @property
    def runtime(self) -> str | None:
        """The runtime of qref whose arithmetic it has; None if that is not known."""
        ...

    def run(self, rounds: Sequence[Inputs]) -> list[Trace]:
        """The tensors after each round."""
        ...

    def evaluate(self, operator: Operator, rounds: Sequence[Arrays]) -> list[list[np.ndarray]] | None:
        """The outputs of one operator on given inputs, for each round; None if the side cannot tell."""
        ...


class RuntimeSide:
    """A runtime of qref."""

    def __init__(self, name: str, model: Model):
        self.name = self.runtime = name
        self.interpreter = Interpreter(model_content=model, runtime=name)

    def run(self, rounds: Sequence[Inputs]) -> list[Trace]:
        """Every tensor that is held after each round."""
        subgraph, traces = self.interpreter.model.subgraphs[0], []
        start(self.interpreter, rounds[0])
        changing = [*subgraph.inputs, *(i for o in subgraph.operators for i in o.outputs if i >= 0)]
        for arrays in rounds:
            for index, array in arrays.items():
                self.interpreter.set_tensor(index, array)
            state = state_of(self.interpreter)
            self.interpreter.invoke()
            held = (i for i in changing if self.interpreter.is_held(i))
            traces.append(Trace({i: self.interpreter.get_tensor(i) for i in held}, state))
        return traces

    def evaluate(self, operator: Operator, rounds: Sequence[Arrays]) -> list[list[np.ndarray]] | None:
        """The operator by its compiled form; None if its results depend on more than its inputs."""
        cases = [self.case(operator.index, arrays) for arrays in rounds]
        known = all(case.prepared.pure or case.prepared.updates for case in cases)  # states are among the inputs
        return [case.outputs() for case in cases] if known else None

    def case(self, operator: int, arrays: Arrays) -> Case:
        """The operator prepared for these inputs."""
        node, prepared = self.interpreter.prepare_operator(operator, arrays)
        return Case(node, prepared, node.arguments(arrays))


class LiveSide:
    """A kernel set of LiteRT or TFLM, in a process of its own.

    It runs a form of the model that shows every tensor, see visible.py.
    """

    def __init__(self, name: str, model: Model, interpreter: Interpreter, timeout: float):
        library, kernel_set = LIVE[name]
        self.name, self.model = name, model
        self.fixed, self.initial = constants(interpreter), state_of(interpreter)
        self.runtime = next(runtime for runtime, its_set in KERNEL_SET_OF.items() if its_set == kernel_set)
        self.library = library(kernel_set, timeout)

    def run(self, rounds: Sequence[Inputs]) -> list[Trace]:
        """The tensors that operators write and the variables after each round."""
        graph = visible(self.model, self.fixed, self.initial).subgraphs[0]
        results = self._run(graph, rounds, graph.inputs)
        before, traces = self.initial, []
        for arrays, found in zip(rounds, results):
            traces.append(Trace({**arrays, **{i: found[i] for i in graph.outputs if i in found}}, before))
            before = {index: found.get(index, value) for index, value in before.items()}
        return traces

    def evaluate(self, operator: Operator, rounds: Sequence[Arrays]) -> list[list[np.ndarray]] | None:
        """The operator in a graph of its own, with the operators that make its constants."""
        graph = self.model.subgraphs[0]
        inputs = tuple(dict.fromkeys(i for i in operator.inputs if i >= 0 and i not in self.fixed))
        if any(graph.tensors[i].type.dtype is None for i in inputs):
            return None
        arrays = [{i: a for i, a in zip(operator.inputs, given) if i in inputs and a is not None} for given in rounds]
        needed = _makers_of_constants(graph, operator, self.fixed)
        alone = replace(graph, operators=(*needed, operator), inputs=inputs, outputs=operator.outputs)
        try:
            return [[found[i] for i in operator.outputs] for found in self._run(alone, arrays, inputs)]
        except (BackendError, KeyError):
            return None

    def _run(self, graph: Subgraph, rounds: Sequence[Inputs], inputs: tuple[int, ...]) -> list[Inputs]:
        numbered = replace(graph, operators=tuple(replace(o, index=n) for n, o in enumerate(graph.operators)))
        model = replace(self.model, subgraphs=(numbered, *self.model.subgraphs[1:]), signatures=())
        positions = [{inputs.index(i): array for i, array in arrays.items() if i in inputs} for arrays in rounds]
        return self.library.run(write(model), positions, keep_all=False)


class DumpSide:
    """The tensors that a device dumped after one invoke; a dumped variable is what it held before."""

    runtime = None

    def __init__(self, name: str, interpreter: Interpreter):
        self.name = name
        self.tensors = read_dump(pathlib.Path(name), interpreter)
        self.state = {index: self.tensors.pop(index, initial) for index, initial in state_of(interpreter).items()}

    def run(self, rounds: Sequence[Inputs]) -> list[Trace]:
        """The dumped tensors, with the inputs of the only round where the dump lacks them."""
        (arrays,) = rounds
        return [Trace({**arrays, **self.tensors}, self.state)]

    def evaluate(self, operator: Operator, rounds: Sequence[Arrays]) -> list[list[np.ndarray]] | None:
        """None: a dump computes nothing."""
        return None


def open_side(name: str, model: Model, interpreter: Interpreter, timeout: float) -> Side:
    """The side of that name.

    name         a runtime of qref, one of LIVE, or the path of a dump
    interpreter  of the model, its tensors allocated
    Raises InputError for a name that is none of these, and for a dump that does not fit the model.
    """
    if name in RUNTIMES:
        return RuntimeSide(name, model)
    if name in LIVE:
        return LiveSide(name, model, interpreter, timeout)
    if is_dump(name):
        return DumpSide(name, interpreter)
    live, ours = ", ".join(LIVE), ", ".join(RUNTIMES)
    raise InputError(f"unknown side {name!r}: give a runtime ({ours}), a live library ({live}), a folder or an .npz")


def state_of(interpreter: Interpreter) -> dict[int, np.ndarray]:
    """What the variables hold."""
    tensors = interpreter.model.subgraphs[0].tensors
    return {t.index: interpreter.get_tensor(t.index) for t in tensors if t.is_variable}


def _makers_of_constants(graph: Subgraph, operator: Operator, fixed: dict[int, np.ndarray]) -> tuple[Operator, ...]:
    """The operators whose results are constants that the operator reads, directly or not, in their order."""
    needed, found = set(operator.inputs), []
    for candidate in reversed(graph.operators[: operator.index]):
        if needed & set(candidate.outputs) and all(i in fixed for i in candidate.outputs):
            found.append(candidate)
            needed |= set(candidate.inputs)
    return tuple(reversed(found))
