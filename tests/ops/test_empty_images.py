"""A filter that is one line higher than its image leaves nothing; LiteRT runs such models, and so does every form here."""

import numpy as np
import pytest
from oracle import litert, needs_litert, run_qref

from qref.compare.verify import KERNEL_SET_OF
from qref.schema import GraphBuilder, Padding, TensorType, write

F32, I8, I16, U8 = (TensorType[name] for name in ("FLOAT32", "INT8", "INT16", "UINT8"))
TYPES = {"int8": (I8, I8, np.int32), "uint8": (U8, U8, np.int32), "int16": (I16, I8, np.int64), "float32": (F32, F32, np.float32)}
OPTIONS = {"padding": Padding.VALID, "stride_w": 1, "stride_h": 1}


def gives_litert_s_shape(graph, y, x, kernel_set):
    model, rounds = graph.model(outputs=[y]), [{0: x}]
    (wanted,) = litert(kernel_set).run(write(model), rounds, keep_all=False)
    runtime = next(name for name, its_set in KERNEL_SET_OF.items() if its_set == kernel_set)
    for kernels in ("numba", "numpy"):
        (found,) = run_qref(model, rounds, kernels, runtime)
        assert found[y].shape == wanted[y].shape
        assert not found[y].size


def scaled(type_, scale):
    return {} if type_ == F32 else {"scale": scale}


@needs_litert
@pytest.mark.parametrize("kernel_set", ["reference", "optimized", "xnnpack"])
@pytest.mark.parametrize("channels", [1, 4, 32])
@pytest.mark.parametrize("types", [*TYPES, "hybrid"])
@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_a_convolution_of_nothing_gives_nothing(name, types, channels, kernel_set):
    x_type, w_type, b_type = TYPES.get(types, (F32, I8, np.float32))
    depthwise, graph = name == "DEPTHWISE_CONV_2D", GraphBuilder()
    outputs = channels if depthwise else 8
    shape = (1, 3, 1, channels) if depthwise else (outputs, 3, 1, channels)
    scales = [0.1] * outputs if types == "hybrid" else 0.1
    axis = {"quantized_dimension": 3 if depthwise else 0} if types == "hybrid" else {}
    x = graph.input("x", x_type, (1, 2, 3, channels), **scaled(x_type, 0.5))
    w = graph.constant("w", np.ones(shape, w_type.dtype), **scaled(w_type, scales), **axis)
    b = graph.constant("b", np.ones(outputs, b_type), **scaled(x_type, 0.05))
    y = graph.tensor("y", x_type, (1, 0, 3, outputs), **scaled(x_type, 1.0))
    options = ("DepthwiseConv2DOptions", {**OPTIONS, "depth_multiplier": 1}) if depthwise else ("Conv2DOptions", OPTIONS)
    graph.operator(name, [x, w, b], [y], options, version=3)
    gives_litert_s_shape(graph, y, np.ones((1, 2, 3, channels), x_type.dtype), kernel_set)


@needs_litert
@pytest.mark.parametrize("kernel_set", ["reference", "optimized"])  # XNNPACK gives a line of whatever lies behind the image
@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("name", ["MAX_POOL_2D", "AVERAGE_POOL_2D"])
def test_a_pool_of_nothing_gives_nothing(name, types, kernel_set):
    type_, graph = TYPES[types][0], GraphBuilder()
    x = graph.input("x", type_, (1, 2, 3, 4), **scaled(type_, 0.5))
    y = graph.tensor("y", type_, (1, 0, 3, 4), **scaled(type_, 0.5))
    graph.operator(name, [x], [y], ("Pool2DOptions", {**OPTIONS, "filter_width": 1, "filter_height": 3}), version=2)
    gives_litert_s_shape(graph, y, np.ones((1, 2, 3, 4), type_.dtype), kernel_set)
