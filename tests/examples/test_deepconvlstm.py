"""examples/deepconvlstm: the presentation's tables come out of qref, int8 loses, and the mixed model wins the accuracy back."""

import lzma
import re
import shlex

import numpy as np
import pytest
from example_scripts import load_example

import qref
from qref.analyzer import analyze
from qref.cli import app
from qref.debugger import debug
from qref.errors import InputError
from qref.quantizer import calibrate, quantize_model

study = load_example("deepconvlstm", "study")
signals, uci_har, presentation = study.signals, study.uci_har, study.presentation


@pytest.fixture(scope="module")
def content():
    return lzma.decompress(study.BUNDLED.read_bytes())


@pytest.fixture(scope="module")
def done(content, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return folder, study.run(content, study.Data.of(None, 4), folder)


@pytest.fixture(scope="module")
def accuracy(done):
    data = study.Data.of(None, 4)
    paths = {path.stem: path for path in done[0].glob("*.tflite")}
    return {row.model: row.metrics["accuracy"] for row in study.measured(paths, data).rows}


def test_the_census_is_that_of_the_presentation(done):
    counted = study.census([analyze(done[0] / f"{name}.tflite") for name in presentation.MODELS])
    assert {row.title: row.counts for row in counted if row.title in presentation.CENSUS} == presentation.CENSUS


def test_the_debugger_has_the_rows_of_the_presentation_and_suspects_lstms(done):
    folder, _ = done
    samples = np.load(folder / "calibration.npy")
    report = debug(folder / "float.tflite", folder / "full_integer.tflite", samples, like="tflite", runtime=study.RUNTIME)
    rows = [(layer.op_name, layer.num_elements) for layer in report.layers]
    assert rows == [(name, elements) for name, elements, *_ in presentation.LAYERS]
    suspected = {layer.op_name for layer in report.layers if layer.suspected}
    assert suspected == {name for name, *_, ratio in presentation.LAYERS if ratio > study.THRESHOLD}


def test_dynamic_range_keeps_the_accuracy_and_full_integer_does_not(accuracy):
    assert accuracy["float"] > 0.75
    assert abs(accuracy["dynamic_range"] - accuracy["float"]) < 0.03
    assert accuracy["full_integer"] < accuracy["float"] - 0.15


def test_the_mixed_model_wins_the_accuracy_back_on_other_persons_for_few_bytes(done, accuracy):
    folder, found = done
    assert found.won_back > 0.8
    assert abs(accuracy["mixed"] - accuracy["float"]) < 0.05
    assert (folder / "mixed.tflite").stat().st_size < 0.3 * (folder / "float.tflite").stat().st_size


def test_calibrated_without_knocks_full_integer_keeps_the_accuracy(done, accuracy, monkeypatch):
    monkeypatch.setattr(signals, "KNOCKED", 0.0)
    x, _ = study.Data.of(None, 4).calibration
    ranges = calibrate(qref.load(done[0] / "float.tflite"), x[:, None])
    made = quantize_model(done[0] / "float.tflite", calibration=ranges, **study.UINT8).content
    monkeypatch.undo()
    (row,) = study.measured({"without knocks": made}, study.Data.of(None, 4)).rows
    assert abs(row.metrics["accuracy"] - accuracy["float"]) < 0.05


def test_a_percentile_undoes_what_the_knocks_do_to_the_ranges(accuracy):
    assert abs(accuracy["full_integer_percentile"] - accuracy["float"]) < 0.05


def test_the_commands_that_are_printed_run_and_make_the_same_models(done, content, capsys):
    folder, _ = done
    study.run(content, study.Data.of(None, 1), folder / "again")
    commands = re.findall(r"\$ qref (.*)", capsys.readouterr().out)
    assert {command.split()[0] for command in commands} == {"quantize", "analyze", "evaluate", "debug"}
    for command in commands:
        arguments = shlex.split(command)
        before = (folder / "again" / arguments[-1]).read_bytes() if arguments[0] == "quantize" else b""
        app(arguments, standalone_mode=False)
        assert not before or (folder / "again" / arguments[-1]).read_bytes() == before


def test_no_person_is_in_two_parts():
    persons = [number for part in signals.PARTS.values() for number in part]
    assert sorted(persons) == list(range(signals.PERSONS))


def test_signals_are_always_the_same_and_within_the_full_scale_of_the_sensor():
    (x, y), (again, _) = (signals.windows("test", 3) for _ in range(2))
    np.testing.assert_array_equal(x, again)
    assert x.shape == (3 * 6 * len(signals.PARTS["test"]), signals.STEPS, signals.CHANNELS, 1)
    assert np.bincount(y).tolist() == [18] * 6
    assert (np.abs(x).max(axis=(0, 1, 3)) <= signals.FULL_SCALE * (1 + 1e-6)).all()


def test_gravity_and_the_cadence_can_be_seen_in_the_signals():
    x, y = signals.windows("train", 3)
    size = np.linalg.norm(np.median(x[..., 0], axis=1)[:, :3], axis=1)
    np.testing.assert_allclose(np.median(size), signals.GRAVITY, rtol=0.05)
    up = x[y == 0, :, 0, 0]
    spectrum = np.median(np.abs(np.fft.rfft(up - up.mean(axis=1, keepdims=True))), axis=0)
    assert 1.2 < spectrum.argmax() * signals.RATE / signals.STEPS < 2.8  # steps in a second


@pytest.fixture
def uci(tmp_path):
    rng = np.random.default_rng(0)
    for part, persons in (("train", range(1, 9)), ("test", range(9, 12))):
        (tmp_path / part / "Inertial Signals").mkdir(parents=True)
        for name in uci_har.SIGNALS:
            np.savetxt(tmp_path / part / "Inertial Signals" / f"{name}_{part}.txt", rng.normal(size=(len(persons), 128)))
        np.savetxt(tmp_path / part / f"subject_{part}.txt", list(persons), fmt="%d")
        np.savetxt(tmp_path / part / f"y_{part}.txt", [1 + p % 6 for p in persons], fmt="%d")
    return tmp_path


def test_the_folder_of_uci_har_is_read_in_parts_without_a_person_in_common(uci):
    found = {part: uci_har.windows(uci, part) for part in signals.PARTS}
    assert {part: x.shape for part, (x, _) in found.items()} == {
        part: (n, 128, 6, 1) for part, n in (("train", 4), ("calibration", 4), ("test", 3))
    }
    assert sorted(found["calibration"][1].tolist()) == [0, 1, 2, 5]
    x, classes = found["test"]
    stored = np.loadtxt(uci / "test" / "Inertial Signals" / "total_acc_y_test.txt")
    np.testing.assert_allclose(x[np.argsort(classes), :, 1, 0], stored * signals.GRAVITY, rtol=1e-6)


def test_what_is_missing_or_wrong_in_the_folder_is_named(uci):
    (uci / "test" / "y_test.txt").write_text("1\n2\n")
    with pytest.raises(InputError, match="3 windows, 2 classes"):
        uci_har.windows(uci, "test")
    (uci / "test" / "Inertial Signals" / "body_gyro_z_test.txt").unlink()
    with pytest.raises(InputError, match="body_gyro_z_test"):
        uci_har.windows(uci, "test")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--uci", "nowhere"], "total_acc_x_train"),
        (["--model", __file__], "expected a .tflite.xz"),
        (["--windows", "0"], "at least 1"),
    ],
)
def test_wrong_arguments_are_one_message(arguments, message, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["study.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        study.main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_the_float_model_is_the_network_of_the_presentation(content):
    graph = qref.load(content).subgraphs[0]
    assert [operator.name for operator in graph.operators] == [name for name, *_ in presentation.LAYERS]
    assert graph.tensors[graph.inputs[0]].shape == (1, signals.STEPS, signals.CHANNELS, 1)
