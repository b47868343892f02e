"""Whatever float operator a graph holds: every scheme gives a file that LiteRT loads, runs, and agrees with in every bit.

The models are those that the kernels are compared on, one operator each, where they are float throughout.
"""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from conformance.compare import LITERT, expected, mismatches
from conformance.families import Combination, combinations_of
from conformance.inexact import reason_of_mismatches
from oracle import needs_litert, with_declared_shapes

from qref import BackendError
from qref.quantizer import quantize_model
from qref.quantizer.graph import assemble, read
from qref.schema import Model, TensorType, load

FLOAT = TensorType.FLOAT32
SCHEMES = ("dynamic_range", "float16", "full_integer", "int16x8")
NOT_A_NUMBER = ("BITCAST", "EMBEDDING_LOOKUP_SPARSE", "RANGE")  # what ordinary numbers make of drawn constants
NO_OPERATOR = ("DENSIFY",)  # its result is a constant
OLD_IN_REFERENCE = ("TILE", "DEPTH_TO_SPACE", "IF")  # the reference kernels take int8, but not the version that says so


def is_float(model: Model) -> bool:
    tensors = [tensor for subgraph in model.subgraphs for tensor in subgraph.tensors]
    quantized = any(t.quantization is not None and len(t.quantization.scale) for t in tensors)
    return not quantized and any(t.type == FLOAT for t in tensors) and all(t.type != TensorType.FLOAT16 for t in tensors)


def tame(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Drawn floats are of all sizes; a representative dataset and trained weights are not."""
    return rng.uniform(0.1, 2, array.shape).astype(np.float32) if array.dtype == np.float32 else array


def case_of(combination: Combination, offset: int = 0):
    seed = zlib.crc32(f"{combination.operator} {combination.types}".encode()) + offset
    model, rounds = combination.case(seed)
    rng = np.random.default_rng(seed)
    graphs = read(model)
    for value in (value for graph in graphs for value in graph.values() if value.data is not None):
        value.data = tame(value.data, rng)
    model = assemble(model, graphs)
    rounds = [{place: tame(array, rng) for place, array in round.items()} for round in rounds]
    return with_declared_shapes(model, rounds), rounds


COMBINATIONS = [
    c
    for c in combinations_of("litert-optimized")
    if "float32" in c.types and c.operator not in (*NOT_A_NUMBER, *NO_OPERATOR) and is_float(c.case(0)[0])
]


@needs_litert
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("combination", COMBINATIONS, ids=lambda c: f"{c.operator}-{c.types}")
def test_every_bit_is_litert_s(combination: Combination, scheme: str) -> None:
    model, rounds = case_of(combination)
    samples = [[round[place] for place in sorted(round)] for round in rounds]
    content = quantize_model(model, scheme, samples if scheme in ("full_integer", "int16x8") else None).content
    quantized, compared = load(content), 0
    for runtime in LITERT:
        if reason_of_mismatches(combination.operator, combination.types, runtime):
            continue
        try:
            expected(model, rounds, runtime)
        except BackendError:
            continue  # this runtime has no such operator on floats
        if runtime == "litert-reference" and scheme == "full_integer" and combination.operator in OLD_IN_REFERENCE:
            continue
        assert mismatches(quantized, rounds, runtime, "numba", expected(quantized, rounds, runtime)) == 0
        compared += 1
    assert compared or combination.operator == "LOCAL_RESPONSE_NORMALIZATION"
