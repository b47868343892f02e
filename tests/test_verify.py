"""Verification finds what differs, and outlives a LiteRT that dies."""

import os
import signal

import numpy as np
import pytest
from oracle import needs_litert, needs_tflm

import qref
from qref.compare.litert import Litert
from qref.compare.tflm import Tflm
from qref.compare.verify import compare, count_mismatches, verify
from qref.schema import GraphBuilder, TensorType, save


def test_every_bit_counts_even_the_sign_of_zero():
    one = np.float32([0.0, 1.0, np.nan])
    assert count_mismatches(one, one.copy()) == 0
    assert count_mismatches(one, np.float32([-0.0, 1.0, np.nan])) == 1
    assert count_mismatches(one, np.nextafter(one, np.float32(2))) == 2
    assert count_mismatches(np.int8([1, 2]), np.int8([1, 3])) == 1
    assert count_mismatches(np.int8([1, 2]), np.int16([1, 2])) == 2
    assert count_mismatches(np.int8([[1, 2]]), np.int8([1, 2])) == 2


def test_the_first_operator_that_differs_is_named():
    model = qref.load(qref.bundled("digits_cnn_int8"))
    graph = model.subgraphs[0]
    x = np.random.default_rng(0).integers(-128, 128, (1, 8, 8, 1)).astype(np.int8)
    interpreter = qref.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(graph.inputs[0], x)
    interpreter.invoke()
    expected = {i: interpreter.get_tensor(i) for o in graph.operators for i in o.outputs}
    assert compare(model, "m", "litert-reference", [{0: x}], [expected]).status == "exact"
    for wrong in (graph.operators[5], graph.operators[2]):
        tensor = expected[wrong.outputs[0]]
        tensor.flat[0] ^= 1
    result = compare(model, "m", "litert-reference", [{0: x}], [expected])
    assert (result.status, result.mismatches) == ("differs", 2)
    assert (result.first.operator, result.first.name, result.first.mismatches) == (2, "DEPTHWISE_CONV_2D", 1)


@needs_litert
def test_a_litert_that_aborts_is_a_row_and_the_next_model_is_compared(tmp_path):
    graph = GraphBuilder()
    x, y = graph.input("x", TensorType.INT8, (4,)), graph.input("y", TensorType.INT8, (4,))
    z = graph.tensor("z", TensorType.INT8, (4,))
    graph.operator("ADD", [x, y], [z], ("AddOptions", {}), version=2)  # without quantization: LiteRT aborts
    save(graph.model(outputs=[z]), tmp_path / "1_aborts.tflite")
    (tmp_path / "2_good.tflite").write_bytes(qref.bundled("digits_cnn_int8").read_bytes())
    first, second = verify([tmp_path], rounds=1)
    assert first.status == "refused"
    assert "LiteRT died" in first.reason
    assert second.status == "exact"


@needs_litert
def test_a_litert_that_does_not_answer_in_time_is_ended():
    with Litert(timeout=0.2) as litert:
        os.kill(litert._start().pid, signal.SIGSTOP)
        with pytest.raises(qref.BackendError, match="did not answer within"):
            litert.run(qref.bundled("digits_cnn_int8").read_bytes(), [])


def test_a_missing_litert_is_told_with_its_remedy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(qref.BackendError, match=r"pip install 'qref-tflite\[litert\]'"):
        Litert()
    with pytest.raises(qref.BackendError, match=r"pip install 'qref-tflite\[tflm\]'"):
        list(verify([qref.bundled("digits_cnn_int8")], "tflm"))


@needs_tflm
def test_tflm_says_why_it_refuses_a_model_and_the_next_is_compared(tmp_path):
    (tmp_path / "1_hybrid.tflite").write_bytes(qref.bundled("digits_cnn_drq").read_bytes())
    (tmp_path / "2_good.tflite").write_bytes(qref.bundled("digits_cnn_int8").read_bytes())
    first, second = verify([tmp_path], "tflm", rounds=1)
    assert first.status == "refused"
    assert "Hybrid models are not supported" in first.reason
    assert (second.status, second.tensors) == ("exact", 9)


@needs_tflm
def test_tflm_keeps_only_the_outputs_where_that_is_asked():
    with Tflm() as tflm:
        (found,) = tflm.run(qref.bundled("digits_cnn_int8").read_bytes(), [{0: np.zeros((1, 8, 8, 1), np.int8)}], keep_all=False)
    assert list(found) == list(qref.load(qref.bundled("digits_cnn_int8")).subgraphs[0].outputs)


def test_a_runtime_without_a_library_is_told():
    with pytest.raises(qref.InputError, match="'tflm-single-rounding' has no library to be compared with"):
        list(verify([qref.bundled("digits_cnn_int8")], "tflm-single-rounding"))
