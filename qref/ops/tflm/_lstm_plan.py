"""What UNIDIRECTIONAL_SEQUENCE_LSTM of TFLM is prepared into, and where its operands stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.requantize import Requantize

INPUT_WEIGHTS, RECURRENT_WEIGHTS, BIASES, OUTPUT_STATE, CELL_STATE = 1, 5, 12, 18, 19  # positions of the first of each
UNUSED = (*range(9, 12), 16, 17, *range(20, 24))  # peephole weights, projection, layer normalization
GATE_EXPONENT = -12


@dataclass(frozen=True, slots=True)
class LstmPlan:
    """The integers that are fixed before the first inference."""

    time_major: bool
    acc_bits: Mapping[str, int]
    input: Mapping[str, Requantize]  # by gate, from products of x
    recurrent: Mapping[str, Requantize]  # by gate, from products of h
    input_zero_point: int  # LSB
    output_zero_point: int
    cell_exponent: int  # the cell state's scale is 2^cell_exponent
    keep: Requantize  # of f * c
    add: Requantize  # of i * j
    hidden: Requantize  # of o * tanh(c)
    cell_clip: int  # LSB of the cell state; 0: none

    @property
    def tanh_of_cell(self) -> tuple[int, int]:
        """Multiplier and left shift of TANH's input, as TFLM takes them from the cell state's scale."""
        left = 12 + self.cell_exponent
        return (0, left) if left >= 0 else (3, -left)


@dataclass(frozen=True, slots=True)
class Float32LstmPlan:
    """The float32 form."""

    time_major: bool
    cell_clip: np.float32  # 0: none
