"""NumericVerify, the custom operator of the quantization debugger, against LiteRT."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_some_explanations
from flatbuffers import flexbuffers
from oracle import assert_equals_litert, litert, needs_litert, run_qref

import qref
from qref.schema import GraphBuilder, TensorType, write

INT8, UINT8, INT16, FLOAT16, FLOAT32 = (TensorType[n] for n in ("INT8", "UINT8", "INT16", "FLOAT16", "FLOAT32"))


def numeric_verify(type, shape, tolerance=5.0, log_if_failed=False, options=None, scale=0.1):
    graph = GraphBuilder()
    quantization = {} if type == FLOAT16 else {"scale": scale, "zero_point": 3 if type in (INT8, UINT8) else 0}
    x, reference = graph.input("x", type, shape, **quantization), graph.input("reference", FLOAT32, shape)
    y = graph.tensor("y", FLOAT32, shape)
    found = flexbuffers.Dumps({"tolerance": tolerance, "log_if_failed": log_if_failed}) if options is None else options
    graph.operator("CUSTOM", [x, reference], [y], custom_code="NumericVerify", custom_options=bytes(found))
    return graph.model(outputs=[y])


@needs_litert
@pytest.mark.parametrize("kernel_set", ["reference", "optimized"])
@pytest.mark.parametrize("type", [INT8, UINT8, INT16, FLOAT16])
def test_the_difference_from_the_float_reference(type, kernel_set):
    model = numeric_verify(type, (3, 9))
    assert_equals_litert(model, kernel_set=kernel_set)
    check_some_explanations(model, f"litert-{kernel_set}")


@needs_litert
@pytest.mark.parametrize(("tolerance", "stops"), [(5.0, True), (20.0, False), (0.01, False)])
def test_log_if_failed_stops_beyond_the_tolerance(tolerance, stops):
    model = numeric_verify(INT8, (4,), tolerance, log_if_failed=True)
    rounds = [{0: np.int8([3, 4, 5, 13]), 1: np.zeros(4, np.float32)}]
    if not stops:
        assert_equals_litert(model, rounds)
        return
    with pytest.raises(qref.BackendError, match="Mismatch"):
        litert().run(write(model), rounds)
    with pytest.raises(qref.InputError, match="log_if_failed"):
        run_qref(model, rounds, "numpy")


def test_broken_options_and_other_shapes_are_refused():
    for model in (numeric_verify(INT8, (4,), options=b""), numeric_verify(FLOAT32, (4,))):
        with pytest.raises(qref.ModelError):
            qref.Interpreter(model_content=model).allocate_tensors()
