"""Dumped tensors in every format, and every way in which a dump can be wrong."""

import numpy as np
import pytest

import qref
from qref.compare.diff import diff
from qref.compare.dump import read_dump
from qref.schema import GraphBuilder, TensorType


@pytest.fixture(scope="module")
def model():
    graph = GraphBuilder()
    x = graph.input("in/x:0", TensorType.INT8, (2, 3), scale=0.5)
    y = graph.tensor("y", TensorType.FLOAT32, (2, 3))
    z = graph.tensor("z", TensorType.FLOAT32, (2, 3))
    c = graph.constant("c", np.float32([1, 2, 3]))
    graph.operator("DEQUANTIZE", [x], [y], version=2)
    graph.operator("ADD", [y, c], [z], ("AddOptions", {}))
    return graph.model(outputs=[z])


@pytest.fixture
def tensors(model):
    interpreter = qref.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, np.int8([[-128, -1, 0], [1, 2, 127]]))
    interpreter.invoke()
    return {i: interpreter.get_tensor(i) for i in range(3)}


def reader(model):
    interpreter = qref.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    return interpreter


def hexadecimal(array):
    bits = array.view(f"u{array.itemsize}").ravel()
    return "\n".join(f"{value:0{2 * array.itemsize}x}" for value in bits)


WRITERS = {
    ".npy": lambda path, a: np.save(path, a),
    ".raw": lambda path, a: path.write_bytes(a.tobytes()),
    ".bin": lambda path, a: path.write_bytes(a.tobytes()),
    ".csv": lambda path, a: path.write_text("\n".join(", ".join(map(str, row)) for row in a.tolist()) + "\n"),
    ".txt": lambda path, a: path.write_text(" ".join(map(str, a.ravel().tolist()))),
    ".hex": lambda path, a: path.write_text(hexadecimal(a)),
}


@pytest.mark.parametrize("names", [("in_x_0", "y", "z"), ("0", "1", "2"), ("tensor_0", "tensor_1", "z")])
@pytest.mark.parametrize("kind", WRITERS)
def test_a_folder_of_any_format_holds_the_same_bits(tmp_path, model, tensors, kind, names):
    for name, array in zip(names, tensors.values()):
        WRITERS[kind](tmp_path / f"{name}{kind}", array)
    found = read_dump(tmp_path, reader(model))
    assert {i: a.tobytes() for i, a in found.items()} == {i: a.tobytes() for i, a in tensors.items()}
    assert not diff(model, "litert-reference", str(tmp_path)).differs


def test_an_npz_is_named_by_tensor_names_and_may_hold_the_constants(tmp_path, model, tensors):
    np.savez(tmp_path / "dump.npz", **{"in/x:0": tensors[0], "y": tensors[1], "z": tensors[2], "c": np.float32([1, 2, 3])})
    assert list(read_dump(tmp_path / "dump.npz", reader(model))) == [0, 1, 2]


def test_hexadecimal_numbers_may_have_a_prefix_and_zeros_in_front(tmp_path, model):
    (tmp_path / "0.hex").write_text("0x80, 0xFF 00\n001 2 7f")
    assert read_dump(tmp_path, reader(model))[0].tolist() == [[-128, -1, 0], [1, 2, 127]]


def write_text(name, text):
    return lambda folder: (folder / name).write_text(text)


def write_npy(name, array):
    return lambda folder: np.save(folder / name, array)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (write_npy("other.npy", np.zeros(3)), "'other', which the model has no tensor for"),
        (write_npy("17.npy", np.zeros(3)), "there is no tensor 17; the model has tensors 0 to 3"),
        (
            write_npy("1.npy", np.zeros((3, 2), np.float32)),
            "takes float32 of shape [2, 3]; the dump holds float32 of shape [3, 2]",
        ),
        (write_npy("1.npy", np.zeros((2, 3), np.float64)), "takes float32 of shape [2, 3]; the dump holds float64"),
        (write_npy("y.npy", np.zeros((2, 3), np.float32)), "holds tensor 1 twice, as '1' and 'y'"),
        (write_npy("c.npy", np.float32([1, 2, 4])), "is a constant of the model and has other values"),
        (write_text("1.npy", "nothing"), "cannot read tensor 1 ('y')"),
        (write_text("1.raw", "123"), "it takes 24 bytes, float32 of shape [2, 3]; the file has 3"),
        (write_text("0.csv", "1,2,3"), "it takes 6 elements, shape [2, 3]; the file has 3"),
        (write_text("0.csv", "1,2,3,4,5,128"), "cannot read tensor 0"),
        (write_text("0.csv", "1,2,3,4,5,x"), "cannot read tensor 0"),
        (write_text("0.hex", "0 0 0 100 0 0"), "element 3 is '100'; int8 has at most 2 hexadecimal digits"),
        (write_text("0.hex", "0 0 0 0g 0 0"), "cannot read tensor 0"),
        (write_text("notes.md", "see above"), "notes.md is of an unknown kind; a dump holds .npy, .raw"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, model, tensors, write, message):
    for index, array in tensors.items():
        np.save(tmp_path / f"{index}.npy", array)
    if message.startswith(("it takes", "cannot", "element")):
        (tmp_path / f"{1 if 'tensor 1' in message or 'bytes' in message else 0}.npy").unlink()
    write(tmp_path)
    with pytest.raises(qref.InputError) as caught:
        diff(model, "litert-reference", str(tmp_path))
    assert message in str(caught.value)


def test_an_npz_that_is_none_and_names_of_two_tensors_are_refused(tmp_path, model):
    (tmp_path / "dump.npz").write_bytes(b"PK\3\4 nothing")
    with pytest.raises(qref.InputError, match="cannot read"):
        diff(model, "litert-reference", str(tmp_path / "dump.npz"))
    with (tmp_path / "dump.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(qref.InputError, match=r"a \.npy by its content"):
        diff(model, "litert-reference", str(tmp_path / "dump.npz"))
    with pytest.raises(qref.InputError, match="cannot read"):
        diff(model, "litert-reference", str(tmp_path / "missing.npz"))
    graph = GraphBuilder()
    x = graph.input("a b", TensorType.FLOAT32, (2,))
    y = graph.tensor("a_b", TensorType.FLOAT32, (2,))
    z = graph.tensor("a/b", TensorType.FLOAT32, (2,))
    graph.operator("NEG", [x], [y])
    graph.operator("NEG", [y], [z])
    (tmp_path / "named").mkdir()
    np.save(tmp_path / "named" / "a_b.npy", np.zeros(2, np.float32))
    found = read_dump(tmp_path / "named", reader(graph.model(outputs=[z])))
    assert list(found) == [1]  # the tensor of that very name goes before those whose name is replaced
    graph = GraphBuilder()
    x, y = graph.input("a b", TensorType.FLOAT32, (2,)), graph.tensor("a/b", TensorType.FLOAT32, (2,))
    graph.operator("NEG", [x], [y])
    with pytest.raises(qref.InputError, match="'a_b' may be tensor 0 or 1; name it by its index"):
        read_dump(tmp_path / "named", reader(graph.model(outputs=[y])))
