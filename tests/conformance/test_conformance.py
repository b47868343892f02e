"""Every operator on every combination of types in every runtime equals LiteRT or TFLM in every bit, on drawn models.

One drawn case for each in an ordinary run, 200 under HYPOTHESIS_PROFILE=nightly; those listed in inexact.py may fail.
`make evidence` counts them.
"""

from __future__ import annotations

import os
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import needs_litert, needs_tflm

from conformance.compare import LITERT, expected, mismatches, taken
from conformance.families import COMBINATIONS, Combination, combinations_of
from conformance.inexact import reason_of_mismatches
from conformance.refused import REFUSED, reason_of_refusal
from qref import BackendError
from qref.runtimes.evidence import evidence

EXAMPLES = 200 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 1


def row(combination: Combination, runtime: str):
    reason = reason_of_mismatches(combination.operator, combination.types, runtime)
    marks = [pytest.mark.xfail(reason=reason, raises=AssertionError, strict=False)] if reason else []  # other cases may agree
    return pytest.param(combination, runtime, id=f"{combination.operator}-{combination.types}-{runtime}", marks=marks)


ROWS = [row(combination, runtime) for combination in COMBINATIONS for runtime in LITERT]


@needs_litert
@pytest.mark.parametrize(("combination", "runtime"), ROWS)
def test_every_bit_equals_litert(combination: Combination, runtime: str) -> None:
    first = zlib.crc32(f"{combination.operator} {combination.types} {runtime}".encode())

    @settings(max_examples=EXAMPLES)  # on a function of its own: Hypothesis would chain the settings of all rows
    @given(offset=st.integers(0, 2**32 - 1))
    def check(offset: int) -> None:
        seed = (first + offset) % 2**32
        model, rounds = combination.case(seed)
        try:
            wanted = expected(model, rounds, runtime)
        except BackendError:
            assert reason_of_refusal(combination.operator, combination.types, runtime), f"seed {seed}: LiteRT refuses the model"
            return
        kernels = ("numpy", "numba")[seed % 2]
        assert mismatches(model, rounds, runtime, kernels, wanted) == 0, f"seed {seed}, {kernels}"

    check()


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


REFUSED_BY_TFLM = {(e.operator, e.types) for e in evidence().values() if e.runtime == "tflm" and e.refused}


@needs_tflm
@pytest.mark.parametrize("combination", combinations_of("tflm"), ids=lambda c: f"{c.operator}-{c.types}")
def test_every_bit_equals_tflm(combination: Combination) -> None:
    first = zlib.crc32(f"{combination.operator} {combination.types} tflm".encode())
    refused = (combination.operator, combination.types) in REFUSED_BY_TFLM
    cases = list(taken(combination, "tflm", EXAMPLES, first, tried=EXAMPLES if refused else None))
    assert bool(cases) != refused
    for number, (model, rounds, wanted) in enumerate(cases):
        kernels = ("numpy", "numba")[(first + number) % 2]
        assert mismatches(model, rounds, "tflm", kernels, wanted) == 0, f"seeds from {first} on, case {number}, {kernels}"
