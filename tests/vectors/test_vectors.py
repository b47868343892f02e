"""Golden vectors hold what their manifest says: every claim is checked in exact fractions, independent of qref's arithmetic."""

import importlib.util
import json
import math
import sys
from fractions import Fraction

import exact_rules as exact
import numpy as np
import pytest
from vector_models import ONE_OPERATOR, RUNTIMES, in_turn, save_model

import qref
from qref.schema import GraphBuilder, TensorType, save
from qref.vectors import Request, generate


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of golden vectors by model and runtime, made when first asked for."""
    root, made = tmp_path_factory.mktemp("vectors"), {}

    def get(name, runtime, **request):
        if (name, runtime) not in made:
            path = qref.bundled(name) if name not in ONE_OPERATOR else root / f"{name}.tflite"
            if name in ONE_OPERATOR:
                save_model(name, path)
            made[name, runtime] = root / f"{name} {runtime}"
            generate(Request(path, runtime, count=2, formats=("npz", "python"), **request), made[name, runtime])
        return made[name, runtime]

    return get


def load(folder):
    """The loader beside the vectors, imported from its file."""
    spec = importlib.util.spec_from_file_location("qref_vectors", folder / "python" / "qref_vectors.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.GoldenVectors(folder)


def every(sequence, limit):
    """At most so many items, evenly spread."""
    items = list(sequence)
    return items[:: max(1, len(items) // limit)]


CASES = [("digits_cnn_int8", runtime) for runtime in RUNTIMES] + [("digits_cnn_int16", "litert-reference")]
CASES += in_turn(ONE_OPERATOR, 2)


@pytest.mark.parametrize(("name", "runtime"), CASES)
def test_transactions_follow_from_their_taps_in_exact_integers(folders, name, runtime):
    vectors = load(folders(name, runtime))
    accumulating = [o for o in vectors.operators.values() if "accumulation" in o]
    assert accumulating
    for operator in accumulating:
        for t in every(vectors.transactions(operator["id"]), 300):
            acc = t.bias + sum((x + t.input_offset) * (w + t.filter_offset) for x, w in zip(t.x, t.w, strict=True))
            assert acc == t.acc
            held = exact.wrap(acc, operator["accumulation"]["acc_bits"])
            raw = exact.requantize(t.rule, held, t.multiplier, t.shift) + t.output_offset
            assert min(max(raw, t.output_activation_min), t.output_activation_max) == t.y, t


@pytest.mark.parametrize(("name", "runtime"), CASES)
def test_the_corner_cases_that_the_manifest_claims_are_hit(folders, name, runtime):
    vectors = load(folders(name, runtime))
    for operator in vectors.operators.values():
        if "accumulation" not in operator:
            continue
        arrays, fields = vectors.arrays(operator["id"]), operator["accumulation"]
        counts = dict.fromkeys(TARGETS, 0)
        for case in (f"unit/{n}" for n in range(operator["cases"]["unit"])):
            for element, acc in np.ndenumerate(arrays[f"{case}/acc"]):
                for target in corner_cases(arrays, fields, element, int(acc)):
                    counts[target] += 1
        claimed = {target: operator["coverage"].get(target, {"unit": 0})["unit"] for target in counts}
        assert counts == claimed
        for target, hits in operator["coverage"].items():
            assert (hits["unit"] > 0) != ("why_not" in hits), target
            for case, element in hits.get("examples", ()):
                found = corner_cases(arrays, fields, tuple(element), int(arrays[f"{case}/acc"][tuple(element)]))
                assert target in found or target not in counts


TARGETS = ("tie_first_rounding", "tie_positive", "tie_negative", "tie_beside_even", "saturates_low", "saturates_high")
TARGETS += ("tie_negative_shows", "tie_beside_even_shows")


def corner_cases(arrays, fields, element, acc):
    """The ties and saturations that one element makes."""
    channel = element[-1]
    rule, multiplier, shift = (arrays[f"requantize/{key}"][channel].item() for key in ("rule", "multiplier", "shift"))
    rule, acc = fields["rules"][rule], exact.wrap(acc, fields["acc_bits"])
    *first, last = exact.steps(rule, acc, multiplier, shift)
    raw = exact.requantize(rule, acc, multiplier, shift) + fields["output_offset"]
    shown = [""] + ["_shows"] * (fields["output_activation_min"] < raw < fields["output_activation_max"])
    beside_even = exact.is_tie(last) and math.floor(abs(last)) % 2 == 0
    return [
        *["tie_first_rounding" for value in first if exact.is_tie(value)],
        *["tie_positive" for _ in range(exact.is_tie(last) and last > 0)],
        *[f"tie_negative{s}" for s in shown if exact.is_tie(last) and last < 0],
        *[f"tie_beside_even{s}" for s in shown if beside_even],
        *["saturates_low" for _ in range(raw < fields["output_activation_min"])],
        *["saturates_high" for _ in range(raw > fields["output_activation_max"])],
    ]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_tie_that_the_manifest_calls_impossible_has_no_accumulator(folders, runtime):
    """All accumulators that the weights can make are tried, channel by channel."""
    vectors = load(folders("int8 depthwise", runtime))
    (operator,) = vectors.operators.values()
    arrays, fields = vectors.arrays(operator["id"]), operator["accumulation"]
    w, bias = arrays["constant/1"].astype(int).reshape(-1, arrays["constant/1"].shape[-1]), arrays.get("constant/2")
    impossible = [t for t, hits in operator["coverage"].items() if t.startswith("tie") and "cannot" in hits.get("why_not", "")]
    for channel in range(w.shape[1]):
        ends = [w[:, channel] * (limit + fields["input_offset"]) for limit in (-128, 127)]
        start = 0 if bias is None else int(bias[channel])
        least, greatest = (start + int(f(*ends).sum()) for f in (np.minimum, np.maximum))
        step = max(1, (greatest - least) // 5_000)
        for acc in range(least, greatest + 1, step):
            assert not set(impossible) & set(corner_cases(arrays, fields, (channel,), acc))


def test_a_tie_that_shows_and_both_saturations_are_built_for_every_8_bit_operator_of_a_network(folders):
    vectors = load(folders("digits_cnn_int8", "litert-optimized"))
    for operator in vectors.operators.values():
        if "accumulation" in operator:
            for target in ("tie_beside_even_shows", "saturates_low", "saturates_high", "acc_least", "acc_greatest"):
                assert operator["coverage"][target]["unit"] > 0, (operator["id"], target)


def test_padding_corners_are_counted_as_outputs_whose_window_leaves_the_image(folders):
    vectors = load(folders("digits_cnn_int8", "litert-reference"))
    conv = vectors.operators["op000_conv_2d"]  # 3 x 3 over 8 x 8 with padding SAME: one output a corner and channel
    cases = conv["cases"]["unit"]
    for corner, place in (("top_left", [0, 0]), ("top_right", [0, 7]), ("bottom_left", [7, 0]), ("bottom_right", [7, 7])):
        hits = conv["coverage"][f"padding_{corner}"]
        assert hits["unit"] == cases * 16
        assert all(element[1:3] == place for _, element in hits["examples"])


def test_the_folded_bias_holds_where_no_tap_lies_outside(folders):
    vectors = load(folders("digits_cnn_int8", "litert-reference"))
    arrays = vectors.arrays("op007_fully_connected")
    x, w = arrays["unit/0/input/0"].astype(np.int64), arrays["constant/1"].astype(np.int64)
    np.testing.assert_array_equal(x.reshape(-1) @ w.T + arrays["derived/folded_bias"], arrays["unit/0/acc"].reshape(-1))


def test_layer_cases_are_what_the_interpreter_computes(folders):
    vectors = load(folders("digits_cnn_int8", "litert-reference"))
    interpreter = qref.Interpreter(qref.bundled("digits_cnn_int8"))
    interpreter.allocate_tensors()
    first = vectors.arrays("op000_conv_2d")
    for case in ("layer/0", "layer/1"):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], first[f"{case}/input/0"])
        interpreter.invoke()
        for operator in vectors.operators.values():
            got, want = (
                interpreter.get_tensor(operator["outputs"][0]["tensor"]),
                vectors.arrays(operator["id"])[f"{case}/output/0"],
            )
            np.testing.assert_array_equal(got, want)


def test_operators_with_a_state_record_it_before_and_after(folders):
    folder = folders("deepconvlstm_int8", "litert-reference", operators=(6,))
    (operator,), arrays = load(folder).operators.values(), load(folder).arrays("op006_unidirectional_sequence_lstm")
    state = operator["updated_inputs"][0]
    np.testing.assert_array_equal(arrays["layer/0/output/1"], arrays[f"layer/1/input/{state}"])


def test_every_byte_is_put_into_an_operator_on_bytes(folders):
    vectors = load(folders("digits_cnn_int8", "litert-reference"))
    pool = vectors.operators["op001_max_pool_2d"]
    arrays = vectors.arrays(pool["id"])
    seen = {v for n in range(pool["cases"]["unit"]) for v in np.unique(arrays[f"unit/{n}/input/0"]).tolist()}
    assert seen == set(range(-128, 128))


def test_the_manifest_names_model_runtime_seed_and_version(folders):
    manifest = json.loads((folders("digits_cnn_int8", "xnnpack") / "manifest.json").read_text())
    assert manifest["runtime"] == "xnnpack"
    assert manifest["qref"] == qref.__version__
    assert len(manifest["sha256"]) == 64
    plan = manifest["operators"][0]["plan"]
    assert plan["input_offset"] == 128
    sizes = {"image_size": 8, "filter_size": 3, "output_size": 8, "stride": 1, "dilation": 1, "padding": 1}
    assert plan["axes"][0] == {"type": "Axis"} | sizes


def test_exact_rules_round_as_their_names_say():
    assert exact.to_float(Fraction(2**24 + 1), 24) == 2**24
    assert [exact.requantize("double_rounding", acc, 2**30, 0) for acc in (1, -1, 3, -3)] == [1, 0, 2, -1]
    assert [exact.requantize("float32_half_even", acc, 2**23, -24) for acc in (1, 3, -1, -3)] == [0, 2, 0, -2]


def test_inputs_that_an_operator_refuses_are_counted_and_left_away(tmp_path):
    graph = GraphBuilder()
    x = [graph.input(name, TensorType.INT16, (2,)) for name in "ab"]
    y = graph.tensor("y", TensorType.INT16, (2,))
    graph.operator("FLOOR_MOD", x, [y])
    save(graph.model(outputs=[y]), tmp_path / "mod.tflite")
    (operator,) = generate(Request(tmp_path / "mod.tflite", formats=("npz",)), tmp_path / "v")["operators"]
    assert operator["tried"]["refused"] > 0
    assert operator["cases"]["unit"] > 0
