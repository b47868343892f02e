"""What tf.lite.experimental.Analyzer prints, character by character: the text of TensorFlow 2.21.

It is written from the file's tables themselves, not from a Model: it tells an absent shape, name or buffer from an empty one.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from qref.schema import InvalidModel, Limits, TensorType, builtin_name
from qref.schema.enums import CUSTOM
from qref.schema.verifier import Tree, verify

VERSION = "2.21.0"  # of TensorFlow, which its text names
SHOWN = 5  # elements of a constant
RULE = "-" * 63
WASTEFUL = 10  # percent of zeros in a file, from which on it is told how to avoid them
CALLED = {  # operators that name subgraphs: the text before each, and the option that holds it
    "CALL_ONCE": (("", "init_subgraph_index"),),
    "IF": ((", Then: ", "then_subgraph_index"), (", Else: ", "else_subgraph_index")),
    "WHILE": ((", Cond: ", "cond_subgraph_index"), (", Body: ", "body_subgraph_index")),
}


def tflite_text(content: bytes, *, gpu_compatibility: bool = False, limits: Limits | None = None) -> str:
    """The text for a file, also one that `qref.load` refuses, without the first line and what `print` adds.

    content            the file's bytes
    gpu_compatibility  with the sentence on the GPU delegate, which TensorFlow 2.21 prints for every model: it has no rule left
    Raises InvalidModel where the file is damaged, or refers to tensors or operator codes that are not there.
    """
    model = verify(content, limits)
    parts = [_summary(model)]
    parts += [_subgraph(model, index) for index in range(len(model["subgraphs"] or ()))]
    parts += [_GPU] if gpu_compatibility else []
    parts += [_signatures(model["signature_defs"] or ()), _sizes(model, len(content))]
    return _printable("".join(parts))


_GPU = f"""
Your model looks compatible with GPU delegate on TFLite runtime version {VERSION}.
This does not guarantee that your model will work well with GPU delegate because there could still be runtime incompatibililties.
"""


def _printable(text: str) -> str:
    """Whatever is neither printable ASCII nor a line's end as a full stop; each character stands for one byte."""
    return "".join(c if c == "\n" or " " <= c <= "~" else "." for c in text)


def _at(what: str, items: list[Tree] | None, index: int) -> Tree:
    count = len(items or ())
    if items is None or not 0 <= index < count:
        raise InvalidModel(
            f"{what} is {index}, expected below {count}, as many as there are; the file is damaged: convert it again"
        )
    return items[index]


def _text(value: bytes | None) -> str:
    """A string of the file with one character for each byte."""
    return "" if value is None else value.decode("latin-1")


def _list(vector: Any) -> list[Any]:
    return [] if vector is None else list(vector)


def _summary(model: Tree) -> str:
    subgraphs = model["subgraphs"] or ()
    text = f"Your TFLite model has '{len(subgraphs)}' subgraph(s). In the subgraph description below,\n"
    text += "T# represents the Tensor numbers. "
    if not subgraphs or not subgraphs[0]["operators"]:
        return text
    first = subgraphs[0]["operators"][0]
    inputs, outputs = (" and ".join(f"tensor #{i}" for i in _list(first[key])) for key in ("inputs", "outputs"))
    taken = f"the {_operator_name(model, first)} op takes\n{inputs} as input and produces {outputs} as output.\n\n"
    return f"{text}For example, in Subgraph#0, {taken}"


def _subgraph(model: Tree, index: int) -> str:
    subgraph = model["subgraphs"][index]
    name = "" if subgraph["name"] is None else f" {_text(subgraph['name'])}"
    inputs, outputs = (_tensors(subgraph[key], index) for key in ("inputs", "outputs"))
    lines = [f"Subgraph#{index}{name}({inputs}) -> [{outputs}]"]
    lines += [_operator(model, index, number, operator) for number, operator in enumerate(subgraph["operators"] or ())]
    lines += ["", f"Tensors of Subgraph#{index}"]
    lines += [_tensor(model, index, number, tensor) for number, tensor in enumerate(subgraph["tensors"] or ())]
    return "".join(f"{line}\n" for line in [*lines, ""])


def _operator(model: Tree, subgraph: int, number: int, operator: Tree) -> str:
    name = _operator_name(model, operator)
    constants = functools.partial(_inlined, model, subgraph)
    inputs, outputs = _tensors(operator["inputs"], subgraph, constants), _tensors(operator["outputs"], subgraph)
    return f"  Op#{number} {name}({inputs}{_called(name, operator)}) -> [{outputs}]"


def _operator_name(model: Tree, operator: Tree) -> str:
    """The builtin operator's name, "" if its code is too new; a custom operator's own."""
    code = _at("an operator's opcode_index", model["operator_codes"], operator["opcode_index"])
    builtin = max(code["builtin_code"], code["deprecated_builtin_code"])
    if builtin == CUSTOM:
        return _text(code["custom_code"])
    name = builtin_name(builtin)
    return "" if name.startswith("UNKNOWN_") else name


def _called(name: str, operator: Tree) -> str:
    options = operator["builtin_options"]
    values = (options and options.values) or {}
    return "".join(f"{before}Subgraph#{values.get(option, 0)}" for before, option in CALLED.get(name, ()))


def _tensors(indices: Iterable[int] | None, subgraph: int, after: Callable[[int], str] = lambda index: "") -> str:
    return ", ".join(f"{_tensor_name(i, subgraph)}{after(i)}" for i in _list(indices))


def _tensor_name(index: int, subgraph: int) -> str:
    return f"T#{subgraph}_{index}" if subgraph and index != -1 else f"T#{index}"


def _inlined(model: Tree, subgraph: int, index: int) -> str:
    """The first elements of an INT32 constant, as they follow it in an operator's inputs."""
    tensor = None if index == -1 else _at("an operator's input", model["subgraphs"][subgraph]["tensors"], index)
    data = _data(model, tensor) if tensor is not None and tensor["type"] == TensorType.INT32 else None
    return "" if data is None else _elements(data, TensorType.INT32)


def _data(model: Tree, tensor: Tree) -> np.ndarray | None:
    """The bytes of a tensor's buffer; None where it has no data at all."""
    index = tensor["buffer"]
    return model["buffers"][index]["data"] if 0 < index < len(model["buffers"] or ()) else None


def _tensor(model: Tree, subgraph: int, number: int, tensor: Tree) -> str:
    name = "" if tensor["name"] is None else f"({_text(tensor['name'])}) "
    text = f"  {_tensor_name(number, subgraph)}{name}{_shape(tensor)}, type:{_type_name(tensor['type'])}"
    data = _data(model, tensor)
    if data is None or not len(data):
        return text
    return f"{text} RO {len(data)} bytes, buffer: {tensor['buffer']}, data:{_elements(data, tensor['type'])}"


def _type_name(type: int) -> str:
    """The name of a type that TensorFlow 2.21 knows, else ""."""
    return TensorType(type).name if 0 <= type <= TensorType.UINT4 else ""


def _shape(tensor: Tree) -> str:
    for key in ("shape_signature", "shape"):
        if tensor[key] is not None:
            return f"{key}:[{', '.join(map(str, tensor[key]))}]"
    return "shape:n/a"


def _elements(data: np.ndarray, type: int) -> str:
    """The first elements as a C++ stream prints them: a character for each of 8 bits, "??" for each byte of most other types."""
    count = len(data) // (4 if type in (TensorType.INT32, TensorType.UINT32, TensorType.FLOAT32) else 1)
    shown = list(_first(data, type, min(SHOWN, count)))
    return f"[{', '.join(shown)}{', ...' if count > SHOWN else ''}]"


def _first(data: np.ndarray, type: int, count: int) -> Iterator[str]:
    if type in (TensorType.INT32, TensorType.UINT32):
        return map(str, data[: 4 * count].view("<i4" if type == TensorType.INT32 else "<u4").tolist())
    if type == TensorType.FLOAT32:
        return map(_float, data[: 4 * count].view("<f4"))
    if type in (TensorType.INT8, TensorType.UINT8, TensorType.STRING):
        return map(chr, data[:count].tolist())
    return iter(["??"] * count)


def _float(value: np.float32) -> str:
    """Six digits, as C's %g; a NaN with its sign."""
    return f"{'-' if np.signbit(value) else ''}nan" if np.isnan(value) else f"{float(value):g}"


def _signatures(signatures: Iterable[Tree]) -> str:
    blocks = [_signature(number, signature) for number, signature in enumerate(signatures)]
    return f"{RULE}\nYour TFLite model has '{len(blocks)}' signature_def(s).\n\n{''.join(blocks)}" if blocks else ""


def _signature(number: int, signature: Tree) -> str:
    subgraph = signature["subgraph_index"]
    lines = [f"Signature#{number} key: '{_text(signature['signature_key'])}'", f"- Subgraph: Subgraph#{subgraph}"]
    for title, key in (("- Inputs: ", "inputs"), ("- Outputs: ", "outputs")):
        lines.append(title)
        lines += [f"    '{_text(e['name'])}' : {_tensor_name(e['tensor_index'], subgraph)}" for e in signature[key] or ()]
    return "".join(f"{line}\n" for line in [*lines, ""])


def _sizes(model: Tree, size: int) -> str:
    buffers = [buffer["data"] for buffer in model["buffers"] or () if buffer["data"] is not None]
    total, zeros = sum(map(len, buffers)), sum(len(data) for data in buffers if not np.any(data))
    rest = ctypes.c_size_t(size - total).value  # buffers can share bytes
    lines = [RULE, f"{'Model size':>24}: {size:10} bytes"]
    lines += [_size("Non-data buffer size", rest, size), _size("Total data buffer size", total, size)]
    subgraphs = model["subgraphs"] or ()
    if len(subgraphs) > 1:
        used = (sum(map(len, _constants(model, subgraph))) for subgraph in subgraphs)
        lines += [_size(f"          - {f'Subgraph#{i}':<12}", bytes, size) for i, bytes in enumerate(used)]
    lines.append(_size("(Zero value buffers)", zeros, size))
    return "\n".join(lines) + f"\n\n{_footnote(bool(_percent(zeros, size) > WASTEFUL))}"


def _constants(model: Tree, subgraph: Tree) -> Iterator[np.ndarray]:
    """The data of each of a subgraph's tensors, those of a shared buffer each time."""
    found = (_data(model, tensor) for tensor in subgraph["tensors"] or ())
    return (data for data in found if data is not None)


def _size(title: str, bytes: int, size: int) -> str:
    return f"{title:>24}: {bytes:10} bytes ({_percent(bytes, size):05.2f} %)"


def _percent(bytes: int, size: int) -> np.float32:
    return np.float32(bytes) / np.float32(size) * np.float32(100)


def _footnote(wasteful: bool) -> str:
    lines = [
        "* Buffers of TFLite model are mostly used for constant tensors.",
        "  And zero value buffers are buffers filled with zeros.",
    ]
    if wasteful:
        lines.append("  (Consider use `converter._experimental_unfold_large_splat_constant` to save the model size.)")
    lines += [
        "  Non-data buffers area are used to store operators, subgraphs and etc.",
        "  You can find more details from https://github.com/tensorflow/tensorflow/blob/master/tensorflow/lite/schema/schema.fbs",
    ]
    return "".join(f"{line}\n" for line in lines)
