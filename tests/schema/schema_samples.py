"""Small models that between them use every field of the schema that qref keeps, and the models of other projects at hand."""

import pathlib
from dataclasses import replace

import numpy as np

from qref.schema import (
    Buffer,
    DimensionMetadata,
    GraphBuilder,
    Model,
    Options,
    Quantization,
    Sparsity,
    TensorType,
)

SHARED = pathlib.Path(__file__).resolve().parents[2].parent / "shared"
SHARED_MODELS = sorted(SHARED.rglob("*.tflite")) if SHARED.exists() else []
F32, I8, I32, BOOL = TensorType.FLOAT32, TensorType.INT8, TensorType.INT32, TensorType.BOOL


def convolution() -> Model:
    rng = np.random.default_rng(1)
    graph = GraphBuilder()
    x = graph.input("x", I8, (1, 5, 4, 3), scale=0.1, zero_point=3)
    scales = np.array([0.02, 0.03], np.float32)
    w = graph.constant("w", rng.integers(-127, 128, (2, 3, 3, 3), dtype=np.int8), scale=scales, quantized_dimension=0)
    b = graph.constant("b", rng.integers(-999, 999, 2, dtype=np.int32), scale=np.float32(0.1) * scales)
    y = graph.tensor("y", I8, (1, 5, 4, 2), scale=0.5, zero_point=-7)
    graph.operator("CONV_2D", [x, w, b], [y], ("Conv2DOptions", {"stride_w": 1, "stride_h": 1}), version=3)
    return graph.model([y], description="one convolution")


def fully_connected_int4() -> Model:
    graph = GraphBuilder()
    x = graph.input("x", I8, (1, 4), scale=0.1)
    w = graph.constant("w", np.array([[-8, 7, 0, -1], [1, 2, 3, 4]], np.int8), TensorType.INT4, scale=0.5)
    y = graph.tensor("y", I8, (1, 2), scale=1.0)
    graph.operator("FULLY_CONNECTED", [x, w, None], [y], ("FullyConnectedOptions", {}), version=7)
    return graph.model([y])


def branches() -> Model:
    """IF and WHILE over three further subgraphs, with a signature on two of them."""
    graph = GraphBuilder()
    condition, x = graph.input("condition", BOOL, (1,)), graph.input("x", F32, (2,))
    y, z = graph.tensor("y", F32, (2,)), graph.tensor("z", F32, (2,))
    double, negate, below = graph.subgraph("double"), graph.subgraph("negate"), graph.subgraph("below")
    a, b = double.input("a", F32, (2,)), double.tensor("b", F32, (2,))
    double.operator("ADD", [a, a], [b], ("AddOptions", {}))
    double.outputs(b)
    a, b = negate.input("a", F32, (2,)), negate.tensor("b", F32, (2,))
    negate.operator("NEG", [a], [b], ("NegOptions", {}))
    negate.outputs(b)
    a, c, d = below.input("a", F32, (2,)), below.tensor("c", BOOL, (1,)), below.tensor("d", F32, (1,))
    axis, limit = below.constant("axis", np.array([0], np.int32)), below.constant("limit", np.array([1000], np.float32))
    below.operator("REDUCE_MAX", [a, axis], [d], ("ReducerOptions", {"keep_dims": True}))
    below.operator("LESS", [d, limit], [c], ("LessOptions", {}), version=2)
    below.outputs(c)
    graph.operator("IF", [condition, x], [y], ("IfOptions", {"then_subgraph_index": 1, "else_subgraph_index": 2}))
    square = graph.tensor("square", F32, (2,))
    graph.operator("MUL", [y, y], [square], ("MulOptions", {}))
    graph.operator("WHILE", [square], [z], ("WhileOptions", {"cond_subgraph_index": 3, "body_subgraph_index": 1}))
    graph.signature("serve", {"condition": condition, "x": x}, {"z": z})
    double.signature("double", {"a": 0}, {"b": 1})
    return graph.model([z])


def external() -> Model:
    graph = GraphBuilder()
    x = graph.input("x", F32, (3,))
    first = graph.constant("first", np.array([1, 2, 3], np.float32), external=True)
    second = graph.constant("second", np.array([[10], [20]], np.float32), external=True)
    inside = graph.constant("inside", np.array([100], np.float32))
    tensors = [x, first, second, inside]
    for number, constant in enumerate(tensors[1:]):
        shape = (3,) if number == 0 else (2, 3)
        tensors.append(graph.tensor(f"sum{number}", F32, shape))
        graph.operator("ADD", [tensors[-2] if number else x, constant], [tensors[-1]], ("AddOptions", {}))
    return graph.model([tensors[-1]])


def csr(segments, indices, dtype=np.int32) -> DimensionMetadata:
    return DimensionMetadata(1, 0, np.array(segments, dtype), np.array(indices, dtype))


def densify(values, shape, sparsity, dtype=np.float32) -> Model:
    """A sparse constant behind DENSIFY, which LiteRT runs."""
    graph = GraphBuilder()
    x = graph.input("x", F32, shape)
    values = np.asarray(values, dtype)
    type_ = {"float32": F32, "int8": I8}[values.dtype.name]
    sparse = graph.constant("sparse", np.zeros(shape, dtype), type_, data=values.tobytes(), sparsity=sparsity)
    dense, y = graph.tensor("dense", type_, shape), graph.tensor("y", F32, shape)
    graph.operator("DENSIFY", [sparse], [dense], ("DensifyOptions", {}))
    graph.operator("ADD", [x, dense if type_ is F32 else x], [y], ("AddOptions", {}))
    return graph.model([y, dense])


def sparse_rows() -> Model:
    """Dense rows, CSR columns: [[0, 1, 0, 0], [2, 0, 0, 3], [0, 0, 0, 0]]."""
    return densify([1, 2, 3], (3, 4), Sparsity((0, 1), (), (DimensionMetadata(0, 3), csr([0, 1, 3, 3], [1, 0, 3]))))


def sparse_blocks() -> Model:
    """1x2 blocks of an int8 matrix, stored column by column."""
    levels = (csr([0, 2], [0, 1], np.uint8), csr([0, 1, 3], [1, 0, 2], np.uint16), DimensionMetadata(0, 2))
    return densify([1, 2, 3, 4, 5, 6], (3, 4), Sparsity((1, 0, 2), (1,), levels), np.int8)


def strings() -> Model:
    graph = GraphBuilder()
    x = graph.input("x", F32, (1,))
    graph.constant("words", np.array([["quantized", ""], [b"\xff\x00", "größer"]], object))
    y = graph.tensor("y", F32, (1,))
    graph.operator("ADD", [x, x], [y], ("AddOptions", {}))
    return graph.model([y])


def everything() -> Model:
    """Fields that few files use; LiteRT loads no such file, the schema allows it."""
    graph = GraphBuilder("naïve \udcff")
    details = Options("BlockwiseQuantization", {"scales": 2, "zero_points": -1, "block_size": 32, "block_shape": (1, 32)})
    custom = Options("CustomQuantization", {"custom": b"\x01\x02"})
    empty, full = np.zeros(0, np.float32), np.array([1.5, np.nan], np.float32)
    x = graph.input(
        "x",
        F32,
        (1, 2),
        quantization=Quantization(empty, np.zeros(0, np.int64), 3, full, -full, details),
        shape_signature=(-1, 2),
        has_rank=True,
        variant_tensors=(Options("VariantSubType", {"shape": (2,), "type": 9, "has_rank": True}),),
        external_buffer=7,
    )
    y = graph.tensor("y", F32, (1, 2), quantization=Quantization(full[:1], np.array([-(1 << 62)]), -1, details=custom))
    v = graph.variable("state", I8, (2,), scale=0.5)
    scalar = graph.constant("scalar", np.float32(2), shape_signature=())
    graph.operator(
        "CUSTOM",
        [x, None, scalar],
        [y],
        version=5,
        custom_code="Mine",
        custom_options=b"\x00\x01",
        intermediates=[v, -1],
        mutating_variable_inputs=[True, False, True],
    )
    attributes = {"name": "norm", "decomposition_subgraph_index": 1, "composite_attributes": b"\x04", "version": -2}
    graph.operator("STABLEHLO_COMPOSITE", [x], [y], ("StableHLOCompositeOptions", attributes))
    graph.operator("STABLEHLO_CASE", [x], [y], ("StablehloCaseOptions", {"branch_subgraph_indices": [1, 1]}))
    graph.operator("FULLY_CONNECTED", [x], [y], ("FullyConnectedOptions", {"quant_spec": b"\x05", "keep_num_dims": True}))
    graph.operator("BUCKETIZE", [x], [y], ("BucketizeOptions", {"boundaries": [0.1, float("inf")]}))
    graph.operator("UNKNOWN_4711", [x], [y], version=-1)
    graph.subgraph("norm")
    graph.metadata("min_runtime_version", b"2.3.0")
    model = graph.model([y], description="everything")
    main = replace(
        model.subgraphs[0],
        debug_metadata_index=4,
        operators=tuple(
            replace(op, debug_metadata_index=op.index, custom_options_format=0) for op in model.subgraphs[0].operators
        ),
    )
    return replace(
        model,
        subgraphs=(main, *model.subgraphs[1:]),
        buffers=(*model.buffers, Buffer(b"far away", external=True), Buffer(b"", external=True)),
        metadata_buffer=(1, -5),
        external_buffer_groups=(Options("ExternalBufferGroup", {"name": "weights.bin"}),),
        external_buffers=(
            Options("ExternalBuffer", {"id": 7, "group": 0, "offset": 1 << 63, "length": 12, "packing": "unpacked"}),
        ),
    )


RUNNABLE = [convolution, fully_connected_int4, branches, external, sparse_rows, sparse_blocks, strings]
SAMPLES = [*RUNNABLE, everything]
