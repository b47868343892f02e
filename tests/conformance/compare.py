"""One case in qref and in the library that a runtime stands for: LiteRT or TFLM."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from oracle import litert, run_qref, tflm, with_declared_shapes

from qref import BackendError, QrefError
from qref.compare.verify import KERNEL_SET_OF, count_mismatches
from qref.schema import Model, write

from .combination import OF_TFLM, Case, Combination, Rounds
from .refused import UNDEFINED_IN_TFLM

LITERT = ("litert-reference", "litert-optimized", "xnnpack")
RUNTIMES = (*LITERT, "tflm")
MOST_TRIED, FIRST_TRIED = 1000, 60  # seeds until TFLM has taken enough models, and until it has taken one


def case_of(combination: Combination, seed: int, runtime: str) -> Case:
    """The case of a seed; for TFLM, which infers no shapes, all of them declared."""
    model, rounds = combination.case(seed)
    if runtime == "tflm" and combination not in OF_TFLM:
        with np.errstate(all="ignore"):
            model = with_declared_shapes(model, rounds)
    return model, rounds


def expected(model: Model, rounds: Rounds, runtime: str) -> Rounds:
    """The tensors that the library shows after each round, by index; BackendError where it refuses the model."""
    library = tflm() if runtime == "tflm" else litert(KERNEL_SET_OF[runtime])
    return library.run(write(model), rounds, keep_all=runtime != "xnnpack")


def taken(
    combination: Combination, runtime: str, cases: int, first: int = 0, tried: int | None = None
) -> Iterator[tuple[Model, Rounds, Rounds]]:
    """The cases from the seed `first` on that the library runs, each with its results, that many.

    LiteRT has to run the model of every seed, else BackendError says which one it refuses. TFLM gets MOST_TRIED seeds; there are
    no cases if it refuses the models of the first FIRST_TRIED, or of as many as `tried` says.
    """
    found = 0
    for seed in range(first, first + (MOST_TRIED if runtime == "tflm" else cases)):
        if found == cases or (not found and seed == first + (tried or FIRST_TRIED)):
            return
        model, rounds = case_of(combination, seed, runtime)
        try:
            wanted = expected(model, rounds, runtime)
        except BackendError as error:
            if runtime == "tflm":
                continue
            raise BackendError(f"{combination.operator} {combination.types}, seed {seed}, {runtime}: {error}") from None
        if runtime != "tflm" or not _is_undefined(combination, model, rounds):
            found += 1
            yield model, rounds, wanted


def _is_undefined(combination: Combination, model: Model, rounds: Rounds) -> bool:
    """Whether qref refuses a model of a combination whose results TFLM does not always define."""
    if (combination.operator, combination.types) not in UNDEFINED_IN_TFLM:
        return False
    try:
        run_qref(model, rounds, "numpy", "tflm")
    except QrefError:
        return True
    return False


def mismatches(model: Model, rounds: Rounds, runtime: str, kernels: str, wanted: Rounds) -> int:
    """How many elements of the expected tensors differ from qref's in any bit; QrefError where qref refuses the model."""
    with np.errstate(all="ignore"):
        found = run_qref(model, rounds, kernels, runtime)
    return sum(count_mismatches(got[index], want) for got, round in zip(found, wanted) for index, want in round.items())


def size(wanted: Rounds) -> int:
    """How many elements there are to compare."""
    return sum(want.size for round in wanted for want in round.values())
