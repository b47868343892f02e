"""One subgraph being run: the operands, the prepared operators and what every tensor holds."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qref.arena import ALIGNMENT, Arena, MemoryPlan, Placement, plan
from qref.dispatch import bind
from qref.dispatch.calls import calls_of, has_calls
from qref.dispatch.cut import Call
from qref.dispatch.program import Program
from qref.dispatch.rows import RowByRow
from qref.dispatch.tiles import aligned
from qref.errors import InputError, InvalidModel, SpecViolation, UnsupportedOperator
from qref.ops import Node, NotYetKnown, Operand, Prepared, find_prepare
from qref.ops.node import Shape
from qref.ops.session import Session
from qref.schema.enums import CUSTOM, TensorType
from qref.schema.model import Model, Subgraph, Tensor


@dataclass(slots=True)
class Step:
    """A node, what it was prepared to (None: only running tells its shapes) and the form bound to evaluate it."""

    node: Node
    prepared: Prepared | None = None
    evaluate: Callable[..., Any] | None = None
    folded: bool = False  # its results are constants, computed once
    replaced: bool = False  # `evaluate` is a function of the caller's
    unshaped: tuple[int, ...] = ()  # positions of the outputs whose shapes only the results tell

    @property
    def constants(self) -> list[np.ndarray | None]:
        """The inputs that are known before the graph runs, None for the others."""
        return [None if o is None else o.constant if o.constant is not None else o.known_value for o in self.node.inputs]


class Execution:
    """A subgraph with the state of its tensors; `values[i]` is what tensor i holds, None before it is computed."""

    def __init__(
        self, model: Model, subgraph: Subgraph, session: Session, kernels: str, num_threads: int = 1, keep_all: bool = True
    ):
        self.subgraph = subgraph
        self.kernels = kernels
        self.num_threads = num_threads
        self.keep_all = keep_all  # tensors; else only inputs, outputs, constants and variables, and the others share an arena
        self.free_bytes = session.limits.max_total_bytes
        written = {*subgraph.inputs, *(i for operator in subgraph.operators for i in operator.outputs)}
        self.operands = [
            Operand(t, t.type, tuple(abs(n) for n in t.shape), _constant(model, t, t.index in written)) for t in subgraph.tensors
        ]
        self.values: list[np.ndarray | None] = [operand.constant for operand in self.operands]
        self.parts: list[Program | Step] | None = None  # what invoke goes through, made when it is first called
        self.places: dict[int, np.ndarray] = {}  # arrays that programs read and write, by tensor
        self.arena: Arena | None = None  # where they are unless all are kept
        self.steps = [
            Step(
                Node(
                    operator,
                    inputs=tuple(self.operands[i] if i >= 0 else None for i in operator.inputs),
                    outputs=tuple(self.operands[i] for i in operator.outputs),
                    session=session,
                    intermediates=tuple(self.operands[i] for i in operator.intermediates),
                )
            )
            for operator in subgraph.operators
        ]

    def allocate(self) -> None:
        """Prepare every operator whose input shapes are known now; variables take their initial value, inputs zeros."""
        self.parts, self.places, self.arena = None, {}, None
        for step in self.steps:
            for operand in step.node.outputs:
                operand.known_shape = operand.known_value = None
        for step in self.steps:
            try:
                self._prepare(step)
            except NotYetKnown:
                step.prepared = step.evaluate = None
                for operand in step.node.outputs:
                    operand.known_shape = operand.known_value = None
            step.folded = self._fold(step)
        self.reset_variables()
        for index in self.subgraph.inputs:
            operand, value = self.operands[index], self.values[index]
            if operand.constant is None and (value is None or value.shape != operand.shape):
                self._hold(operand, np.zeros(operand.shape, operand.dtype))

    def _fold(self, step: Step) -> bool:
        """Compute the results now if they are constants; tell whether they are."""
        if step.prepared is None or not step.prepared.pure:
            return False
        outputs = step.node.outputs
        if outputs and all(operand.known_value is not None for operand in outputs):
            for operand in outputs:
                self.values[operand.tensor.index] = operand.known_value
            return True
        if not all(_is_known(operand) for operand in step.node.inputs):
            return False
        self._evaluate(step)
        for operand in outputs:
            operand.known_value = self.values[operand.tensor.index]
        return True

    def resize_input(self, index: int, shape: Shape) -> None:
        """Give an input tensor another shape; takes effect with the next `allocate`."""
        self.operands[index].known_shape = shape

    def reset_variables(self) -> None:
        """Give every variable tensor its initial value: the zero point of a tensor of type int8, else zero, as LiteRT does."""
        for operand in self.operands:
            if operand.tensor.is_variable:
                quantized = operand.type == TensorType.INT8 and operand.quantization is not None and operand.scales.size == 1
                initial = operand.zero_point if quantized else 0
                self.put(operand.tensor.index, np.full(operand.shape, initial, operand.dtype))

    def put(self, index: int, value: np.ndarray) -> None:
        """Make tensor `index` hold a value, where programs look for it."""
        place = self.places.get(index)
        if place is not None and place.shape == value.shape and place.dtype == value.dtype:
            np.copyto(place, value)
            value = place
        elif place is not None:
            self.parts, self.places, self.arena = None, {}, None
        self.values[index] = value

    def invoke(self) -> None:
        """Evaluate the operators in the file's order."""
        parts = self._known_parts()
        if parts is None:
            self._invoke_steps()
            return
        for part in parts:
            if isinstance(part, Step):
                self._evaluate(part)
                self._forget(part)
            else:
                part()

    def is_kept(self, index: int) -> bool:
        """Whether what a tensor holds after an invoke can be read."""
        operand = self.operands[index]
        known = operand.constant is not None or operand.known_value is not None or operand.tensor.is_variable
        return self.keep_all or known or index in self.subgraph.inputs or index in self.subgraph.outputs

    def memory_plan(self, alignment: int) -> MemoryPlan:
        """Where tensors would lie in an arena; after `allocate`.

        Raises InputError where shapes are known only while the graph runs.
        """
        if not self.has_known_shapes():
            raise InputError("some shapes are only known while the graph runs, so there is no plan of its memory")
        lives: dict[int, list[int]] = {}
        for number, step in enumerate(self.steps):
            if not step.folded:
                for operand in (*step.node.inputs, *step.node.outputs):
                    if operand is not None and operand.type.dtype is not None:
                        lives.setdefault(operand.tensor.index, []).append(number)
        forever = {*self.subgraph.inputs, *self.subgraph.outputs}
        for index in forever:
            lives[index] = [0, max(len(self.steps) - 1, 0)]
        tensors = []
        for index, uses in lives.items():
            operand = self.operands[index]
            if operand.constant is None and operand.known_value is None and not operand.tensor.is_variable:
                size = math.prod(operand.shape) * operand.dtype.itemsize
                tensors.append(Placement(index, operand.tensor.name, size, min(uses), max(uses)))
        return plan(tensors, alignment)

    def _forget(self, step: Step) -> None:
        """Let go of what only operators up to a step needed, if it does not lie in the arena."""
        for operand in step.node.inputs if self.arena is not None else ():
            index = -1 if operand is None else operand.tensor.index
            value = self.values[index] if index >= 0 and index not in self.places and not self.is_kept(index) else None
            if value is not None and self.arena.last[index] == step.node.operator.index:  # type: ignore[union-attr]
                self.free_bytes += value.nbytes
                self.values[index] = None

    def row_by_row(self, tensors: Sequence[int], size: int) -> RowByRow | None:
        """The graph for at most `size` rows of its inputs, one after the other, by tensor index; None if it is not only calls.

        Gives what `tensors` hold after each; all have a value, or get one from the calls.
        """
        parts = self._known_parts()
        program = parts[0] if parts is not None and len(parts) == 1 else None
        if not isinstance(program, Program):
            return None
        inputs, outputs = ({i: self.values[i] for i in indices} for indices in (self.subgraph.inputs, tensors))
        if not all(a is not None and a.flags.c_contiguous and a.size for a in (*inputs.values(), *outputs.values())):
            return None
        return RowByRow(program.calls, inputs, outputs, size, self.num_threads)  # type: ignore[arg-type]

    def _known_parts(self) -> list[Program | Step] | None:
        """What invoke goes through; None where shapes are only known while the graph runs."""
        if self.parts is None and self.has_known_shapes():
            self.arena = None if self.keep_all else Arena(self.memory_plan(ALIGNMENT))
            self.parts = self._parts()
        return self.parts

    def has_known_shapes(self) -> bool:
        """Whether every shape is known before the graph runs; after `allocate`."""
        return all(step.prepared is not None and not step.unshaped for step in self.steps)

    def _parts(self) -> list[Program | Step]:
        """The operators in their order: those that are calls of kernels joined to programs, the others one by one."""
        parts: list[Program | Step] = []
        calls: list[Call] = []
        held = {index for index, value in enumerate(self.values) if value is not None}
        for step in self.steps:
            if step.folded:
                continue
            for operand in step.node.inputs:
                if operand is not None and operand.tensor.index not in held:
                    raise _unwritten(step.node, operand)
            held.update(operand.tensor.index for operand in step.node.outputs)
            found = self._calls(step)
            if found is not None:
                calls += found
                continue
            parts += self._program(calls)
            parts, calls = [*parts, step], []
        return parts + self._program(calls)

    def _program(self, calls: Sequence[Call]) -> list[Program | Step]:
        return [Program(calls, self.num_threads)] if calls else []

    def evaluated(self) -> list[Node]:
        """The operators that invoke evaluates: all but those whose results are constants."""
        return [step.node for step in self.steps if not step.folded]

    def run_of(self, index: int) -> Callable[[], None]:
        """A function that evaluates one operator alone on what its inputs hold; to be made after an invoke.

        Raises InputError where the operator's shapes are known only while the graph runs.
        """
        step = self.steps[index]
        if step.prepared is None or step.unshaped:
            raise InputError(f"{step.node}: its shapes are known only while the graph runs, so it cannot be run alone")
        calls = self._calls(step)
        return functools.partial(self._evaluate, step) if calls is None else Program(calls, self.num_threads)

    def replace(self, index: int, bind_other: Callable[[Any, Sequence[np.ndarray | None]], Callable[..., Any] | None]) -> bool:
        """Evaluate an operator by bind_other(plan, constants) until the next `allocate`, unless that is None; tell whether."""
        step = self.steps[index]
        if step.prepared is None or step.unshaped or step.folded:
            return False
        evaluate = bind_other(step.prepared.plan, step.constants)
        if evaluate is None:
            return False
        step.evaluate, step.replaced, self.parts = evaluate, True, None
        return True

    def _calls(self, step: Step) -> list[Call] | None:
        node, prepared = step.node, step.prepared
        if self.kernels != "numba" or prepared is None or step.replaced or not has_calls(prepared):
            return None
        constants = step.constants
        inputs = [None if o is None else c if c is not None else self._place(o) for o, c in zip(node.inputs, constants)]
        outputs = [self._place(operand) for operand in node.outputs]
        found = calls_of(prepared, constants, inputs, outputs)
        if found is not None:
            for operand, array in zip(node.outputs, outputs):
                self._hold(operand, array)
        return found

    def _place(self, operand: Operand) -> np.ndarray:
        index = operand.tensor.index
        if index not in self.places:
            value, arena = self.values[index], self.arena
            if arena is not None and index in arena.last:
                place = arena.array(index, operand.shape, operand.dtype)
            else:
                place = aligned(np.zeros(operand.shape, operand.dtype))
            if value is not None and value.shape == place.shape and self.is_kept(index):
                place[...] = value
                self.values[index] = place
            self.places[index] = place
        return self.places[index]

    def _invoke_steps(self) -> None:
        for step in self.steps:
            if step.folded:
                continue
            if step.prepared is not None:
                self._evaluate(step)
                continue
            inputs = [(o, self._value(step.node, o)) for o in step.node.inputs if o is not None and o.constant is None]
            for operand, value in inputs:
                operand.known_shape, operand.known_value = value.shape, value
            try:
                self._prepare(step)
            except NotYetKnown as unknown:
                step.node.fail(f"needs {unknown}, which is not known even while the graph runs")
            self._evaluate(step)
            step.prepared = None
            for operand, _ in inputs:
                operand.known_value = None

    def _prepare(self, step: Step) -> None:
        step.node.inputs = step.node.inputs[: len(step.node.operator.inputs)]  # without those that an earlier one made absent
        for operand in step.node.outputs:
            operand.known_shape = None
        try:
            step.prepared = find_kernel(step.node)
        except ValueError as error:  # a constant outside the domain of an arithmetic rule
            step.node.fail(str(error))
        _expect_arity(step.node, step.prepared.reference)
        step.unshaped = tuple(i for i, operand in enumerate(step.node.outputs) if operand.known_shape is None)
        step.evaluate, step.replaced = bind(step.prepared, step.constants, self.kernels), False

    def prepare_alone(self, index: int, inputs: Sequence[np.ndarray | None]) -> tuple[Node, Prepared]:
        """The operator at `index` prepared for these inputs, None where absent; nothing of the run changes.

        The node's operands are copies, their known_shape and known_value those of `inputs`.
        """
        node = self.steps[index].node
        operands = tuple(
            None if operand is None or value is None else replace(operand, known_shape=value.shape, known_value=value)
            for operand, value in zip(node.inputs[: len(node.operator.inputs)], inputs)
        )
        outputs = tuple(replace(operand, known_shape=None, known_value=None) for operand in node.outputs)
        alone = replace(node, inputs=operands, outputs=outputs)
        return alone, find_kernel(alone)

    def _value(self, node: Node, operand: Operand) -> np.ndarray:
        value = self.values[operand.tensor.index]
        if value is None:
            raise _unwritten(node, operand)
        return value

    def _evaluate(self, step: Step) -> None:
        inputs = [None if o is None else self._value(step.node, o) for o in step.node.inputs]
        results = step.evaluate(*inputs)  # type: ignore[misc]
        results = list(results) if isinstance(results, tuple) else [results]
        for position in step.unshaped:
            step.node.outputs[position].known_shape = results[position].shape
        for operand, result in zip(step.node.outputs, results):
            found, expected = (result.shape, result.dtype), (operand.shape, operand.dtype)
            assert found == expected, f"{step.node} gave {found} for {operand}; expected {expected}"
            self._hold(operand, result.copy() if self.arena is not None and self.arena.holds(result) else result)
        updates = step.prepared.updates  # type: ignore[union-attr]
        for position, state in zip(updates, results[len(results) - len(updates) :]):
            self.put(step.node.input(position).tensor.index, state)

    def _hold(self, operand: Operand, value: np.ndarray) -> None:
        before = self.values[operand.tensor.index]
        self.free_bytes += (0 if before is None else before.nbytes) - value.nbytes
        if self.free_bytes < 0:
            raise SpecViolation(f"{operand}: with it, all tensors together take more than Limits.max_total_bytes")
        self.put(operand.tensor.index, value)


def find_kernel(node: Node) -> Prepared:
    """The node prepared by the first kernel set of its runtime that takes it; UnsupportedOperator if none does."""
    operator, rules = node.operator, node.session.rules
    rules.expect_registered(node)
    for kernel_set in rules.kernel_sets:
        prepare = find_prepare(operator.name, operator.builtin_code == CUSTOM, kernel_set)
        prepared = prepare(node) if prepare is not None else None
        if prepared is not None:
            rules.expect_declared(node)
            return prepared
    raise UnsupportedOperator(f"{node}: qref has no such operator; the model can be analyzed but not run")


def _unwritten(node: Node, operand: Operand) -> InvalidModel:
    return InvalidModel(f"{node}: {operand} is read before any operator has written it")


def _expect_arity(node: Node, reference: Callable[..., Any]) -> None:
    parameters = inspect.signature(reference).parameters.values()
    if not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        most = len(parameters) - 1  # the last is the plan
        node.expect(len(node.inputs) <= most, f"has {len(node.inputs)} inputs; expected at most {most}")


def _is_known(operand: Operand | None) -> bool:
    return operand is None or operand.constant is not None or operand.known_value is not None


def _constant(model: Model, tensor: Tensor, written: bool) -> np.ndarray | None:
    """The file's data; a tensor without elements that nothing writes needs none."""
    data = model.data(tensor)
    if data is None and not written and 0 in tensor.shape and tensor.type.dtype is not None:
        return np.zeros(tensor.shape, tensor.type.dtype)
    return data
