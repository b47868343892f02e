from dataclasses import replace

import numpy as np
import pytest
from schema_samples import F32, I8, I32, RUNNABLE, SHARED_MODELS, convolution

from qref.schema import Buffer, GraphBuilder, InvalidModel, Limits, Quantization, TensorType, check, load, write, writer


def add(type_=F32, **tensor):
    graph = GraphBuilder()
    x = graph.input("x", type_, (2,))
    c = graph.constant("c", np.ones(2, type_.dtype))
    y = graph.tensor("y", type_, (2,), **tensor)
    graph.operator("ADD", [x, c], [y], ("AddOptions", {}))
    return graph.model([y])


def quantized(scale, zero_point, dimension=0, type_=F32):
    scales, zero_points = np.array(scale, np.float32), np.array(zero_point, np.int64)
    return add(type_, quantization=Quantization(scales, zero_points, dimension))


def with_tensor(index, **fields):
    model = add()
    graph = model.subgraphs[0]
    tensors = list(graph.tensors)
    tensors[index] = replace(tensors[index], **fields)
    return replace(model, subgraphs=(replace(graph, tensors=tuple(tensors)),))


def with_operator(**fields):
    model = add()
    graph = model.subgraphs[0]
    return replace(model, subgraphs=(replace(graph, operators=(replace(graph.operators[0], **fields),)),))


def with_subgraph(**fields):
    model = add()
    return replace(model, subgraphs=(replace(model.subgraphs[0], **fields),))


def calls(*called):
    """One subgraph for each argument, with an IF that calls it."""
    graph = GraphBuilder()
    graphs = [graph, *(graph.subgraph(f"sub{number}") for number in range(1, len(called)))]
    for one, target in zip(graphs, called):
        condition, x, y = one.constant("c", np.array([True])), one.input("x", F32, (2,)), one.tensor("y", F32, (2,))
        if target is None:
            one.operator("ADD", [x, x], [y], ("AddOptions", {}))
        else:
            one.operator("IF", [condition, x], [y], ("IfOptions", {"then_subgraph_index": target, "else_subgraph_index": target}))
        one.outputs(y)
    return graph.model()


def reads_what_comes_later():
    graph = GraphBuilder()
    x, t, y = graph.input("x", F32, (2,)), graph.tensor("t", F32, (2,)), graph.tensor("y", F32, (2,))
    graph.operator("ADD", [x, t], [y], ("AddOptions", {}))
    graph.operator("ADD", [x, x], [t], ("AddOptions", {}))
    return graph.model([y])


REFUSED_BY_LOAD = {
    "negative shape": (lambda: with_tensor(2, shape=(-1,)), r"tensor 2 \(y\): expected a shape without negative sizes"),
    "constant too small": (
        lambda: replace(add(), buffers=(Buffer(b""), Buffer(b"1234"))),
        r"tensor 1 \(c\): expected 8 bytes in buffer 1 for FLOAT32 \[2\], found 4 bytes",
    ),
    "buffer out of range": (lambda: with_tensor(2, buffer=50), r"tensor 2 \(y\): expected a buffer below 2, found 50"),
    "input out of range": (lambda: with_operator(inputs=(0, 99)), r"operator 0 \(ADD\), inputs: .* from -1 to 2, found 99"),
    "input below -1": (lambda: with_operator(inputs=(0, -2)), r"operator 0 \(ADD\), inputs: .* from -1 to 2, found -2"),
    "absent output": (lambda: with_operator(outputs=(-1,)), r"operator 0 \(ADD\), outputs: .* from 0 to 2, found -1"),
    "opcode out of range": (lambda: with_operator(opcode_index=3), r"operator 0: opcode_index is 3, expected below 1"),
    "graph input out of range": (lambda: with_subgraph(inputs=(7,)), r"subgraph 0, inputs: .* from 0 to 2, found 7"),
    "graph input -1": (lambda: with_subgraph(inputs=(0, -1)), r"subgraph 0, inputs: .* found -1"),
}
REFUSED_BY_LOAD_ALONE = {  # LiteRT computes the shape anew and never looks
    "shape beyond NumPy": (lambda: with_tensor(2, shape=(1 << 30, 0, 1 << 30)), "less than 2..58 elements"),
    "rank beyond NumPy": (lambda: with_tensor(2, shape=(1,) * 65), "at most 64 dimensions"),
}
REFUSED_BY_CHECK = {
    "scale without zero point": (
        lambda: quantized([1], []),
        r"tensor 2 \(y\): .* as many zero points as scales, 1, found 0",
    ),
    "two scales, one zero point": (lambda: quantized([1, 1], [0]), "expected as many zero points as scales, 2, found 1"),
    "quantized dimension": (lambda: quantized([1], [0], 1), "expected a quantized_dimension below 1, the rank, found 1"),
    "negative quantized dimension": (lambda: quantized([1], [0], -1), "quantized_dimension below 1, the rank, found -1"),
    "three scales for two channels": (lambda: quantized([1, 1, 1], [0] * 3), "expected 1 scale or 2, .* found 3"),
    "variable with data": (lambda: with_tensor(1, is_variable=True), "expected a variable without data, found buffer 1"),
    "schema version": (lambda: replace(add(), version=2), "schema version is 2, expected 3"),
    "no subgraph": (lambda: replace(add(), subgraphs=()), "no subgraph"),
    "output is input": (lambda: with_operator(outputs=(0,)), r"operator 0 \(ADD\): expected outputs that are no inputs"),
    "output is constant": (lambda: with_operator(inputs=(0, 0), outputs=(1,)), r"no constants, found tensor 1 \(c\)"),
    "never computed": (lambda: with_operator(inputs=(0, 2), outputs=()), r"an earlier operator computes, found tensor 2 \(y\)"),
    "calls itself": (lambda: calls(1, 1), r"subgraph 1: .* do not call themselves, found 1 \(sub1\) -> 1 \(sub1\)"),
    "call out of range": (lambda: calls(1, 5), r"subgraph 1, operator 0 \(IF\): expected to call a subgraph below 2, found 5"),
}
REFUSED_BY_US_ALONE = {
    "two operators write one tensor": (
        lambda: with_subgraph(operators=(*add().subgraphs[0].operators,) * 2),
        r"operator 1 \(ADD\): .* nor written before, found tensor 2 \(y\)",
    ),
    "calls each other": (lambda: calls(1, 2, 1), r"found 1 \(sub1\) -> 2 \(sub2\) -> 1 \(sub1\)"),
    "computed later": (reads_what_comes_later, r"operator 0 \(ADD\): .*an earlier operator computes, found tensor 1 \(t\)"),
    "scale of zero": (
        lambda: quantized([0], [0], type_=I8),
        r"tensor 2 \(y\): .* positive and finite, found 0.0",
    ),
    "scale below zero": (lambda: quantized([-1], [0], type_=I8), "found -1.0"),
    "scale is no number": (lambda: quantized([np.nan], [0], type_=I8), "found nan"),
    "scale without end": (lambda: quantized([np.inf], [0], type_=I8), "found inf"),
    "zero point beyond int32": (
        lambda: quantized([1], [1 << 40], type_=I8),
        "fit into int32, found 1099511627776",
    ),
    "tensor of an exabyte": (
        lambda: with_tensor(2, shape=(1 << 30, 1 << 27)),
        r"2147483648 bytes \(Limits.max_tensor_bytes\)",
    ),
}
ACCEPTED = {
    "the model itself": add,
    "zero point without scale": lambda: quantized([], [0]),
    "negative scale of floats": lambda: quantized([-1], [0]),
    "constant too large": lambda: replace(add(), buffers=(Buffer(b""), Buffer(bytes(12)))),
    "a chain of calls": lambda: calls(1, 2, None),
    "two calls of the same": lambda: calls(2, 2, None),
}


def unchecked(model, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(writer, "check_integrity", lambda _: None)
        return write(model)


@pytest.mark.parametrize("name", REFUSED_BY_LOAD | REFUSED_BY_LOAD_ALONE)
def test_load_refuses(name, monkeypatch):
    make, message = (REFUSED_BY_LOAD | REFUSED_BY_LOAD_ALONE)[name]
    with pytest.raises(InvalidModel, match=message):
        load(unchecked(make(), monkeypatch))


@pytest.mark.parametrize("name", (REFUSED_BY_CHECK | REFUSED_BY_US_ALONE))
def test_check_refuses_what_load_lets_pass(name):
    make, message = (REFUSED_BY_CHECK | REFUSED_BY_US_ALONE)[name]
    model = load(write(make()))
    with pytest.raises(InvalidModel, match=message):
        check(model)


@pytest.mark.parametrize("name", ACCEPTED)
def test_check_accepts(name):
    check(load(write(ACCEPTED[name]())))


def test_litert_refuses_what_load_and_check_refuse(run_litert, monkeypatch):
    cases = REFUSED_BY_LOAD | REFUSED_BY_CHECK
    for name, answer in zip(cases, run_litert([unchecked(make(), monkeypatch) for make, _ in cases.values()])):
        assert isinstance(answer, str), name


def test_litert_runs_what_check_accepts(run_litert):
    for name, answer in zip(ACCEPTED, run_litert([write(make()) for make in ACCEPTED.values()])):
        assert not isinstance(answer, str), (name, answer)


@pytest.mark.parametrize("sample", RUNNABLE)
def test_the_samples_can_be_run(sample):
    check(sample())


@pytest.mark.parametrize("path", SHARED_MODELS or [None], ids=lambda path: path.stem if path else "")
def test_real_models_can_be_run(path):
    if path is None:
        pytest.skip("no shared models here")
    model = load(path)
    if path.stem == "person_detect":  # LiteRT refuses it, TFLM runs it
        with pytest.raises(InvalidModel, match="quantized_dimension"):
            check(model)
    check(model, litert=path.stem != "person_detect")


def test_constants_of_zeros_may_have_a_scale_of_zero():
    model = convolution()
    graph = model.subgraphs[0]
    weights = graph.tensors[1]
    scales = np.array([0.02, 0], np.float32)
    tensors = (graph.tensors[0], replace(weights, quantization=replace(weights.quantization, scale=scales)), *graph.tensors[2:])
    check(replace(model, subgraphs=(replace(graph, tensors=tensors),)))


def test_all_tensors_together_are_bounded():
    with pytest.raises(InvalidModel, match="max_total_bytes"):
        check(add(), limits=Limits(max_total_bytes=20))


def test_a_tensor_without_elements_needs_no_value():
    graph = GraphBuilder()
    x, shape, y = graph.input("x", F32, (1,)), graph.tensor("shape", I32, (0,)), graph.tensor("y", F32, ())
    graph.operator("RESHAPE", [x, shape], [y], ("ReshapeOptions", {}))
    check(graph.model([y]))


def test_every_integer_type_of_quantized_values_is_checked():
    for type_ in (TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT4, TensorType.INT2, TensorType.UINT4):
        graph = GraphBuilder()
        graph.input("x", type_, (2,), scale=-1)
        with pytest.raises(InvalidModel, match="positive and finite"):
            check(graph.model([]))
