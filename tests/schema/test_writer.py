import os
import stat
from dataclasses import replace

import numpy as np
import pytest
from schema_samples import RUNNABLE, SAMPLES, SHARED_MODELS, convolution, everything, external

from qref.schema import Buffer, InvalidModel, Options, QrefError, load, save, write
from qref.schema.verifier import verify


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_written_model_loads_as_itself(sample):
    model = sample()
    assert load(write(model)) == model


@pytest.mark.parametrize("path", SHARED_MODELS or [None], ids=lambda path: path.stem if path else "")
def test_a_real_model_is_the_same_after_load_and_write(path):
    if path is None:
        pytest.skip("no shared models here")
    model = load(path)
    content = write(model)
    assert load(content) == model
    assert write(load(content)) == content


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_same_model_gives_the_same_bytes(sample):
    assert write(sample()) == write(sample()) == write(load(write(sample())))


def assert_equal(answer, original):
    assert not isinstance(original, str), original
    assert not isinstance(answer, str), answer
    assert answer[1] == original[1]
    assert answer[0].keys() == original[0].keys()
    for index, array in original[0].items():
        assert answer[0][index].dtype == array.dtype
        np.testing.assert_array_equal(answer[0][index], array)


def test_litert_runs_real_models_and_their_copies_to_the_same_tensors(run_litert):
    small = [path for path in SHARED_MODELS if path.stat().st_size < 1 << 20 and "seanet" not in str(path)]
    seanet = [path for path in SHARED_MODELS if "seanet" in str(path)][::10]
    if not small:
        pytest.skip("no shared models here")
    originals = [path.read_bytes() for path in small + seanet]
    answers = run_litert(originals + [write(load(content)) for content in originals])
    ran = 0
    for path, original, copy in zip(small + seanet, answers, answers[len(originals) :]):
        if isinstance(original, str):
            assert original == copy, path
        else:
            ran += 1
            for index in range(len(load(path).subgraphs[0].tensors)):  # behind them LiteRT lists its scratch memory
                array = original[0].get(index, np.zeros(0))
                assert np.array_equal(copy[0].get(index, np.zeros(0)), array, equal_nan=array.dtype.kind == "f"), (path, index)
    assert ran > len(originals) * 0.8


def test_litert_runs_every_sample_and_computes_what_numpy_computes(run_litert):
    answers = dict(zip(RUNNABLE, run_litert([write(sample()) for sample in RUNNABLE])))
    for sample, answer in answers.items():
        assert not isinstance(answer, str), (sample.__name__, answer)
    tensors, _ = answers[external]
    expected = tensors[0] + np.array([1, 2, 3], np.float32) + np.array([[10], [20]], np.float32) + np.float32(100)
    np.testing.assert_allclose(tensors[external().subgraphs[0].outputs[0]], expected, rtol=1e-5)


def test_litert_finds_the_signatures(run_litert):
    (answer,) = run_litert([write(next(sample for sample in RUNNABLE if sample.__name__ == "branches")())])
    assert answer[1] == {
        "serve": {"inputs": ["condition", "x"], "outputs": ["z"]},
        "double": {"inputs": ["a"], "outputs": ["b"]},
    }


def test_constants_start_at_multiples_of_sixteen_bytes():
    model = convolution()
    for count in range(1, 40):
        content = write(replace(model, buffers=(*model.buffers, Buffer(bytes(count)), Buffer(bytes(range(count))))))
        tree = verify(content)
        start = np.frombuffer(content, np.uint8).__array_interface__["data"][0]
        for buffer in tree["buffers"]:
            if buffer["data"] is not None:
                assert (buffer["data"].__array_interface__["data"][0] - start) % 16 == 0


def test_external_buffers_lie_behind_the_flatbuffer_at_multiples_of_sixteen_bytes():
    content = write(external())
    buffers = [buffer for buffer in verify(content)["buffers"] if buffer["offset"]]
    assert len(buffers) == 2
    for buffer, expected in zip(buffers, external().buffers[1:3]):
        assert buffer["offset"] % 16 == 0
        assert content[buffer["offset"] :][: buffer["size"]] == expected.data
    assert buffers[-1]["offset"] + buffers[-1]["size"] == len(content)


def test_options_of_an_unknown_table_cannot_be_written():
    model = convolution()
    graph = model.subgraphs[0]
    operator = replace(graph.operators[0], options=Options("UNKNOWN_200", {}))
    model = replace(model, subgraphs=(replace(graph, operators=(operator,)),))
    with pytest.raises(InvalidModel, match=r"operator 0 \(CONV_2D\): UNKNOWN_200 .* cannot be written"):
        write(model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options("Conv2DOptions", {"stride": 1}), "no field 'stride'"),
        (Options("Conv2DOptions", {"stride_w": 1 << 31}), "Conv2DOptions.stride_w is 2147483648: expected int32"),
        (Options("Conv2DOptions", {"stride_w": "wide"}), "Conv2DOptions.stride_w is 'wide'"),
        (Options("DilateOptions", {}), "not in BuiltinOptions"),
        (Options("Tensor", {}), "not in BuiltinOptions"),
    ],
)
def test_options_that_the_schema_cannot_hold_are_refused(options, message):
    model = convolution()
    graph = model.subgraphs[0]
    model = replace(model, subgraphs=(replace(graph, operators=(replace(graph.operators[0], options=options),)),))
    with pytest.raises(InvalidModel, match=message):
        write(model)


def test_save_replaces_a_file_and_leaves_no_other(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"old")
    save(convolution(), path)
    assert load(path) == convolution()
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.tflite"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o400


def test_save_to_a_symbolic_link_writes_the_file_that_it_names(tmp_path):
    save(everything(), tmp_path / "file.tflite")
    (tmp_path / "link.tflite").symlink_to(tmp_path / "file.tflite")
    save(convolution(), tmp_path / "link.tflite")
    assert (tmp_path / "link.tflite").is_symlink()
    assert load(tmp_path / "file.tflite") == convolution()


def test_a_model_that_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.tflite"
    save(convolution(), path)
    broken = replace(convolution(), metadata_buffer=(1 << 40,))
    with pytest.raises(InvalidModel, match=r"Model\.metadata_buffer is \(1099511627776,\): expected a vector of int32"):
        save(broken, path)
    assert load(path) == convolution()


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "model.tflite"
    save(convolution(), path)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(QrefError, match="No space left on device"):
        save(everything(), path)
    assert load(path) == convolution()
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.tflite"]


@pytest.mark.parametrize("name", ["missing/model.tflite", "", "x" * 300, "/dev/null", "null\0byte"])
def test_a_path_that_cannot_be_written_is_named(tmp_path, name):
    with pytest.raises(QrefError):
        save(convolution(), tmp_path / name)


def test_an_operator_that_is_not_what_its_code_says_is_refused():
    model = convolution()
    operator = replace(model.subgraphs[0].operators[0], version=9)
    broken = replace(model, subgraphs=(replace(model.subgraphs[0], operators=(operator,)),))
    with pytest.raises(InvalidModel, match=r"operator 0 \(CONV_2D\): expected builtin code 3, version 3, .* found 3, version 9"):
        write(broken)


def test_a_model_with_wrong_indices_is_refused():
    model = convolution()
    broken = replace(model, subgraphs=(replace(model.subgraphs[0], outputs=(77,)),))
    with pytest.raises(InvalidModel, match="outputs: expected tensor indices from 0 to 3, found 77"):
        write(broken)
