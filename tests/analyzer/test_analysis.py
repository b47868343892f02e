"""Costs, memory, runtimes and the structure report, against counts made by hand and against what runs."""

import json

import numpy as np
import pytest
from odd_models import ODD_MODELS

import qref
from qref.analyzer import analyze, side_by_side
from qref.schema import GraphBuilder, TensorType, write

NAMES = ("digits_cnn_float", "digits_cnn_drq", "digits_cnn_f16", "digits_cnn_int8", "digits_cnn_int16", "deepconvlstm_int8")


@pytest.mark.parametrize("name", NAMES)
def test_the_arena_is_what_the_interpreter_plans(name):
    interpreter = qref.Interpreter(qref.bundled(name))
    interpreter.allocate_tensors()
    planned, planned_16 = interpreter.memory_plan(), interpreter.memory_plan(16)
    memory = analyze(qref.bundled(name)).memory[0]
    assert (memory.arena, memory.arena_16, memory.unshared) == (planned.bytes, planned_16.bytes, planned.unshared)


def test_what_is_computed_of_constants_is_counted_apart():
    memory = analyze(qref.bundled("digits_cnn_f16")).memory[0]
    weights = analyze(qref.bundled("digits_cnn_float")).memory[0].constants - 8  # the axes of MEAN stay integers
    assert memory.constant_results == weights


def test_multiply_adds_and_bytes_of_each_operator():
    analysis = analyze(qref.bundled("digits_cnn_int8"))
    convolutions = [8 * 8 * 16 * 9, 0, 4 * 4 * 16 * 9, 4 * 4 * 16 * 16, 0, 32 * 9 * 16, 0, 320, 0]
    assert [cost.macs for cost in analysis.costs[0]] == convolutions
    assert analysis.macs == sum(convolutions)
    assert analysis.costs[0][0].bytes == 64 + 16 * 9 + 16 * 4 + 8 * 8 * 16


def test_an_operator_whose_shapes_contradict_it_has_no_count():
    graph = GraphBuilder()
    x, y = graph.input("x", TensorType.FLOAT32, (1, 2)), graph.tensor("y", TensorType.FLOAT32, (1, 2))
    graph.operator("FULLY_CONNECTED", [x], [y])
    graph.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", [graph.input("s", TensorType.FLOAT32, ()), x], [y])
    assert [cost.macs for cost in analyze(write(graph.model(outputs=[y]))).costs[0]] == [None, None]


def test_runtimes_say_which_operators_they_do_not_take_and_why():
    support = {each.runtime: each.refusals for each in analyze(qref.bundled("digits_cnn_f16")).support}
    assert support["litert-reference"] == support["xnnpack"] == ()
    assert {refusal.name for refusal in support["tflm"]} == {"DEQUANTIZE"}
    assert "the runtime tflm has it for int8, uint8, int16; found float16" in support["tflm"][0].reason
    for each in analyze(ODD_MODELS["unknown"]()).support:
        (refusal,) = each.refusals
        assert (refusal.subgraph, refusal.operator, refusal.name) == (0, 0, "UNKNOWN_4711")


def test_what_runtimes_take_runs():
    for name in NAMES:
        for support in analyze(qref.bundled(name)).support:
            interpreter = qref.Interpreter(qref.bundled(name), runtime=support.runtime, kernels="numpy")
            if support.refusals:
                with pytest.raises(qref.UnsupportedOperator):
                    interpreter.allocate_tensors()
            else:
                interpreter.allocate_tensors()
                interpreter.invoke()


def test_a_model_that_contradicts_itself_is_analyzed_and_no_runtime_takes_it():
    graph = GraphBuilder()
    x, y = graph.input("x", TensorType.INT8, (2,), scale=[0.1, 0.2, 0.3]), graph.tensor("y", TensorType.INT8, (2,))
    graph.operator("NEG", [x], [y])
    for each in analyze(write(graph.model(outputs=[y]))).support:
        (refusal,) = each.refusals
        assert refusal.operator is None
        assert "3" in refusal.reason


def test_the_structure_report_sets_models_side_by_side():
    rows = side_by_side([analyze(qref.bundled(f"digits_cnn_{kind}")) for kind in ("float", "drq", "int8")])
    found = {row.title: (row.counts, row.arrows) for row in rows}
    assert found["INT8"] == ((0, 1, 15), ("↑", "↑↑"))
    assert found["FLOAT32"] == ((20, 19, 0), ("↓", "↓↓"))
    assert found["operators"] == ((9, 9, 9), ("~", "~"))
    sizes = tuple(qref.bundled(f"digits_cnn_{kind}").stat().st_size for kind in ("float", "drq", "int8"))
    assert found["bytes of the file"][0] == sizes


@pytest.mark.parametrize("name", sorted(ODD_MODELS.keys() - {"refused"}))
def test_any_model_is_described_in_json(name):
    described = json.loads(json.dumps(analyze(ODD_MODELS[name]()).to_dict(), allow_nan=False))
    assert described["schema_version"] == 1
    assert described["sizes"]["file"] == len(ODD_MODELS[name]())


def test_a_damaged_file_is_refused_with_its_path(tmp_path):
    (tmp_path / "refused.tflite").write_bytes(ODD_MODELS["refused"]())
    with pytest.raises(qref.InvalidModel, match=r"refused\.tflite: subgraph 0, tensor 3 \(z\): its type is 99"):
        analyze(tmp_path / "refused.tflite")


def test_the_oldest_runtime_that_the_converter_names():
    assert analyze(qref.bundled("digits_cnn_int8")).min_runtime_version == "1.14.0"
    assert analyze(ODD_MODELS["constants"]()).min_runtime_version == ""


def test_scales_that_json_has_no_number_for_are_text():
    graph = GraphBuilder()
    x = graph.input("x", TensorType.INT8, (2,), scale=[np.nan, np.inf])
    tensors = analyze(write(graph.model(outputs=[x]))).to_dict()["subgraphs"][0]["tensors"]
    assert tensors[0]["scales"] == ["nan", "inf"]


def test_operators_as_a_table_of_pandas():
    pytest.importorskip("pandas")
    table = analyze(qref.bundled("digits_cnn_int8")).to_pandas()
    assert table["macs"].sum() == 20544
    assert list(table["name"][:2]) == ["CONV_2D", "MAX_POOL_2D"]
