"""A graph of calls run for one row of its inputs after the other, with no more between them than a call of a Program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from qref.dispatch.cut import Call
from qref.dispatch.program import Program
from qref.kernels import movement


class RowByRow:
    """Calls that read `inputs` and write `outputs`, arrays by any key, for rows of the inputs."""

    def __init__(
        self,
        calls: Sequence[Call],
        inputs: Mapping[int, np.ndarray],
        outputs: Mapping[int, np.ndarray],
        size: int,
        num_threads: int,
    ):
        self._number = np.zeros(1, np.int64)
        self._taken, self._given = (
            {k: np.zeros((size, *a.shape), a.dtype) for k, a in arrays.items()} for arrays in (inputs, outputs)
        )
        takes = [Call(movement.take_row, (_bytes(self._taken[k], size), self._number, _bytes(a))) for k, a in inputs.items()]
        gives = [Call(movement.put_row, (_bytes(a), self._number, _bytes(self._given[k], size))) for k, a in outputs.items()]
        self._program = Program([*takes, *calls, *gives, Call(movement.next_row, (self._number,))], num_threads)

    def __call__(self, rows: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
        """The outputs [count, ...] for inputs [count, ...], at most `size` rows."""
        count = min(map(len, rows.values()))
        for key, arrays in rows.items():
            self._taken[key][:count] = arrays
        self._number[0] = 0
        for _ in range(count):
            self._program()
        return {key: arrays[:count].copy() for key, arrays in self._given.items()}


def _bytes(x: np.ndarray, *rows: int) -> np.ndarray:
    return x.reshape(*rows, -1).view(np.uint8)
