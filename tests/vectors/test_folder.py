"""A folder of golden vectors is written whole or not at all; the same bytes in give the same bytes out."""

import errno
import os

import numpy as np
import pytest

import qref
from qref.errors import InputError, ModelError
from qref.schema import GraphBuilder, TensorType, save
from qref.vectors import Request, folder, generate

MODEL = qref.bundled("digits_cnn_int8")
REQUEST = Request(MODEL, operators=(7,), count=1)


def contents(path):
    return {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def test_the_same_request_writes_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        generate(REQUEST, tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    generate(Request(MODEL, operators=(7,), count=1, seed=1), tmp_path / "c")
    assert contents(tmp_path / "a")["npz/op007_fully_connected.npz"] != contents(tmp_path / "c")["npz/op007_fully_connected.npz"]


def test_an_operator_has_the_same_unit_cases_alone_and_among_others(tmp_path):
    generate(REQUEST, tmp_path / "one")
    generate(Request(MODEL, operators=(6, 7), count=1), tmp_path / "two")
    name = "npz/op007_fully_connected.npz"
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_only_the_formats_that_were_asked_for_are_written(tmp_path):
    generate(Request(MODEL, operators=(7,), formats=("c",)), tmp_path / "c")
    assert {p.name for p in (tmp_path / "c").iterdir()} == {"c", "manifest.json"}
    generate(Request(MODEL, operators=(7,), formats=("python",)), tmp_path / "python")
    assert {p.name for p in (tmp_path / "python").iterdir()} == {"npz", "python", "manifest.json"}


def test_inputs_of_ones_own_are_run_through_the_model(tmp_path):
    recorded = MODEL.with_suffix(".npz")
    with np.load(recorded) as archive:
        image, scores = archive["input/0"], archive["output/reference/0"]
    np.save(tmp_path / "digit.npy", image)
    generate(Request(MODEL, inputs=(tmp_path / "digit.npy",), formats=("npz",)), tmp_path / "v")
    with np.load(tmp_path / "v/npz/op000_conv_2d.npz") as first, np.load(tmp_path / "v/npz/op008_softmax.npz") as last:
        np.testing.assert_array_equal(first["layer/0/input/0"], image)
        np.testing.assert_array_equal(last["layer/0/output/0"], scores)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(MODEL, operators=(9,)), "no operator 9; the model has operators 0 to 8"),
        (Request(MODEL, operators=(-1,)), "no operator -1"),
        (Request(MODEL, runtime="tpu"), "unknown runtime 'tpu'"),
        (Request(MODEL, formats=("vhdl",)), "unknown format vhdl"),
        (Request(MODEL, formats=()), "unknown format"),
        (Request(MODEL, count=0), "count is 0"),
        (Request(MODEL, seed=-1), "seed is -1"),
    ],
)
def test_a_wrong_request_is_one_clear_error_and_writes_nothing(tmp_path, request_, message):
    with pytest.raises(InputError, match=message):
        generate(request_, tmp_path / "v")
    assert not list(tmp_path.iterdir())


def test_a_model_with_an_operator_that_the_runtime_does_not_know_is_a_model_error(tmp_path):
    graph = GraphBuilder()
    x, y = graph.input("x", TensorType.FLOAT32, (2,)), graph.tensor("y", TensorType.FLOAT32, (2,))
    graph.operator("CUSTOM", [x], [y], custom_code="Mine", custom_options=b"")
    save(graph.model(outputs=[y]), tmp_path / "custom.tflite")
    with pytest.raises(ModelError, match=r"operator 0 \(Mine\)"):
        generate(Request(tmp_path / "custom.tflite"), tmp_path / "v")
    assert [p.name for p in tmp_path.iterdir()] == ["custom.tflite"]


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path):
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "thesis.txt").write_text("years of work")
    for force in (False, True):
        with pytest.raises(InputError, match="not empty" if not force else "replaces nothing but golden vectors"):
            generate(REQUEST, tmp_path / "v", force)
    assert contents(tmp_path / "v") == {"thesis.txt": b"years of work"}
    with pytest.raises(InputError, match="is a file"):
        generate(REQUEST, tmp_path / "v" / "thesis.txt")


def test_force_replaces_golden_vectors_and_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "v").mkdir()
    generate(REQUEST, tmp_path / "v")
    (tmp_path / "v" / "old").write_text("")
    generate(REQUEST, tmp_path / "v", force=True)
    assert not (tmp_path / "v" / "old").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["v"]


def test_a_full_disk_leaves_nothing_and_harms_nothing(tmp_path, monkeypatch):
    generate(REQUEST, tmp_path / "v")
    before = contents(tmp_path / "v")

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(folder.zipfile.ZipFile, "open", full)
    for target, force in ((tmp_path / "new", False), (tmp_path / "v", True)):
        with pytest.raises(InputError, match=r"cannot write .*: No space left on device"):
            generate(REQUEST, target, force)
    assert contents(tmp_path / "v") == before
    assert [p.name for p in tmp_path.iterdir()] == ["v"]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"cannot write .*no/v"):
        generate(REQUEST, tmp_path / "no" / "v")
    with pytest.raises(InputError, match="cannot write"):
        generate(REQUEST, tmp_path / ("v" * 300))
