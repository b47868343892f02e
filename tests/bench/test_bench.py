"""The benchmark's structure, registered kernels held against qref, peaks, pictures and errors. No time is tested."""

import functools
import io
import json
import pathlib
import sys

import numpy as np
import pytest
from oracle import needs_litert
from recurrent_models import Variant, lstm_model

import qref
from qref.bench import bench, find_subjects, load_kernels, register
from qref.bench.operators import time_operators
from qref.bench.peaks import Peaks, measured_peaks
from qref.bench.plot import plot
from qref.bench.registry import REGISTERED
from qref.bench.subjects import Subject
from qref.bench.timing import FEWEST, Spread, interleave
from qref.compare.litert import Litert
from qref.dispatch.peaks import copies, matrix_products, products, reads
from qref.inputs import inputs_of, start
from qref.kernels import peak
from qref.kernels.cpu import AMX, LANES, QUADS
from qref.ops._lstm_integer import lstm_integer
from qref.ops.fully_connected import fully_connected
from qref.pictures import save_picture
from qref.schema import GraphBuilder, TensorType, save

SMALL, FAST = "FULLY_CONNECTED:4x16x8", 0.01
PEAKS = Peaks({8: 1e11, 16: 5e10}, {1 << 14: 1e11, 1 << 20: 1e10})


@pytest.fixture(autouse=True)
def no_kernels_are_left():
    REGISTERED.clear()
    yield
    REGISTERED.clear()


@pytest.fixture
def known_peaks(monkeypatch):
    monkeypatch.setattr("qref.bench.benchmark.measured_peaks", lambda: PEAKS)


def right(plan, constants):
    assert constants[0] is None
    assert constants[1].shape == (8, 16)
    return lambda x, w, b: fully_connected(x, w, b, plan)


def wrong(plan, constants):
    def run(x, w, b):
        y = fully_connected(x, w, b, plan).copy()
        y[2, 5] ^= 1
        return y

    return run


@needs_litert
def test_every_contender_is_timed_against_qref_and_compared_with_its_bits():
    register("FULLY_CONNECTED", right)
    against = ["litert:reference", "litert:optimized", "litert:xnnpack", "numpy", "kernels"]
    result = bench(SMALL, against, runtime="litert-reference", seconds=FAST)
    assert [timing.name for timing in result.timings] == ["qref", *against]
    assert (result.runtime, result.macs, result.differs) == ("litert-reference", 4 * 16 * 8, False)
    for timing in result.timings:
        assert timing.reason == ""
        assert timing.elements == 32
        assert timing.runs >= FEWEST
        assert 0 < timing.seconds.low <= timing.seconds.median <= timing.seconds.high
        assert timing.gmacs == pytest.approx(result.macs / timing.seconds.median / 1e9)
        assert (timing.ratio is None) == (timing.name == "qref")
    mismatches = {timing.name: timing.mismatches for timing in result.timings}
    assert all(mismatches[name] == 0 for name in ("litert:reference", "numpy", "kernels"))
    json.dumps(result.to_dict())


@needs_litert
@pytest.mark.parametrize("kernel_set", Litert.KERNEL_SETS)
def test_qref_takes_the_arithmetic_of_the_kernel_set_it_is_timed_against(kernel_set):
    result = bench("CONV_2D:6x6x8x16k3", ["numpy", f"litert:{kernel_set}"], seconds=FAST)
    assert result.runtime.endswith(kernel_set)
    assert [timing.mismatches for timing in result.timings] == [0, 0, 0]


@needs_litert
def test_outputs_in_another_arithmetic_are_counted():
    result = bench("CONV_2D:32x32x16x64k3", ["litert:reference"], runtime="xnnpack", seconds=FAST)
    assert 0 < result.timings[1].mismatches < result.timings[1].elements


def test_a_wrong_kernel_is_told_at_its_first_element_and_not_timed():
    register("FULLY_CONNECTED", wrong)
    result = bench(SMALL, ["kernels"], seconds=FAST)
    kernels = result.timings[1]
    found = kernels.difference
    assert result.differs
    assert (kernels.seconds, kernels.ratio, kernels.runs, kernels.mismatches) == (None, None, 0, 1)
    assert (found.operator, found.name, found.element, found.mismatches, found.elements) == (0, "FULLY_CONNECTED", (2, 5), 1, 32)
    assert abs(found.found - found.expected) == 1
    assert "element [2, 5]" in str(found)


def test_a_wrong_kernel_is_timed_where_that_is_asked_for(known_peaks):
    register("FULLY_CONNECTED", wrong)
    result = bench(SMALL, ["kernels"], seconds=FAST, time_wrong=True, operators=True)
    assert result.differs
    assert result.timings[1].ratio.median > 0
    assert [row.kernel for row in result.operators] == ["qref", "kernels"]
    assert [row.kernel for row in bench(SMALL, ["kernels"], seconds=FAST, operators=True).operators] == ["qref"]


def test_a_kernel_that_leaves_another_state_in_an_lstm_is_wrong():
    def another(change):
        def run(plan, *inputs):
            y, output_state, cell_state = lstm_integer(*inputs, plan)
            return y, output_state, cell_state ^ change

        return lambda plan, constants: functools.partial(run, plan)

    subject = Subject("lstm", lstm_model(Variant(integer=True)))
    for change in (0, 1):
        register("UNIDIRECTIONAL_SEQUENCE_LSTM", another(change))
        assert bench(subject, ["kernels"], seconds=FAST).differs == bool(change)


def test_a_wrong_scalar_is_told():
    graph = GraphBuilder()
    x, y = graph.input("x", TensorType.FLOAT32, ()), graph.tensor("y", TensorType.FLOAT32, ())
    graph.operator("ABS", [x], [y])
    register("ABS", lambda plan, constants: lambda x: np.zeros_like(x))
    difference = bench(Subject("scalar", graph.model(outputs=[y])), ["kernels"], seconds=FAST).timings[1].difference
    assert (difference.element, difference.found, difference.mismatches) == ((), 0.0, 1)


def test_the_first_wrong_operator_of_a_model_is_told():
    register("CONV_2D", lambda plan, constants: lambda x, w, b: np.zeros(plan.output_shape, np.int8))
    difference = bench("digits_cnn_int8", ["kernels"], seconds=FAST).timings[1].difference
    assert (difference.operator, difference.name) == (0, "CONV_2D")


def test_operators_that_a_kernel_declines_are_left_to_qref(known_peaks):
    def only_wide(plan, constants):
        return right(plan, constants) if len(constants[1]) == 8 else None

    register("FULLY_CONNECTED", only_wide)
    assert not bench(SMALL, ["kernels"], seconds=FAST).differs
    declined = bench("FULLY_CONNECTED:4x16x9", ["kernels"], seconds=FAST, operators=True)
    assert "no operator of the model has a registered kernel" in declined.timings[1].reason
    assert len(declined.operators) == 1


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda x, w, b: 1 // 0, "raised ZeroDivisionError"),
        (lambda x, w, b: [1], "gave list"),
        (lambda x, w, b: np.zeros((4, 8)), "gave float64 of shape"),
        (lambda x, w, b: (), "gave 0 outputs"),
        (None, "raised TypeError"),
    ],
)
def test_a_kernel_that_fails_is_named_with_its_operator(run, message):
    register("FULLY_CONNECTED", (lambda plan, constants: run) if run else (lambda plan: None))
    with pytest.raises(qref.InputError, match=message) as failed:
        bench(SMALL, ["kernels"], seconds=FAST)
    assert "operator 0 (FULLY_CONNECTED)" in str(failed.value)


def test_what_is_no_kernel_cannot_be_registered():
    with pytest.raises(qref.InputError, match="no operator 'CONV'"):
        register("CONV", right)
    with pytest.raises(qref.InputError, match="must be a function"):
        register("CONV_2D", 7)


@pytest.mark.parametrize(
    ("text", "message"),
    [("import missing_module_x", "ModuleNotFoundError"), ("x = 1", "registers no kernel"), ("syntax error", "SyntaxError")],
)
def test_a_file_without_kernels_is_refused(tmp_path, text, message):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(qref.InputError, match=message):
        load_kernels(tmp_path / "mine.py")


def test_a_file_of_kernels_registers_them(tmp_path):
    (tmp_path / "mine.py").write_text("import qref.bench\nqref.bench.register('ADD', lambda plan, constants: None)\n")
    load_kernels(tmp_path / "mine.py")
    assert list(REGISTERED) == ["ADD"]
    with pytest.raises(qref.InputError, match="no Python file"):
        load_kernels(tmp_path / "none.py")


@pytest.mark.parametrize("runtime", ["litert-reference", "litert-optimized", "xnnpack"])
def test_the_example_of_a_kernel_is_exact(runtime):
    load_kernels(pathlib.Path(__file__).parents[2] / "examples" / "my_kernel.py")
    for text in (SMALL, "FULLY_CONNECTED:5x33x70"):
        timing = bench(text, ["kernels"], runtime=runtime, seconds=FAST).timings[1]
        assert (timing.difference, timing.reason, timing.mismatches) == (None, "", 0)


def test_a_replaced_operator_is_qrefs_again_after_allocation():
    (subject,) = find_subjects([SMALL])
    interpreter = qref.Interpreter(model_content=subject.model)
    start(interpreter, inputs_of(subject.model, (), 0))
    results = []
    for replaced in (False, True, False):
        if replaced:
            assert interpreter.replace_operator(0, wrong)
        else:
            interpreter.resize_tensor_input(0, [2, 16])  # another shape, so that tensors are allocated anew
            interpreter.allocate_tensors()
            interpreter.resize_tensor_input(0, [4, 16])
            start(interpreter, inputs_of(subject.model, (), 0))
        interpreter.invoke()
        results.append(interpreter.get_tensor(subject.model.subgraphs[0].outputs[0]))
    assert np.argwhere(results[0] != results[1]).tolist() == [[2, 5]]
    np.testing.assert_array_equal(results[0], results[2])


def test_operators_are_timed_one_by_one_with_their_work(known_peaks):
    result = bench("digits_cnn_int8", ["numpy"], seconds=FAST, operators=True)
    assert [row.name for row in result.operators] == [
        o.name for o in qref.load(qref.bundled("digits_cnn_int8")).subgraphs[0].operators
    ]
    assert sum(row.macs for row in result.operators) == result.macs > 0
    assert all(row.seconds.low > 0 and row.fraction > 0 for row in result.operators)
    assert result.operators[0].shape == (1, 8, 8, 16)
    assert json.loads(json.dumps(result.to_dict()))["peaks"]["macs"] == {"8": 1e11, "16": 5e10}


def test_the_roofline_takes_what_limits_more(monkeypatch):
    monkeypatch.setattr("qref.bench.operators.seconds_of", lambda run: 1e-3)
    bounds = {}
    for text in ("CONV_2D:16x16x32x64k3", "ADD:64x64", "FULLY_CONNECTED:1x2048x1024", "FULLY_CONNECTED:4x64x64:float32"):
        (subject,) = find_subjects([text])
        interpreter = qref.Interpreter(model_content=subject.model)
        interpreter.allocate_tensors()
        interpreter.invoke()
        (row,) = time_operators([("qref", interpreter.evaluated_operators()[0], lambda: None)], PEAKS, FAST)
        bounds[row.name, row.shape] = row.bound, row.fraction
        assert row.gmacs == pytest.approx(row.macs / 1e-3 / 1e9)
    conv, add, rows, floats = bounds.values()
    assert conv == ("compute", pytest.approx(16 * 16 * 64 * 9 * 32 / 1e11 / 1e-3))
    assert add == ("memory", pytest.approx(3 * 64 * 64 / 1e11 / 1e-3))
    assert rows == ("memory", pytest.approx((2048 + 2048 * 1024 + 4 * 1024 + 1024) / 1e10 / 1e-3))
    assert floats == (None, None)


def test_memory_is_no_faster_than_the_caches():
    bumpy = Peaks({}, {1 << 14: 3.0, 1 << 15: 5.0, 1 << 16: 2.0})
    assert [bumpy.bandwidth_of(size) for size in (1, 1 << 14, 46000, 47000, 1 << 30)] == [5, 5, 5, 2, 2]


@pytest.mark.parametrize("bits", [8, 16])
def test_the_loop_of_the_peak_computes_what_it_counts(bits):
    run, macs = products(bits)
    run()
    x_type, w_type = (np.uint8, np.int8) if bits == 8 and QUADS else (np.int16, np.int16)
    rng, sums = np.random.default_rng(bits), np.zeros(3, np.int32)
    x = rng.integers(0, 200, peak.X_BYTES // x_type().itemsize).astype(x_type)
    w = rng.integers(0, 256, peak.W_BYTES, dtype=np.uint8)
    peak.multiply(x, w, sums)
    rows = x.reshape(-1, peak.GROUPS, 4 // x_type().itemsize).astype(np.int64)
    channels = w.view(w_type).reshape(peak.GROUPS, -1, rows.shape[2]).astype(np.int64)
    products_of_tile = np.einsum("rgd,gcd->rgcd", rows, channels)
    assert sums.tolist() == [products_of_tile.sum().astype(np.int32)] * 3
    assert macs == 2000 * products_of_tile.size


@pytest.mark.skipif(not AMX, reason="this CPU, or this process, has no unit for products of matrices")
def test_the_loop_of_the_peak_of_matrices_computes_what_it_counts():
    run, macs = matrix_products()
    run()
    rng = np.random.default_rng(0)
    x = rng.integers(-128, 128, (peak.STEPS, 2, 16, 64)).astype(np.int8)
    w = rng.integers(-128, 128, (peak.STEPS, 2, 16, 16, 4)).astype(np.int8)
    y = np.zeros((2, 2, 16, 16), np.int32)
    peak.multiply_matrices(x, w, 3, y)
    expected = np.einsum("strgd,svgcd->tvrc", x.reshape(*x.shape[:3], 16, 4).astype(np.int64), w.astype(np.int64))
    np.testing.assert_array_equal(y, 3 * expected)
    assert macs == 1000 * y.size * peak.STEPS * 64


def test_reads_take_what_they_count():
    sums = np.zeros(2, np.int32)
    peak.read(np.arange(2 * peak.CHAINS * LANES, dtype=np.int32), sums)
    assert sums.tolist() == [sum(range(2 * peak.CHAINS * LANES))] * 2
    run, moved = reads(1 << 14)
    run()
    assert moved % (1 << 14) == 0


def test_copies_move_what_they_count():
    x, y = np.arange(8), np.zeros(8, np.int64)
    peak.copy(x, y, 2)
    assert y.tolist() == list(range(8))
    run, moved = copies(1 << 14)
    run()
    assert moved % (1 << 15) == 0


def test_peaks_are_measured_for_both_widths_and_every_working_set(monkeypatch):
    monkeypatch.setattr("qref.bench.peaks.LARGEST", 16)
    monkeypatch.setattr("qref.bench.peaks.RUNS", 1)
    found = measured_peaks.__wrapped__()
    assert sorted(found.macs) == [8, 16]
    assert sorted(found.bandwidth) == [1 << 14, 1 << 15, 1 << 16]
    assert min(*found.macs.values(), *found.bandwidth.values()) > 0
    assert (found.matrices or 0) > 0 if AMX else found.matrices is None
    assert found.macs_of(8, matrices=True) == (found.matrices if AMX else found.macs[8])
    assert found.macs_of(16, matrices=True) == found.macs[16]


def test_turns_are_pairs_and_who_begins_rotates():
    calls = []
    times = interleave({name: lambda name=name: calls.append(name) for name in "ab"}, 1e-6)
    assert [len(values) for values in times.values()] == [FEWEST] * 2
    begun = [name for name, before in zip(calls[2:], calls[1:]) if name != before]  # runs of one name
    assert "".join(begun) == "abab"  # turns ab, ba, ab


def test_a_spread_is_the_median_with_percentiles():
    assert Spread.of(np.arange(11)) == Spread(1.0, 5.0, 9.0)


def test_subjects_are_files_folders_bundled_models_and_descriptions(tmp_path):
    (described,) = find_subjects([SMALL])
    for name in ("b", "a"):
        save(described.model, tmp_path / f"{name}.tflite")
    found = find_subjects([tmp_path, tmp_path / "b.tflite", "digits_cnn_int8", SMALL])
    assert [s.name for s in found] == [*(str(tmp_path / f"{n}.tflite") for n in "abb"), "digits_cnn_int8", SMALL]
    assert found[0].model == described.model


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"subject": "missing.tflite"}, "no file, no folder, no bundled model"),
        ({"against": ["tpu"]}, "unknown contender 'tpu'; there are litert:reference"),
        ({"seconds": 0}, "above 0"),
        ({"seconds": float("nan")}, "above 0"),
        ({"threads": 0}, "threads must be at least 1"),
        ({"runtime": "tpu"}, "'tpu'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(qref.InputError, match=message):
        bench(**{"subject": SMALL, "against": ["numpy"], "seconds": FAST, **arguments})


def test_a_folder_of_several_models_is_none_to_bench_at_once(tmp_path):
    for name in "ab":
        save(find_subjects([SMALL])[0].model, tmp_path / f"{name}.tflite")
    with pytest.raises(qref.InputError, match="holds 2 models"):
        bench(tmp_path, ["numpy"], seconds=FAST)


def test_without_litert_it_is_told_how_to_install_it(monkeypatch):
    monkeypatch.setattr(Litert, "is_installed", classmethod(lambda cls: False))
    with pytest.raises(qref.BackendError, match="pip install"):
        bench(SMALL, ["litert:xnnpack"], seconds=FAST)


@needs_litert
def test_a_model_that_litert_refuses_is_a_row_with_the_reason(monkeypatch):
    def refuse(*arguments, **options):
        raise qref.BackendError("LiteRT refused the model: no")

    monkeypatch.setattr(Litert, "run", refuse)
    result = bench(SMALL, ["litert:reference", "numpy"], seconds=FAST)
    assert [(t.name, t.reason) for t in result.timings] == [
        ("qref", ""),
        ("numpy", ""),
        ("litert:reference", "LiteRT refused the model: no"),
    ]


@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_picture_of_ratios_and_of_the_roofline(kind, start, known_peaks):
    file = io.BytesIO()
    results = [bench(text, ["numpy"], seconds=FAST, operators=kind == "png") for text in (SMALL, "ADD:4x4")]
    save_picture(plot(results), file, kind)
    assert file.getvalue().startswith(start)


def test_without_matplotlib_it_is_told_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(qref.BackendError, match=r"pip install 'qref-tflite\[report\]'"):
        plot([])


def test_an_operator_whose_shape_only_running_tells_cannot_be_run_alone():
    graph = GraphBuilder()
    x, shape = graph.input("x", TensorType.FLOAT32, (4,)), graph.input("shape", TensorType.INT32, (2,))
    y = graph.tensor("y", TensorType.FLOAT32, (2, 2))
    graph.operator("RESHAPE", [x, shape], [y])
    interpreter = qref.Interpreter(model_content=graph.model(outputs=[y]))
    interpreter.allocate_tensors()
    interpreter.set_tensor(shape, np.int32([2, 2]))
    interpreter.invoke()
    with pytest.raises(qref.InputError, match="known only while the graph runs"):
        interpreter.run_of(0)
