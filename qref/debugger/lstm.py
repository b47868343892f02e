"""A float twin of a UNIDIRECTIONAL_SEQUENCE_LSTM that shows its gates.

It takes all sums and functions in float64, as the formulas of qref/ops/_lstm_float.py stand there, so that its own rounding
is far below that of any form that is compared with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qref.debugger.constants import real
from qref.ops._lstm_operands import GATES
from qref.quantizer import lstm
from qref.quantizer.graph import Node, Value
from qref.schema import ActivationFunctionType


@dataclass
class FloatLstm:
    """One LSTM in float64; [T, B, n] inside, whatever the operator's layout."""

    node: Node
    constants: Mapping[int, np.ndarray]
    h: np.ndarray | None = None
    c: np.ndarray | None = None

    @classmethod
    def of(cls, node: Node, inputs: list[Value | None]) -> FloatLstm | None:
        """From an operator and what it reads, constants as they are or dequantized; None for what is not covered here."""
        if node.name != lstm.NAME or node.source.options.get("fused_activation_function", 0) != ActivationFunctionType.TANH:
            return None
        positions = [i for i, value in enumerate(inputs) if i and value is not None and not value.is_variable]
        constants = {i: real(inputs[i]) for i in positions}  # type: ignore[arg-type]
        if any(array is None for array in constants.values()):
            return None
        return cls(node, {i: array.astype(np.float64) for i, array in constants.items() if array is not None})

    def run(self, x: np.ndarray, carry: bool) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The outputs [n, ...] for inputs [n, ...] of n samples, and what gates sum and cells hold: each [T, n * B, cells].

        carry   whether states go on from one sample to the next, and from call to call
        """
        if not carry:
            self.h = self.c = None
            return self._walk(x)
        done = [self._walk(sample[None]) for sample in x]
        inside = {name: np.concatenate([found[name] for _, found in done], axis=1) for name in done[0][1]}
        return np.concatenate([y for y, _ in done]), inside

    def _walk(self, x: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        w, steps = self.constants, self.steps(x).astype(np.float64)
        gates = [k for k in range(4) if lstm.INPUT_WEIGHTS + k in w]
        sums = {GATES[k]: steps @ w[lstm.INPUT_WEIGHTS + k].T for k in gates}
        cells = np.empty_like(sums["output"])
        rows, outputs = steps.shape[1], w[lstm.RECURRENT_WEIGHTS + 3].shape[1]
        h = np.zeros((rows, outputs)) if self.h is None else self.h
        c = np.zeros(cells.shape[1:]) if self.c is None else self.c
        y = np.empty((len(steps), *h.shape))
        for t in range(len(steps)):
            for name in sums:
                if name != "output":
                    sums[name][t] = self._sum(name, sums[name][t], h, c)
            forget = _logistic(sums["forget"][t])
            gain = _logistic(sums["input"][t]) if "input" in sums else 1 - forget
            c = cells[t] = _clip(forget * c + gain * np.tanh(sums["cell"][t]), self._option("cell_clip"))
            sums["output"][t] = self._sum("output", sums["output"][t], h, c)
            h = y[t] = self._projected(_logistic(sums["output"][t]) * np.tanh(c))
        self.h, self.c = h, c
        return self._as_output(y, len(x)), {**sums, "cell_state": cells}

    def _sum(self, name: str, g: np.ndarray, h: np.ndarray, c: np.ndarray) -> np.ndarray:
        """What one gate sums at one time step; `g` is the product of the input."""
        k, w = GATES.index(name), self.constants
        g = g + h @ w[lstm.RECURRENT_WEIGHTS + k].T
        peephole = {0: 0, 1: 1, 3: 2}.get(k)
        if peephole is not None and lstm.PEEPHOLE_WEIGHTS + peephole in w:
            g = g + w[lstm.PEEPHOLE_WEIGHTS + peephole] * c
        if lstm.NORMALIZATION + k in w:
            centred = g - g.mean(axis=-1, keepdims=True)
            g = centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + 1e-8) * w[lstm.NORMALIZATION + k]
        return g + w[lstm.BIASES + k]

    def _projected(self, hidden: np.ndarray) -> np.ndarray:
        w = self.constants
        if lstm.PROJECTION not in w:
            return hidden
        return _clip(hidden @ w[lstm.PROJECTION].T + w.get(lstm.PROJECTION_BIAS, 0.0), self._option("proj_clip"))

    def _option(self, name: str) -> float:
        return float(self.node.source.options.get(name, 0.0))

    @property
    def time_major(self) -> bool:
        """Whether the operator's inputs are [T, B, n], not [B, T, n]."""
        return bool(self.node.source.options.get("time_major", False))

    def steps(self, x: np.ndarray) -> np.ndarray:
        """Samples [n, B, T, I] or [n, T, B, I] as [T, n * B, I]."""
        x = x if self.time_major else x.swapaxes(1, 2)
        return x.swapaxes(0, 1).reshape(x.shape[1], -1, x.shape[-1])

    def _as_output(self, y: np.ndarray, samples: int) -> np.ndarray:
        y = y.reshape(len(y), samples, -1, y.shape[-1]).swapaxes(0, 1)
        return (y if self.time_major else y.swapaxes(1, 2)).astype(np.float32)


def _logistic(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _clip(x: np.ndarray, limit: float) -> np.ndarray:
    return np.clip(x, -limit, limit) if limit > 0 else x
