"""One case in qref and in LiteRT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from oracle import litert, run_qref

from qref.compare.verify import KERNEL_SET_OF, count_mismatches
from qref.schema import Model, write

from .combination import Rounds

RUNTIMES = tuple(KERNEL_SET_OF)


@dataclass(frozen=True)
class Count:
    """How many elements were compared, and how many of them differ."""

    elements: int
    mismatches: int


def compare(model: Model, rounds: Rounds, runtime: str, kernels: str) -> Count:
    """Count the elements that differ in any bit, over all tensors that LiteRT shows.

    Raises BackendError where LiteRT refuses the model, ModelError or InputError where qref does.
    """
    wanted = litert(KERNEL_SET_OF[runtime]).run(write(model), rounds, keep_all=runtime != "xnnpack")
    with np.errstate(all="ignore"):
        found = run_qref(model, rounds, kernels, runtime)
    pairs = [(got[index], want) for got, round in zip(found, wanted) for index, want in round.items()]
    return Count(sum(want.size for _, want in pairs), sum(count_mismatches(got, want) for got, want in pairs))
