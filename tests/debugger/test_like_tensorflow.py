"""The tables of tf.lite.experimental.QuantizationDebugger, from a float and a quantized model without debug operators."""

import csv
import io
import pathlib

import numpy as np
import pytest

import qref
from qref.debugger import QuantizationDebugger, QuantizationDebugOptions
from qref.quantizer.conversions import conversion
from qref.quantizer.graph import Node, Value, assemble, read
from qref.schema import Operator, TensorType, builtin_code

SHARED = pathlib.Path(__file__).parent.parent.parent.parent / "shared"
GOLDEN = SHARED / "golden" / "quantizer"
needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason=f"the debugger's tables are not in {GOLDEN}")
FLOAT, INT8 = qref.bundled("digits_cnn_float"), qref.bundled("digits_cnn_int8")
TOLERANCE = 2e-5  # of the scale: float kernels differ in the last bit
SAMPLES = np.random.default_rng(1).uniform(0, 1, (6, 1, 8, 8, 1)).astype(np.float32)


def debugger(options=None, samples=SAMPLES, **models):
    models = models or {"quant_debug_model_path": INT8, "float_model_path": FLOAT}
    return QuantizationDebugger(debug_dataset=lambda: ([x] for x in samples), debug_options=options, **models)


def table(found):
    text = io.StringIO()
    found.layer_statistics_dump(text)
    return list(csv.DictReader(io.StringIO(text.getvalue())))


@needs_golden
@pytest.mark.parametrize("name", ["cnn", "deepconvlstm"])
def test_the_table_is_tensorflows(name):
    shape = {"cnn": (1, 32, 32, 3), "deepconvlstm": (1, 128, 6, 1)}[name]
    rng = np.random.default_rng(0)
    samples = [rng.normal(size=shape).astype(np.float32) for _ in range(8)]
    models = {
        "quant_debug_model_path": GOLDEN / f"{name}_debugger_int8.tflite",
        "float_model_path": GOLDEN / f"{name}_float.tflite",
    }
    found = debugger(samples=samples, **models)
    found.run()
    assert found.report.unaligned == ()
    ours, theirs = table(found), list(csv.DictReader((GOLDEN / f"{name}_debugger.csv").read_text().splitlines()))
    assert list(ours[0]) == list(theirs[0])
    for column in ("op_name", "tensor_idx", "num_elements", "scale", "zero_point", "tensor_name"):
        assert [row[column] for row in ours] == [row[column] for row in theirs]
    for mine, wanted in zip(ours, theirs):
        scale = float(wanted["scale"])
        for column, unit in (
            ("stddev", scale),
            ("mean_error", scale),
            ("max_abs_error", scale),
            ("mean_squared_error", scale**2),
        ):
            assert abs(float(mine[column]) - float(wanted[column])) <= TOLERANCE * unit, (wanted["op_name"], column)


def test_a_row_for_each_quantized_operator_with_its_metrics():
    found = debugger()
    assert found.layer_statistics is None
    assert table(found) == []
    found.run()
    rows = table(found)
    operators = [o.name for o in qref.load(INT8).subgraphs[0].operators]
    assert [row["op_name"] for row in rows] == operators
    assert len(found.layer_statistics) == len(operators)
    (first, *_) = found.layer_statistics.values()
    assert first["mean_squared_error"] == np.float32(rows[0]["mean_squared_error"])


def test_custom_metrics_are_means_over_samples():
    options = QuantizationDebugOptions(
        layer_debug_metrics={"l1": lambda d: float(np.abs(d).mean()), "nan": lambda d: 1.0 if d.ndim == 4 else np.nan},
        model_debug_metrics={"greatest": lambda a, b: float(np.abs(a[0] - b[0]).max())},
        layer_direct_compare_metrics={
            "rmse/s": lambda r, q, s, z: float(np.sqrt(np.mean((r - (q.astype(int) - z) * s) ** 2)) / s)
        },
    )
    found = debugger(options)
    found.run()
    assert found.model_statistics == {"greatest": pytest.approx(found.report.layers[-1].accumulated.max_abs_error)}
    for row, layer in zip(table(found), found.report.layers):
        assert 0 <= float(row["l1"]) <= float(row["max_abs_error"])
        assert float(row["rmse/s"]) == pytest.approx(layer.rmse_per_scale, rel=0.2, abs=1e-4)
        assert row["nan"] == ("nan" if layer.op_name in ("MEAN", "FULLY_CONNECTED", "SOFTMAX") else "1.0")
    assert list(table(found)[0])[7:10] == ["l1", "nan", "rmse/s"]


def test_debug_operators_of_a_model_are_left_out():
    """The last operator's twin and comparison, as TensorFlow's converter puts them into its debug models."""
    plain = qref.load(INT8)
    (graph,) = read(plain)
    last = graph.nodes[-1]
    real, error = (Value(name, TensorType.FLOAT32, last.outputs[0].shape) for name in ("real", "NumericVerify/y:30"))
    graph.nodes.append(conversion(last.outputs[0], real))
    graph.nodes[-1].version = 2
    verify = Operator(-1, "NumericVerify", builtin_code("CUSTOM"), 1, (), ())
    graph.nodes.append(Node(verify, [last.outputs[0], real], [error]))
    found = debugger(quant_debug_model_content=assemble(plain, [graph]), float_model_path=FLOAT)
    assert [o.name for o in qref.load(found.get_nondebug_quantized_model()).subgraphs[0].operators] == [
        o.name for o in plain.subgraphs[0].operators
    ]
    found.run()
    assert len(found.layer_statistics) == 9


def test_two_metrics_of_one_name_are_refused():
    with pytest.raises(ValueError, match="duplicate keys: a"):
        QuantizationDebugOptions(layer_debug_metrics={"a": np.std}, model_debug_metrics={"a": lambda a, b: 0.0})


def test_denied_operators_lose_their_rows_and_the_model_runs_them_in_float():
    found = debugger(QuantizationDebugOptions(denylisted_ops=["FULLY_CONNECTED"]))
    found.run()
    assert "FULLY_CONNECTED" not in {row["op_name"] for row in table(found)}
    graph = qref.load(found.get_nondebug_quantized_model()).subgraphs[0]
    types = {o.name: graph.tensors[o.outputs[0]].type.name for o in graph.operators}
    assert types["FULLY_CONNECTED"] == "FLOAT32"
    assert types["CONV_2D"] == "INT8"
    found.options = QuantizationDebugOptions()
    assert found.layer_statistics is None
    found.run()
    assert "FULLY_CONNECTED" in {row["op_name"] for row in table(found)}


def test_fully_quantize_leaves_the_error_of_the_input_out():
    first = []
    for fully in (False, True):
        found = debugger(QuantizationDebugOptions(fully_quantize=fully))
        found.run()
        first.append(found.report.layers[0].own.mean_squared_error)
    assert first[1] < first[0]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"converter": object()}, "qref needs no converter: give float_model_content"),
        ({"quant_debug_model_path": INT8}, "give either float_model_path or float_model_content"),
        ({"float_model_path": FLOAT}, "give either quant_debug_model_path"),
        ({"float_model_path": FLOAT, "quant_debug_model_path": INT8, "float_model_content": b""}, "not both"),
    ],
)
def test_what_is_missing_is_named(arguments, why):
    with pytest.raises(ValueError, match=why):
        QuantizationDebugger(debug_dataset=SAMPLES, **arguments)
    with pytest.raises(qref.InputError, match="give debug_dataset"):
        QuantizationDebugger(quant_debug_model_path=INT8, float_model_path=FLOAT)
