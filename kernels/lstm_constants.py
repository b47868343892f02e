"""What the integer LSTM's kernel is given beside its tensors; no part of it is compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Constants(NamedTuple):
    """What an LSTM's steps need; G gates in the order input (unless CIFG), forget, cell, output, of C cells each."""

    multipliers: np.ndarray  # int64 [4, 4]: of peephole and layer normalization sums, by gate; hidden; projection
    shifts: np.ndarray  # int64 [4, 4]
    peephole: np.ndarray  # int64 [G, B C], or of size 0
    norm_weights: np.ndarray  # int64 [G, C], or of size 0
    norm_biases: np.ndarray  # int64 [G, C]
    variance_guards: np.ndarray  # int64 [4]
    activations: np.ndarray  # int16 [3, 65536]: logistic, tanh of a gate, tanh of the cell state, by the bits of a word
    projection_weights: np.ndarray  # int16 [O, C], or of size 0
    projection_start: np.ndarray  # int32 [O]
    product_shift: int  # of i * j
    cell_clip: int  # 0: none
    hidden_offset: int
    projection_clip: int
    output_zero_point: int
    row_offset: int  # from an output state to how tiles read it


PEEPHOLE, LAYER_NORM, HIDDEN, PROJECTION = range(4)
LOGISTIC, TANH, CELL_TANH = range(3)
