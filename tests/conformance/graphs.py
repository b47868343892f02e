"""Operators that need more than their operands: subgraphs, variables, sparse constants, custom options."""

from __future__ import annotations

import numpy as np
from flatbuffers import flexbuffers

from qref.schema import DimensionMetadata, GraphBuilder, Sparsity, TensorType

from .combination import Case, Draw, conformance

BOOL, F32, I32, U8, RESOURCE = TensorType.BOOL, TensorType.FLOAT32, TensorType.INT32, TensorType.UINT8, TensorType.RESOURCE


def turned(graph: GraphBuilder, x: int, y: int, rank: int) -> None:
    """y = x with its dimensions in reverse."""
    graph.operator("TRANSPOSE", [x, graph.constant("order", np.arange(rank, dtype=np.int32)[::-1].copy())], [y])


@conformance("IF", "float32 int8 int32")
def conditional(draw: Draw, name: str, type: TensorType) -> Case:
    shape, graph = draw.shape(1, 3), GraphBuilder()
    condition, x = graph.input("condition", BOOL), graph.input("x", type, shape)
    y = graph.tensor("y", type, shape)
    graph.operator(name, [condition, x], [y], ("IfOptions", {"then_subgraph_index": 1, "else_subgraph_index": 2}))
    graph.outputs(y)
    for branch, factor in (("then", 1), ("else", 2)):
        inner = graph.subgraph(branch)
        a, b = inner.input("a", type, shape), inner.tensor("b", type, [n * factor for n in shape])
        inner.operator("TILE", [a, inner.constant("times", np.full(len(shape), factor, np.int32))], [b])
        inner.outputs(b)
    rounds = [{0: np.array(draw.chance()), 1: draw.values(type, shape)} for _ in range(3)]
    return graph.model(), rounds


@conformance("WHILE", "float32 int32")
def loop(draw: Draw, name: str, type: TensorType) -> Case:
    shape, graph = draw.shape(1, 3), GraphBuilder()
    i, x = graph.input("i", I32, (1,)), graph.input("x", type, shape)
    outputs = graph.tensor("j", I32, (1,)), graph.tensor("y", type, shape)
    graph.operator(name, [i, x], outputs, ("WhileOptions", {"cond_subgraph_index": 1, "body_subgraph_index": 2}))
    graph.outputs(*outputs)
    test, body = graph.subgraph("test"), graph.subgraph("body")
    n, _ = test.input("n", I32, (1,)), test.input("x", type, shape)
    more = test.tensor("more", BOOL, (1,))
    test.operator("LESS", [n, test.constant("limit", np.array([draw.integer(0, 5)], np.int32))], [more], ("LessOptions", {}))
    test.outputs(more)
    n, a = body.input("n", I32, (1,)), body.input("a", type, shape)
    m, b = body.tensor("m", I32, (1,)), body.tensor("b", type, shape)
    body.operator("ADD", [n, body.constant("one", np.array([1], np.int32))], [m], ("AddOptions", {}))
    body.operator("ADD", [a, a], [b], ("AddOptions", {}))
    body.outputs(m, b)
    rounds = [{0: np.array([k], np.int32), 1: draw.values(type, shape)} for k in range(2)]
    return graph.model(), rounds


@conformance("STABLEHLO_COMPOSITE", "float32 int8 int32")
def composite(draw: Draw, name: str, type: TensorType) -> Case:
    shape, graph = draw.shape(1, 3), GraphBuilder()
    x, y = graph.input("x", type, shape), graph.tensor("y", type, shape[::-1])
    attributes = bytes(flexbuffers.Dumps({"k": 1}))
    values = {"name": "mine.turn", "decomposition_subgraph_index": 1, "composite_attributes": attributes}
    graph.operator(name, [x], [y], ("StableHLOCompositeOptions", values))
    graph.outputs(y)
    inner = graph.subgraph("inner")
    a, b = inner.input("a", type, shape), inner.tensor("b", type, shape[::-1])
    turned(inner, a, b, len(shape))
    inner.outputs(b)
    return graph.model(), [{0: draw.values(type, shape)}]


@conformance("VAR_HANDLE ASSIGN_VARIABLE READ_VARIABLE CALL_ONCE", "float32 int8 int32")
def variable(draw: Draw, name: str, type: TensorType) -> Case:
    """y = the x before, at first what CALL_ONCE assigned: the four operators go together."""
    shape, graph = draw.shape(1, 3), GraphBuilder()
    named = ("VarHandleOptions", {"shared_name": "v", "container": ""})
    x, handle, y = graph.input("x", type, shape), graph.tensor("handle", RESOURCE), graph.tensor("y", type, shape)
    graph.operator("CALL_ONCE", [], [], ("CallOnceOptions", {"init_subgraph_index": 1}))
    graph.operator("VAR_HANDLE", [], [handle], named)
    graph.operator("READ_VARIABLE", [handle], [y])
    graph.operator("ASSIGN_VARIABLE", [handle, x], [])
    graph.outputs(y)
    inner = graph.subgraph("init")
    handle = inner.tensor("handle", RESOURCE)
    inner.operator("VAR_HANDLE", [], [handle], named)
    inner.operator("ASSIGN_VARIABLE", [handle, inner.constant("first", draw.values(type, shape))], [])
    inner.outputs()
    return graph.model(), [{0: draw.values(type, shape)} for _ in range(3)]


@conformance("DENSIFY", "float32 float16 int8 int32")
def densify(draw: Draw, name: str, type: TensorType) -> Case:
    graph, rows, columns = GraphBuilder(), draw.integer(1, 5), draw.size()
    whole = draw.rng.integers(1, 9, (rows, columns)).astype(type.dtype) * (draw.rng.random((rows, columns)) < 0.4)
    whole[0, 0] = 1
    ends = np.concatenate([[0], np.cumsum(np.count_nonzero(whole, 1))]).astype(np.int32)
    compressed = DimensionMetadata(1, 0, ends, np.nonzero(whole)[1].astype(np.int32))
    sparsity = Sparsity((0, 1), (), (DimensionMetadata(0, rows), compressed))
    whole = whole.astype(type.dtype)
    x = graph.constant("x", whole, data=whole[whole != 0].tobytes(), sparsity=sparsity)
    y, z = graph.tensor("y", type, (rows, columns)), graph.tensor("z", type, (columns, rows))
    graph.operator(name, [x], [y], ("DensifyOptions", {}))
    turned(graph, y, z, 2)
    return graph.model(outputs=[z]), [{}]  # the delegate leaves y unwritten


@conformance("NumericVerify", "int8 uint8 int16")
def numeric_verify(draw: Draw, name: str, type: TensorType) -> Case:
    graph, shape = GraphBuilder(), draw.shape(1, 4)
    quantization = {"scale": draw.scale(), "zero_point": draw.zero_point(type)}
    x, reference = graph.input("x", type, shape, **quantization), graph.input("reference", F32, shape)
    y = graph.tensor("y", F32, shape)
    options = bytes(flexbuffers.Dumps({"tolerance": 5.0, "log_if_failed": False}))
    graph.operator("CUSTOM", [x, reference], [y], custom_code=name, custom_options=options)
    return graph.model(outputs=[y]), [{0: draw.values(type, shape), 1: draw.values(F32, shape)}]


@conformance("TFLite_Detection_PostProcess", "float32 uint8")
def detection(draw: Draw, name: str, type: TensorType) -> Case:
    """One more box than can be found is never asked for: LiteRT leaves what it did not find undefined."""
    graph, boxes, classes = GraphBuilder(), draw.integer(3, 30), draw.integer(2, 4)
    quantized = type == U8
    codes = graph.input("codes", type, (1, boxes, 4), **({"scale": 0.1, "zero_point": 120} if quantized else {}))
    scores = graph.input("scores", type, (1, boxes, classes), **({"scale": 0.0039, "zero_point": 1} if quantized else {}))
    corners = draw.rng.uniform(0.05, 0.95, (boxes, 4)).astype(np.float32)
    anchors = (
        graph.constant("anchors", (corners * 200).astype(np.uint8), scale=0.005, zero_point=0)
        if quantized
        else graph.constant("anchors", corners)
    )
    outputs = [graph.tensor(part, F32) for part in ("boxes", "classes", "best", "count")]
    options = {
        "max_detections": 1,
        "max_classes_per_detection": 1,
        "detections_per_class": 5,
        "use_regular_nms": draw.chance(),
        "nms_score_threshold": -1.0,
        "nms_iou_threshold": draw.one((0.3, 0.5, 0.9)),
        "num_classes": classes - draw.integer(0, 1),
        **{f"{part}_scale": draw.one((5.0, 10.0)) for part in "yxhw"},
    }
    graph.operator(
        "CUSTOM", [codes, scores, anchors], outputs, custom_code=name, custom_options=bytes(flexbuffers.Dumps(options))
    )
    values = draw.rng.integers(0, 255, (1, boxes, classes)).astype(np.uint8)
    rounds = [{0: draw.values(type, (1, boxes, 4)) if quantized else draw.rng.normal(size=(1, boxes, 4)).astype(np.float32)}]
    rounds[0][1] = values if quantized else (values / np.float32(255)).astype(np.float32)
    return graph.model(outputs=outputs), rounds
