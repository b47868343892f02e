"""Models of what converters write seldom or never, for the text of tf.lite's Analyzer."""

import flatbuffers
import numpy as np

from qref.schema import GraphBuilder, TensorType, write
from qref.schema.layout import layout
from qref.schema.tree import model_tree
from qref.schema.verifier import FILE_IDENTIFIER
from qref.schema.writer import _Packer

NAN = np.array([0x7FC00000, 0xFFC00000], np.uint32).view(np.float32)


def pack(tree):
    """The file of a tree, which can hold what no Model tells: whether a field is absent or empty."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_Packer(builder).table(layout("Model"), tree), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


def constants():
    """A constant of every type, short and long ones, and an operator that reads them all."""
    graph = GraphBuilder()
    x = graph.input("x", TensorType.FLOAT32, (1,))
    floats = [1e-5, 123456.0, 1234567.0, 1e30, 0.1]
    read = [
        graph.constant("floats", np.array(floats, np.float32)),
        graph.constant("more floats", np.array([np.inf, -np.inf, *NAN, -0.0, 1], np.float32)),
        graph.constant("limits", np.array([-(2**31), 2**31 - 1, 0], np.int32)),
        graph.constant("unsigned", np.array([2**32 - 1] * 6, np.uint32)),
        graph.constant("scalar", np.int32(7)),
        graph.constant("none", np.zeros((0,), np.int32), data=b""),
        graph.constant("bytes", np.arange(-128, 128, dtype=np.int8)[::51]),
        graph.constant("letters", np.frombuffer(b"a,\nb\tc", np.uint8)),
        graph.constant("strings", np.array([b"one", b"two"], object), TensorType.STRING),
        graph.constant("too short", np.zeros(0, np.float32), data=b"abc"),
        -1,
        graph.tensor("computed", TensorType.INT32, (2,)),
    ]
    for dtype in (np.float16, np.int64, np.bool_, np.int16, np.complex64, np.float64, np.complex128, np.uint64, np.uint16):
        read.append(graph.constant(np.dtype(dtype).name, np.ones(1, dtype)))
    for type_ in (TensorType.INT4, TensorType.BFLOAT16, TensorType.INT2, TensorType.UINT4):
        read.append(graph.constant(type_.name, np.ones(3, np.float32 if type_ is TensorType.BFLOAT16 else np.int8), type_))
    y = graph.tensor("y", TensorType.FLOAT32, (1,))
    graph.operator("CUSTOM", [x, *read], [y], custom_code="My [bold]Op[/]\x1b[31m\tü")
    return write(graph.model(outputs=[y]))


def control_flow():
    """Operators that call subgraphs, in several subgraphs, with names that are not ASCII."""
    graph = GraphBuilder("")
    x, c = graph.input("größe", TensorType.FLOAT32, (1, 2), shape_signature=(-1, 2)), graph.input("c\x00d", TensorType.BOOL)
    body, start = graph.subgraph("body\x07\n"), graph.subgraph("start")
    for each, constant in ((body, [1.5, 2.5]), (start, [0, 0])):
        a, b = each.input("a", TensorType.FLOAT32, (1, 2)), each.constant("k", np.array([constant], np.float32))
        n = each.constant("n", np.array([3, 4], np.int32))
        out = each.tensor("b" * 3000, TensorType.FLOAT32, (1, 2))
        each.operator("ADD", [a, b, n, -1], [out], ("AddOptions", {}))
        each.outputs(out)
    ys = [graph.tensor(f"y{i}", TensorType.FLOAT32, (1, 2)) for i in range(2)]
    graph.operator("CALL_ONCE", [], [], ("CallOnceOptions", {"init_subgraph_index": 2}))
    graph.operator("IF", [c, x], [ys[0]], ("IfOptions", {"then_subgraph_index": 1, "else_subgraph_index": 2}))
    graph.operator("WHILE", [ys[0]], [ys[1]], ("WhileOptions", {"cond_subgraph_index": 2, "body_subgraph_index": 1}))
    graph.outputs(*ys)
    graph.signature("", {"größe": x}, {})
    body.signature("second\x1b", {}, {"out": 2})
    return write(graph.model())


def zeros():
    """Most of the file is zeros, which the text remarks on; the first subgraph has no operators."""
    graph = GraphBuilder()
    x = graph.input("x", TensorType.INT8, ())
    graph.constant("zeros", np.zeros(5000, np.int8))
    graph.constant("again", np.zeros(3, np.int32))
    return write(graph.model(outputs=[x]))


def absent():
    """No names, shapes, inputs or outputs, and data that are there but empty."""
    graph = GraphBuilder()
    x, n = graph.input("x", TensorType.INT32, ()), graph.constant("n", np.array([1], np.int32))
    y = graph.tensor("y", TensorType.INT32, (3,), shape_signature=())
    graph.operator("NEG", [x, n], [y])
    tree = model_tree(graph.model(outputs=[y]), [])
    tree["buffers"][n]["data"] = b""
    (subgraph,) = tree["subgraphs"]
    subgraph["inputs"] = subgraph["outputs"] = None
    subgraph["name"] = b""
    first, second, _ = subgraph["tensors"]
    first["shape"] = first["name"] = None
    second["shape"], second["name"] = (), b""
    return pack(tree)


def unknown():
    """An operator that is newer than any schema."""
    graph = GraphBuilder()
    x, y = graph.input("x", TensorType.FLOAT32, (2,)), graph.tensor("y", TensorType.FLOAT32, (2,))
    graph.operator("UNKNOWN_4711", [x], [y])
    return write(graph.model(outputs=[y]))


def refused():
    """What qref.load refuses: a type that is too new, a shape of -1, a buffer too short, intermediates that are not there."""
    graph = GraphBuilder()
    x, w = graph.input("x", TensorType.INT32, (1, 2)), graph.constant("w", np.array([1, 2, 3, 4, 5, 6, 7], np.int32))
    y, z = graph.constant("y", np.zeros(6), TensorType.FLOAT8_E5M2), graph.constant("z", np.zeros(3, np.int8))
    graph.operator("ADD", [x, w, y], [z])
    tree = model_tree(graph.model(outputs=[z]), [])
    (subgraph,) = tree["subgraphs"]
    first, second, _, last = subgraph["tensors"]
    first["shape"], second["shape"], last["type"] = (-1, 2), (9,), 99
    subgraph["operators"][0]["intermediates"] = (77,)
    subgraph["outputs"] = (66,)
    return pack(tree)


def empty():
    """No subgraphs at all."""
    return pack({"version": 3, "operator_codes": [], "subgraphs": [], "buffers": [{"data": None}], "description": b""})


def behind():
    """A constant that lies behind the flatbuffer, which the text takes for none."""
    graph = GraphBuilder()
    x, w = graph.input("x", TensorType.INT32, (4,)), graph.constant("w", np.arange(4, dtype=np.int32), external=True)
    y = graph.tensor("y", TensorType.INT32, (4,))
    graph.operator("ADD", [x, w], [y], ("AddOptions", {}))
    return write(graph.model(outputs=[y]))


ODD_MODELS = {make.__name__: make for make in (constants, control_flow, zeros, absent, unknown, refused, empty, behind)}
