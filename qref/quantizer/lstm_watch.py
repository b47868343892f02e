"""What an LSTM holds between its time steps, which no tensor of the graph shows when it is done.

The outputs of all steps are known then, so that what the gates sum of all steps is two matrix products, and only the cell state
is walked step by step. Sums are taken in another order than the operator's, so that last bits may differ from what it had.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qref.interpreter import Interpreter
from qref.ops._lstm_float import FloatLstmPlan, activate
from qref.ops._lstm_operands import GATES
from qref.quantizer import lstm
from qref.schema import Operator

ONE_THREAD = 2**18  # multiplications for which OpenBLAS starts no other threads: on a busy machine those wait for each other


class LstmWatch:
    """Looks into one UNIDIRECTIONAL_SEQUENCE_LSTM of the main subgraph whenever the graph has run."""

    def __init__(self, interpreter: Interpreter, operator: Operator, like: str | None):
        self.interpreter, self.operator, self.like = interpreter, operator, like
        self.states: dict[int, np.ndarray] = {}
        self.inside: _Inside | None = None

    def start(self) -> None:
        """Note the states before the graph runs."""
        positions = (lstm.OUTPUT_STATE, lstm.CELL_STATE)
        self.states = {position: self.interpreter.get_tensor(self.operator.inputs[position]) for position in positions}

    def finish(self) -> Iterator[tuple[str, np.ndarray]]:
        """Places in a calibration, with what was held there."""
        inside = self.inside = self.inside or _Inside.of(self.interpreter, self.operator)
        x, y = (self.interpreter.tensor(i)() for i in (self.operator.inputs[0], self.operator.outputs[0]))
        for position, state in self.states.items():
            yield f"0/{self.operator.inputs[position]}", state
        place, inputs = f"0/{self.operator.index}", inside.plan.inputs
        if inputs.projection is None:
            yield f"{place}/{lstm.HIDDEN}", y
        if not inside.has_intermediates and self.like is not None:
            return
        cells, hidden, sums = inside.walk(x, y, *self.states.values())
        if hidden is not None:
            yield f"{place}/{lstm.HIDDEN}", hidden
        for name, total in sums.items():
            yield f"{place}/{GATES.index(name)}", total
        if self.like is None:
            yield f"0/{self.operator.inputs[lstm.CELL_STATE]}", cells


class _Inside:
    """One LSTM's constants, by place among its inputs; weights [K, N], transposed."""

    def __init__(self, plan: FloatLstmPlan, constants: dict[int, np.ndarray]):
        self.plan, self.constants = plan, constants

    @property
    def has_intermediates(self) -> bool:
        """Whether it holds more than states and output: what is projected or normalized."""
        return self.plan.inputs.projection is not None or self.plan.inputs.layer_norm

    @classmethod
    def of(cls, interpreter: Interpreter, operator: Operator) -> _Inside:
        """Read after the graph has run."""
        arrays = {position: interpreter.tensor(tensor)() for position, tensor in enumerate(operator.inputs) if tensor >= 0}
        _, prepared = interpreter.prepare_operator(operator.index, [arrays.get(i) for i in range(len(operator.inputs))])
        held = (0, lstm.OUTPUT_STATE, lstm.CELL_STATE)
        return cls(prepared.plan, {position: np.ascontiguousarray(a.T) for position, a in arrays.items() if position not in held})

    def walk(
        self, x: np.ndarray, y: np.ndarray, h: np.ndarray, c: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None, dict[str, np.ndarray]]:
        """The cell state after each step, what is projected if anything is, and the sums that are normalized; [T, B, cells].

        x, y   input and output of the operator
        h, c   output and cell state before it
        """
        plan, inputs, w = self.plan, self.plan.inputs, self.constants
        x, y = (a if plan.time_major else a.swapaxes(0, 1) for a in (x, y))
        before = np.concatenate([h.reshape(1, inputs.batch, inputs.outputs), y[:-1]])
        sums = {
            name: _product(x, w[gate.input_weights]) + _product(before, w[gate.recurrent_weights])
            for name, gate in inputs.gates.items()
            if name != "output" or self.has_intermediates
        }
        limit = plan.cell_clip or np.float32(np.inf)
        c, cells = c.reshape(inputs.batch, inputs.cells), np.empty_like(sums["cell"])
        ahead = None if inputs.peephole else self._gains(sums)
        for t in range(len(x)):
            if ahead is None:
                for name in {"input", "forget"} & sums.keys():
                    sums[name][t] += self._peephole(name) * c
            kept, added = (ahead[0][t], ahead[1][t]) if ahead else self._gains({name: total[t] for name, total in sums.items()})
            c = cells[t] = np.maximum(np.minimum(kept * c + added, limit), -limit)
        if self.has_intermediates:
            sums["output"] += self._peephole("output") * cells
        hidden = None if inputs.projection is None else self._gate("output", sums["output"]) * self._activate(cells)
        return cells, hidden, sums if inputs.layer_norm else {}

    def _gains(self, sums: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """What the cell state is multiplied by, and what is added to it."""
        forget = self._gate("forget", sums["forget"])
        return forget, self._gate("cell", sums["cell"]) * (self._gate("input", sums["input"]) if "input" in sums else 1 - forget)

    def _peephole(self, name: str) -> np.ndarray | np.float32:
        position = self.plan.inputs.gates[name].peephole
        return np.float32(0) if position is None else self.constants[position]

    def _gate(self, name: str, total: np.ndarray) -> np.ndarray:
        gate = self.plan.inputs.gates[name]
        if gate.layer_norm is not None:
            centred = total - total.mean(axis=-1, keepdims=True)
            total = (
                centred
                / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(1e-8))
                * self.constants[gate.layer_norm]
            )
        total = total + self.constants[gate.bias]
        with np.errstate(over="ignore"):
            return self._activate(total) if name == "cell" else 1 / (1 + np.exp(-total))

    def _activate(self, x: np.ndarray) -> np.ndarray:
        return np.tanh(x) if self.plan.activation == "TANH" else activate(self.plan.activation, x)


def _product(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """X [T, B, K] times w [K, N], or times a diagonal [N]."""
    if w.ndim == 1:
        return x * w
    rows, step = x.reshape(-1, x.shape[-1]), max(1, ONE_THREAD // w.size)
    return np.concatenate([rows[i : i + step] @ w for i in range(0, len(rows), step)]).reshape(*x.shape[:-1], w.shape[1])
