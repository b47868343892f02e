"""What an LSTM holds between its time steps, which no tensor of the graph shows when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from qref.interpreter import Interpreter
from qref.ops._lstm_float import FloatLstmPlan, LstmStep, run_lstm
from qref.ops._lstm_operands import GATES, GateInputs
from qref.quantizer import lstm
from qref.schema import Operator


class _Step(LstmStep):
    """A time step that notes what it computes: the cell state, the output before the projection, what is normalized."""

    def __init__(self, tensors: Sequence[np.ndarray], plan: FloatLstmPlan):
        super().__init__(tensors, plan)
        self.cells: list[np.ndarray] = []
        self.hidden: list[np.ndarray] = []
        self.normalized: dict[int, list[np.ndarray]] = {}

    def gate_sum(self, gate: GateInputs, start: np.ndarray, h: np.ndarray, c: np.ndarray) -> np.ndarray:
        """Note it by the gate's number where it will be normalized."""
        total = super().gate_sum(gate, start, h, c)
        if gate.layer_norm is not None:
            number = next(i for i, name in enumerate(GATES) if self.inputs.gates.get(name) is gate)
            self.normalized.setdefault(number, []).append(total)
        return total

    def output(self, hidden: np.ndarray) -> np.ndarray:
        """Note what is projected."""
        self.hidden.append(hidden)
        return super().output(hidden)

    def __call__(self, *arguments: Any) -> tuple[np.ndarray, np.ndarray]:
        """Note the cell state."""
        h, c = super().__call__(*arguments)
        self.cells.append(c)
        return h, c


class LstmWatch:
    """Evaluates one UNIDIRECTIONAL_SEQUENCE_LSTM again, step by step, on what its inputs held."""

    def __init__(self, interpreter: Interpreter, operator: Operator, like: str | None):
        self.interpreter, self.operator, self.like = interpreter, operator, like
        self.states: dict[int, np.ndarray] = {}

    def start(self) -> None:
        """Note the states before the graph runs."""
        positions = (lstm.OUTPUT_STATE, lstm.CELL_STATE)
        self.states = {position: self.interpreter.get_tensor(self.operator.inputs[position]) for position in positions}

    def finish(self) -> Iterator[tuple[str, np.ndarray]]:
        """Places in a calibration, with what was held there."""
        inputs = [
            None if tensor < 0 else self.states.get(position, self.interpreter.tensor(tensor)())
            for position, tensor in enumerate(self.operator.inputs)
        ]
        node, prepared = self.interpreter.prepare_operator(self.operator.index, inputs)
        tensors: list[Any] = node.arguments(inputs)
        made: list[_Step] = []

        def watched(*arguments: Any) -> _Step:
            made.append(_Step(*arguments))
            return made[0]

        run_lstm(tensors[0], None, tensors, prepared.plan, watched)
        (step,) = made
        place = f"0/{self.operator.index}"
        yield f"{place}/{lstm.HIDDEN}", np.stack(step.hidden)
        for number, sums in step.normalized.items():
            yield f"{place}/{number}", np.stack(sums)
        for position, state in self.states.items():
            yield f"0/{self.operator.inputs[position]}", state
        if self.like is None:
            yield f"0/{self.operator.inputs[lstm.CELL_STATE]}", np.stack(step.cells)
