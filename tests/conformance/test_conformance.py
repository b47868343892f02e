"""Every operator on every combination of types in every runtime equals LiteRT in every bit, on drawn models.

One drawn case for each in an ordinary run, 200 under HYPOTHESIS_PROFILE=nightly. `make evidence` counts them.
"""

from __future__ import annotations

import os
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import needs_litert

from conformance.compare import RUNTIMES, expected, mismatches
from conformance.families import COMBINATIONS, Combination
from conformance.refused import REFUSED, reason_of_refusal
from qref import BackendError

EXAMPLES = 200 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 1
ROWS = [pytest.param(c, r, id=f"{c.operator}-{c.types}-{r}") for c in COMBINATIONS for r in RUNTIMES]


@needs_litert
@pytest.mark.parametrize(("combination", "runtime"), ROWS)
@settings(max_examples=EXAMPLES)
@given(offset=st.integers(0, 2**32 - 1))
def test_every_bit_equals_litert(combination: Combination, runtime: str, offset: int) -> None:
    seed = (zlib.crc32(f"{combination.operator} {combination.types} {runtime}".encode()) + offset) % 2**32
    model, rounds = combination.case(seed)
    try:
        wanted = expected(model, rounds, runtime)
    except BackendError:
        assert reason_of_refusal(combination.operator, combination.types, runtime), f"seed {seed}: LiteRT refuses the model"
        return
    kernels = ("numpy", "numba")[seed % 2]
    assert mismatches(model, rounds, runtime, kernels, wanted) == 0, f"seed {seed}, {kernels}"


@needs_litert
@pytest.mark.parametrize(("operator", "types"), REFUSED)
def test_what_is_listed_as_refused_is_refused(operator: str, types: str) -> None:
    combination = next(c for c in COMBINATIONS if (c.operator, c.types) == (operator, types))
    for runtime in REFUSED[operator, types][0].split():
        refusals = 0
        for seed in range(5):
            try:
                expected(*combination.case(seed), runtime)
            except BackendError:
                refusals += 1
        assert refusals
