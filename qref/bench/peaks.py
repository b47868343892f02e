"""The machine's measured peaks, and how near to them an operator comes: the roofline.

bound    = max(macs / multiply-adds per second, bytes / bytes per second)
fraction = bound / measured time
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

from qref.bench.timing import seconds_of
from qref.dispatch import peaks

SMALLEST, LARGEST = 14, 26  # working sets are powers of two, 2^14 to 2^26 bytes
RUNS = 20


@dataclass(frozen=True, slots=True)
class Peaks:
    """What one thread of this machine does at most.

    macs       multiply-adds per second by the instructions that qref's tiles use, by the bits of the inputs
    bandwidth  bytes read, or read and written, per second, by the working set in bytes: caches give more than memory
    matrices   multiply-adds per second of 8 bits by a unit for products of matrices; None where there is none
    """

    macs: dict[int, float]
    bandwidth: dict[int, float]
    matrices: float | None = None

    def macs_of(self, bits: int, matrices: bool) -> float | None:
        """Multiply-adds per second of so many bits, or of products of matrices; None where that was not measured."""
        return self.matrices if matrices and bits == 8 and self.matrices is not None else self.macs.get(bits)

    def bandwidth_of(self, working_set: int) -> float:
        """Bytes per second for an operator that touches so many bytes: the best of measured sets about as large, or larger."""
        least = min(working_set / math.sqrt(2), max(self.bandwidth))
        return max(speed for size, speed in self.bandwidth.items() if size >= least)


@functools.cache
def measured_peaks() -> Peaks:
    """The peaks, measured once per process in a second or two."""
    matrices = peaks.matrix_products()
    return Peaks(
        {bits: _fastest(*peaks.products(bits)) for bits in (8, 16)},
        {1 << size: _bandwidth(1 << size) for size in range(SMALLEST, LARGEST + 1)},
        None if matrices is None else _fastest(*matrices),
    )


def _bandwidth(working_set: int) -> float:
    return max(_fastest(*run(working_set)) for run in (peaks.copies, peaks.reads))


def _fastest(run: Callable[[], object], amount: int) -> float:
    run()  # compiles it, and brings its memory in
    return amount / min(seconds_of(run) for _ in range(RUNS))
