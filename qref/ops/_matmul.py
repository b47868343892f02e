"""What the matmul family shares: exact integer products in NumPy, and float32 sums in the order of the reference kernels."""

from __future__ import annotations

import numpy as np

from qref.arithmetic.fixed_point import wrap_int32


def integer_matmul(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return the exact x [..., K] . w [N, K]T as int64 [..., N].

    The products are summed in float64, which is exact: |x| < 2^16 and |w| < 2^15 keep every partial sum of K < 2^22 terms
    below 2^53, and BLAS makes it many times faster than NumPy's integer product.
    """
    return np.matmul(x.astype(np.float64), w.astype(np.float64).T).astype(np.int64)


def wrap_accumulator(acc: np.ndarray, acc_bits: int) -> np.ndarray:
    """The accumulator as the compiled kernels hold it: wrapped to 32 bits, or as it is in 64."""
    return wrap_int32(acc) if acc_bits == 32 else acc


def sequential_matmul(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return x [..., K] . w [N, K]T in float32, each sum started at 0 and taken in ascending k, every step rounded."""
    acc = np.zeros((*x.shape[:-1], len(w)), np.float32)
    for k in range(x.shape[-1]):
        acc += x[..., k, None] * w[:, k]
    return acc
