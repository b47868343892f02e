import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from schema_samples import SAMPLES, SHARED_MODELS, convolution, everything

from qref.schema import Buffer, InvalidModel, Limits, Metadata, Options, Signature, TensorType, builtin_name, load, write
from qref.schema.layout import layout, snake_case, union
from qref.schema.options import text


def second_opinion(content):
    litert = pytest.importorskip("ai_edge_litert.schema_py_generated")
    return litert.ModelT.InitFromPackedBuf(content, 0)


def same(ours, theirs):
    """Whether a field of ours holds what LiteRT's bindings found; absent vectors and strings are empty in ours."""
    if isinstance(ours, Options):
        return same_options(ours, theirs)
    if theirs is None:
        return ours is None or len(ours) == 0
    if isinstance(theirs, bytes | str):
        return ours == (text(theirs) if isinstance(theirs, bytes) else theirs)
    if isinstance(theirs, list | np.ndarray):
        values = list(ours)
        return len(values) == len(theirs) and all(same(a, b) for a, b in zip(values, theirs))
    return ours == theirs or (isinstance(ours, float | np.floating) and math.isnan(ours) and math.isnan(theirs))


def same_options(ours, theirs):
    if theirs is None:
        return ours is None or ours.table == "NONE"
    fields = {snake_case(name[0].upper() + name[1:]): value for name, value in vars(theirs).items()}
    assert type(theirs).__name__ == ours.table + "T"
    assert set(fields) == set(ours.values) == {f.name for f in layout(ours.table).fields}
    return all(same(ours.values[name], value) for name, value in fields.items())


def compare_tensor(ours, theirs):
    assert same(ours.name, theirs.name)
    assert ours.type == theirs.type
    assert same(ours.shape, theirs.shape)
    assert (ours.buffer, ours.is_variable, ours.has_rank) == (theirs.buffer, theirs.isVariable, theirs.hasRank)
    assert ours.external_buffer == theirs.externalBuffer
    assert (ours.shape_signature is None) == (theirs.shapeSignature is None)
    assert same(ours.shape_signature, theirs.shapeSignature)
    assert same(ours.variant_tensors, theirs.variantTensors)
    assert (ours.quantization is None) == (theirs.quantization is None)
    if ours.quantization is not None:
        for name in ("scale", "zeroPoint", "min", "max", "quantizedDimension"):
            assert same(getattr(ours.quantization, snake_case(name[0].upper() + name[1:])), getattr(theirs.quantization, name))
        assert same(ours.quantization.details, theirs.quantization.details)
    assert (ours.sparsity is None) == (theirs.sparsity is None)
    if ours.sparsity is not None:
        assert same(ours.sparsity.traversal_order, theirs.sparsity.traversalOrder)
        assert same(ours.sparsity.block_map, theirs.sparsity.blockMap)
        for level, their_level in zip(ours.sparsity.dim_metadata, theirs.sparsity.dimMetadata, strict=True):
            assert (level.format, level.dense_size) == (their_level.format, their_level.denseSize)
            assert same(level.array_segments, their_level.arraySegments and their_level.arraySegments.values)
            assert same(level.array_indices, their_level.arrayIndices and their_level.arrayIndices.values)


def compare_operator(ours, theirs, codes):
    code = codes[theirs.opcodeIndex]
    assert ours.builtin_code == max(code.builtinCode, code.deprecatedBuiltinCode)
    assert ours.name == (text(code.customCode) if ours.builtin_code == 32 else builtin_name(ours.builtin_code))
    assert (ours.opcode_index, ours.version) == (theirs.opcodeIndex, code.version)
    for name in ("inputs", "outputs", "intermediates", "customOptions", "customOptionsFormat", "mutatingVariableInputs"):
        assert same(getattr(ours, snake_case(name[0].upper() + name[1:])), getattr(theirs, name))
    assert same(ours.options, theirs.builtinOptions)
    assert same(ours.options_2, theirs.builtinOptions2)
    assert union("BuiltinOptions").get(theirs.builtinOptionsType, "NONE") == ours.options.table
    assert union("BuiltinOptions2").get(theirs.builtinOptions2Type, "NONE") == ours.options_2.table
    assert ours.debug_metadata_index == theirs.debugMetadataIndex


def compare_model(content):
    ours, theirs = load(content), second_opinion(content)
    assert ours.version == theirs.version
    assert same(ours.description, theirs.description)
    assert same(ours.metadata_buffer, theirs.metadataBuffer)
    assert same(ours.external_buffer_groups, theirs.externalBufferGroups)
    assert same(ours.external_buffers, theirs.externalBuffers)
    assert [(m.name, m.buffer) for m in ours.metadata] == [(text(m.name), m.buffer) for m in theirs.metadata or []]
    assert len(ours.operator_codes) == len(theirs.operatorCodes or [])
    for signature, their in zip(ours.signatures, theirs.signatureDefs or [], strict=True):
        assert (signature.key, signature.subgraph_index) == (text(their.signatureKey), their.subgraphIndex)
        assert signature.inputs == {text(m.name): m.tensorIndex for m in their.inputs}
        assert signature.outputs == {text(m.name): m.tensorIndex for m in their.outputs}
    for buffer, their in zip(ours.buffers, theirs.buffers, strict=True):
        data = bytes(their.data) if their.data is not None else b""
        assert buffer.data == (content[their.offset :][: their.size] if their.offset > 1 else data)
    for graph, their in zip(ours.subgraphs, theirs.subgraphs, strict=True):
        assert same(graph.name, their.name)
        assert same(graph.inputs, their.inputs)
        assert same(graph.outputs, their.outputs)
        assert graph.debug_metadata_index == their.debugMetadataIndex
        for tensor, their_tensor in zip(graph.tensors, their.tensors or [], strict=True):
            compare_tensor(tensor, their_tensor)
        for operator, their_operator in zip(graph.operators, their.operators or [], strict=True):
            compare_operator(operator, their_operator, theirs.operatorCodes)


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_field_is_what_the_bindings_of_litert_find(sample):
    compare_model(write(sample()))


@pytest.mark.parametrize("path", SHARED_MODELS or [None], ids=lambda path: path.stem if path else "")
def test_every_field_of_real_models_is_what_the_bindings_of_litert_find(path):
    if path is None:
        pytest.skip("no shared models here")
    compare_model(path.read_bytes())


def test_paths_bytes_and_views_give_the_same_model(tmp_path):
    content = write(convolution())
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    models = [load(source) for source in (path, str(path), content, bytearray(content), memoryview(content))]
    assert all(model == models[0] for model in models)


def test_a_model_does_not_change_with_the_bytearray_it_was_read_from():
    content = bytearray(write(convolution()))
    model = load(content)
    content[:] = bytes(len(content))
    assert model == convolution()


def test_constants_are_read_only_views_into_the_file():
    content = write(convolution())
    model = load(content)
    weights = model.data(model.subgraphs[0].tensors[1])
    assert not weights.flags.writeable
    assert np.shares_memory(weights, np.frombuffer(content, np.uint8))
    assert not model.subgraphs[0].tensors[1].quantization.scale.flags.writeable


def test_a_model_can_be_sent_to_another_process():
    for sample in SAMPLES:
        model = load(write(sample()))
        assert pickle.loads(pickle.dumps(model)) == model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "missing.tflite", "no such file"),
        (lambda folder: folder, "directory"),
        (lambda folder: (folder / "empty.tflite", (folder / "empty.tflite").touch())[0], "is empty"),
        (lambda folder: folder / ("x" * 300), "cannot be read"),
        (lambda folder: "null\0byte", "cannot be read"),
        (lambda folder: "/dev/zero", "not a regular file"),
    ],
    ids=["missing", "directory", "empty", "long", "null", "device"],
)
def test_a_file_that_cannot_be_read_is_an_invalid_model_that_names_the_path(tmp_path, make, message):
    path = make(tmp_path)
    with pytest.raises(InvalidModel, match=message) as error:
        load(path)
    assert str(path) in str(error.value)


def test_a_damaged_file_is_named_in_the_message(tmp_path):
    path = tmp_path / "damaged.tflite"
    path.write_bytes(write(convolution())[:500])
    with pytest.raises(InvalidModel, match=r"damaged\.tflite: .*expected .*found .*convert it again"):
        load(path)


def test_a_file_larger_than_the_limit_is_refused_unread(tmp_path):
    path = tmp_path / "large.tflite"
    path.write_bytes(write(convolution()))
    for source in (path, path.read_bytes()):
        with pytest.raises(InvalidModel, match="max_file_bytes"):
            load(source, limits=Limits(max_file_bytes=100))


def test_names_that_are_not_utf8_come_back_unchanged():
    model = everything()
    assert model.subgraphs[0].name.encode("utf-8", "surrogateescape").endswith(b" \xff")
    assert load(write(model)).subgraphs[0].name == model.subgraphs[0].name


def test_signatures_and_metadata_that_lead_nowhere_are_left_out():
    model = convolution()
    good = Signature("good", 0, {"x": 0}, {"y": 3})
    bad = [Signature("a", 9, {}, {}), Signature("b", 0, {"x": 99}, {}), Signature("c", 0, {}, {"y": 4})]
    model = replace(model, signatures=(bad[0], good, *bad[1:]), metadata=(Metadata("m", 1), Metadata("n", 99)))
    loaded = load(write(model))
    assert loaded.signatures == (good,)
    assert loaded.metadata == (Metadata("m", 1),)


@pytest.mark.parametrize(("old", "new", "expected"), [(3, 0, 3), (0, 3, 3), (127, 150, 150), (32, 32, 32), (5, 3, 5)])
def test_the_larger_of_both_builtin_codes_counts(old, new, expected, monkeypatch):
    from qref.schema import tree

    codes = {"deprecated_builtin_code": old, "builtin_code": new, "version": 2, "custom_code": None}
    monkeypatch.setattr(tree, "_operator_code", lambda code: codes)
    (code,) = load(write(convolution())).operator_codes
    assert (code.builtin_code, code.version) == (expected, 2)


def test_equality_is_by_value_also_of_nan_and_views():
    model = everything()
    assert model == load(write(model))
    assert Buffer(b"abc") == Buffer(memoryview(b"abc"))
    assert Buffer(b"abc") != Buffer(b"abd")
    assert Options("T", {"a": (float("nan"),)}) == Options("T", {"a": (float("nan"),)})
    assert replace(model, description="other") != model


def test_every_tensor_type_is_known():
    litert = pytest.importorskip("ai_edge_litert.schema_py_generated")
    types = {name: code for name, code in vars(litert.TensorType).items() if isinstance(code, int)}
    assert {t.name: t.value for t in TensorType} == types
