"""Float32 products and functions in the order of operations that Eigen takes on SSE, which LiteRT's LSTM kernels call.

All sums are of float32 products, each rounded, with no fused multiply-add: four lanes, at most two packets in flight. Where the
order depends on sizes or on the position in memory, so do the last bits of the result.
"""

from __future__ import annotations

import os
import sys

import numpy as np

from qref.arithmetic.libm import expf

from ._matmul import sequential_matmul

LANES = 4  # float32 in a packet


_SC_LEVEL1_DCACHE_SIZE = 188  # glibc's number; Python has no name for it


def l1_cache_bytes() -> int:
    """The data cache of this machine, 32 KiB if unknown.

    Eigen splits sums of more terms than 680 (at 32 KiB) or 1016 (at 48 KiB), so long float32 sums differ between machines.
    """
    try:
        size = os.sysconf(_SC_LEVEL1_DCACHE_SIZE) if sys.platform == "linux" else 0
    except (ValueError, OSError):
        size = 0
    return size if 2**13 <= size <= 2**20 else 2**15


def matmul(x: np.ndarray, w: np.ndarray, l1_bytes: int) -> np.ndarray:
    """Return x [..., rows, K] . w [N, K]T, each sum in the order that the sizes rows, K and N decide.

    One row or one column: four lanes; both: four lanes of four packets each. rows + K + N < 20: four lanes of two packets each.
    Otherwise panels of K, one after the other, each summed in ascending k, except for the last N % 8 columns of the rows that
    fill blocks of four.
    """
    rows, depth = x.shape[-2:]
    if rows == len(w) == 1:
        return _dot(x, w)
    if rows == 1 or len(w) == 1:
        return _add_tail(_across(_lanes(x, w, 0, depth // LANES * LANES, LANES)), x, w, depth // LANES * LANES)
    if not is_blocked(rows, depth, len(w)):
        return _small_matmul(x, w)
    total = np.zeros((*x.shape[:-1], len(w)), np.float32)
    terms = panel(depth, max(rows, len(w)), l1_bytes)
    for start in range(0, depth, terms):
        total += _panel_matmul(x[..., start : start + terms], w[:, start : start + terms])
    return total


def is_blocked(rows: int, depth: int, columns: int) -> bool:
    """Whether products of these sizes are taken in panels of K."""
    return rows != 1 and columns != 1 and rows + depth + columns >= 20


def panel(depth: int, other: int, l1_bytes: int) -> int:
    """How many terms are summed before the sum is added to the result."""
    if max(depth, other) < 48:
        return max(depth, 1)
    most = max((l1_bytes - 128) // 48 // 8 * 8, 8)
    if depth <= most:
        return max(depth, 1)
    rest = depth % most
    return most if rest == 0 else most - 8 * ((most - 1 - rest) // (8 * (depth // most + 1)))


def _panel_matmul(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    total = sequential_matmul(x, w)
    depth, rows, eights, fours = x.shape[-1], x.shape[-2] // 4 * 4, len(w) // 8 * 8, len(w) // 4 * 4
    blocks = x[..., :rows, :]
    if rows and eights < fours:
        even, odd = _lanes(blocks, w[eights:fours], 0, depth // 8 * 8, 2)
        total[..., :rows, eights:fours] = _add_tail(even + odd, blocks, w[eights:fours], depth // 8 * 8)
    if rows and fours < len(w):
        a, b, c, d = _lanes(blocks, w[fours:], 0, depth // 4 * 4, 4)
        total[..., :rows, fours:] = _add_tail((a + b) + (c + d), blocks, w[fours:], depth // 4 * 4)
    return total


def _dot(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    packets = x.shape[-1] // LANES
    sixteen = _lanes(x, w, 0, packets * LANES, 4 * LANES)
    lanes = sixteen[-LANES:]
    for first in range(2 * LANES, -1, -LANES):
        lanes = [a + b for a, b in zip(sixteen[first : first + LANES], lanes)]
    return _add_tail(_across(lanes), x, w, packets * LANES)


def _small_matmul(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    depth = x.shape[-1]
    pairs, packets = depth // 8 * 8, depth // LANES * LANES
    eight = _lanes(x, w, 0, pairs, 2 * LANES)
    lanes = [first + second for first, second in zip(eight[:LANES], eight[LANES:])]
    if pairs < packets:
        lanes = [lane + x[..., pairs + j, None] * w[:, pairs + j] for j, lane in enumerate(lanes)]
    return _add_tail(_across(lanes), x, w, packets)


def _lanes(x: np.ndarray, w: np.ndarray, start: int, stop: int, count: int) -> list[np.ndarray]:
    """Sums of the products of every count-th k, from `start` on."""
    return [sequential_matmul(x[..., start + j : stop : count], w[:, start + j : stop : count]) for j in range(count)]


def _across(lanes: list[np.ndarray]) -> np.ndarray:
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])


def _add_tail(total: np.ndarray, x: np.ndarray, w: np.ndarray, start: int) -> np.ndarray:
    for k in range(start, x.shape[-1]):
        total = total + x[..., k, None] * w[:, k]
    return total


def add_lane_products(total: np.ndarray, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return total [..., N] + x [..., K] . w [N, K]T as TFLite's own SSE code.

    Four lanes are summed from 0; ((l0 + l1) + l2) + l3 is added to total, then the last products one by one.
    """
    packets = x.shape[-1] // LANES * LANES
    a, b, c, d = _lanes(x, w, 0, packets, LANES)
    return _add_tail(total + (((a + b) + c) + d), x, w, packets)


def sum_in_lanes(terms: np.ndarray) -> np.ndarray:
    """Sum over the last axis as TFLite's own SSE code: ((l0 + l1) + l2) + l3, then the tail one by one."""
    packets = terms.shape[-1] // LANES * LANES
    a, b, c, d = (sum_in_order(terms[..., j:packets:LANES]) for j in range(LANES))
    total = ((a + b) + c) + d
    for k in range(packets, terms.shape[-1]):
        total = total + terms[..., k]
    return total


def sum_in_order(terms: np.ndarray) -> np.ndarray:
    """Sum over the last axis from its first element to its last, every step rounded."""
    return np.add.accumulate(terms, axis=-1)[..., -1] if terms.shape[-1] else np.zeros(terms.shape[:-1], terms.dtype)


def _polynomial(x: np.ndarray, *coefficients: float) -> np.ndarray:
    """Horner's rule, highest power first."""
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + np.float32(coefficient)
    return value


def exp(x: np.ndarray) -> np.ndarray:
    """The exponential, 0 below -104: x = m ln 2 + r, and a polynomial in r split into even and odd powers."""
    bounded = np.minimum(x, np.float32(88.723))
    m = np.floor(bounded * np.float32(1.44269504088896341) + np.float32(0.5))
    r = m * np.float32(-0.693359375) + bounded
    r = m * np.float32(2.12194440e-4) + r
    square = r * r
    even = _polynomial(square, *(float.fromhex(c) for c in ("0x1.6850e4p-10", "0x1.555b98p-5", "0x1.fffff8p-2")))
    odd = _polynomial(square, *(float.fromhex(c) for c in ("0x1.123bccp-7", "0x1.55548ep-3")))
    y = square * (r * odd + even) + (r + np.float32(1))
    with np.errstate(all="ignore"):
        return np.where(x < -104, np.float32(0), np.ldexp(y, np.clip(m, -1000, 1000).astype(np.int32)))


def packet_sum(rows: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return the sum of each row [count, size] that lies `offsets` [count] floats behind a 16-byte boundary.

    Between boundaries, two packets are summed over blocks of eight, then ((l0 + l2) + (l1 + l3)); what lies before the first
    boundary and behind the last is added one by one.
    """
    total = np.empty(len(rows), np.float32)
    for head in range(LANES):
        chosen = -offsets % LANES == head
        if chosen.any():
            total[chosen] = _packet_sum(rows[chosen], min(head, rows.shape[1]))
    return total


def _packet_sum(rows: np.ndarray, head: int) -> np.ndarray:
    stop = head + (rows.shape[1] - head) // LANES * LANES
    packets = rows[:, head:stop].reshape(len(rows), -1, LANES)
    if not packets.shape[1]:
        return sum_in_order(rows)
    paired = packets.shape[1] // 2 * 2
    sums = [np.add.accumulate(packets[:, j:paired:2], axis=1)[:, -1] for j in (0, 1) if paired]
    if paired < packets.shape[1]:
        sums = [sums[0] + sums[1], packets[:, -1]] if paired else [packets[:, -1]]
    lanes = sums[0] + sums[1] if len(sums) == 2 else sums[0]
    total = (lanes[:, 0] + lanes[:, 2]) + (lanes[:, 1] + lanes[:, 3])
    for k in (*range(head), *range(stop, rows.shape[1])):
        total = total + rows[:, k]
    return total


def tanh(x: np.ndarray) -> np.ndarray:
    """A quotient of two polynomials; constant beyond 7.9."""
    x = np.clip(x, np.float32(-7.90738964080810547), np.float32(7.90738964080810547))
    square = x * x
    numerator = square * x * _polynomial(square, 1.394553628e-8, 2.102733560e-5, 3.520756727e-3, 1.340216100e-1) + x
    return numerator / _polynomial(square, 8.015776984e-7, 3.326951409e-4, 2.597254514e-2, 4.673548340e-1, 1.0)


@np.errstate(all="ignore")
def logistic(x: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """E / (1 + e), e = exp(x), of vectors x [count, size] that lie `offsets` [count] floats behind a 16-byte boundary.

    Whole packets between boundaries take Eigen's exp(x / 2)^2; what lies before the first and behind the last takes libm's exp.
    """
    bounded = np.minimum(x, np.float32(16.6355324))
    positions = np.arange(x.shape[1]) + offsets[:, None]
    first = -(-offsets // LANES) * LANES
    last = first + np.maximum(offsets + x.shape[1] - first, 0) // LANES * LANES
    alone = (positions < first[:, None]) | (positions >= last[:, None])
    e = _exp_of_twice(bounded * np.float32(0.5))
    y = np.where(x < -104, np.float32(0), e / (1 + e))
    scalar = expf(bounded[alone])
    y[alone] = scalar / (1 + scalar)
    return y


def _exp_of_twice(half: np.ndarray) -> np.ndarray:
    """exp(half)^2: half = m ln 2 + r, and a polynomial in r split into even and odd powers."""
    m = np.floor(half * np.float32(1.44269504088896341) + np.float32(0.5))
    r = m * np.float32(-0.693359375) + half
    r = m * np.float32(2.12194440e-4) + r
    square = r * r
    even = _polynomial(square, 4.1898667812347412109375e-2, 0.49999141693115234375)
    odd = _polynomial(square, 8.33471305668354034423828125e-3, 0.16666877269744873046875)
    e = np.ldexp(square * (r * odd + even) + (r + 1), np.clip(m, -1000, 1000).astype(np.int32))
    return e * e
