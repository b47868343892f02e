"""What the kernels of recurrent networks on floats are given beside their tensors; no part of it is compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

TANH, SIGN_BIT, CLAMP = range(3)


class Activation(NamedTuple):
    """A fused activation function of the recurrent kernels."""

    kind: int  # TANH, SIGN_BIT or CLAMP
    low: np.float32  # of CLAMP
    high: np.float32


class Constants(NamedTuple):
    """What an LSTM's steps need; G gates in the order input (unless CIFG), forget, cell, output, of C cells each."""

    peephole: np.ndarray  # float32 [G, C], or of size 0
    norm_weights: np.ndarray  # float32 [G, C], or of size 0
    norm_biases: np.ndarray  # float32 [G, C]
    activation: Activation  # of cell gate and cell state
    cell_clip: np.float32  # 0: none
    projection_clip: np.float32  # 0: none
    projects: np.bool_
    rows: int  # batch entries that LiteRT evaluates together
