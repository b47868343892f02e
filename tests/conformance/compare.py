"""One case in qref and in LiteRT."""

from __future__ import annotations

import numpy as np
from oracle import litert, run_qref

from qref.compare.verify import KERNEL_SET_OF, count_mismatches
from qref.schema import Model, write

from .combination import Rounds

RUNTIMES = ("litert-reference", "litert-optimized", "xnnpack")


def expected(model: Model, rounds: Rounds, runtime: str) -> Rounds:
    """The tensors that LiteRT shows after each round, by index; BackendError where it refuses the model."""
    return litert(KERNEL_SET_OF[runtime]).run(write(model), rounds, keep_all=runtime != "xnnpack")


def mismatches(model: Model, rounds: Rounds, runtime: str, kernels: str, wanted: Rounds) -> int:
    """How many elements of the expected tensors differ from qref's in any bit; QrefError where qref refuses the model."""
    with np.errstate(all="ignore"):
        found = run_qref(model, rounds, kernels, runtime)
    return sum(count_mismatches(got[index], want) for got, round in zip(found, wanted) for index, want in round.items())


def size(wanted: Rounds) -> int:
    """How many elements there are to compare."""
    return sum(want.size for round in wanted for want in round.values())
