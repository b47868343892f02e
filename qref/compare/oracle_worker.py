"""The other end of qref.compare.oracle: runs a kernel library on requests from standard input, in a process that may abort.

A script of its own, started by its path: it imports nothing of qref, so that it starts fast. A message is its length in eight
bytes, then a pickle. Request: (model bytes, kernel set, rounds, keep_all), rounds being a list of {input position: array}.
Answer: ("ok", [{tensor index: array} for each round]) or ("refused", reason).
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
import warnings
from typing import Any

import numpy as np

Rounds = list[dict[int, np.ndarray]]

RESOLVERS = {"reference": "BUILTIN_REF", "optimized": "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "xnnpack": "AUTO"}

TFLM_ARENA_BYTES = 2**30  # of which only what a model needs is ever touched


def run(model: bytes, kernel_set: str, rounds: Rounds, keep_all: bool) -> Rounds:
    """Every tensor that an operator writes (or, unless keep_all, every output) after each round."""
    return run_tflm(model, rounds, keep_all) if kernel_set == "tflm" else run_litert(model, kernel_set, rounds, keep_all)


def run_litert(model: bytes, kernel_set: str, rounds: Rounds, keep_all: bool) -> Rounds:
    """What LiteRT computes."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=getattr(OpResolverType, RESOLVERS[kernel_set]),
        experimental_preserve_all_tensors=keep_all,
        num_threads=1,
    )
    for position, shape in ((p, a.shape) for p, a in (rounds[0] if rounds else {}).items()):
        detail = interpreter.get_input_details()[position]
        if tuple(detail["shape"]) != shape:
            interpreter.resize_tensor_input(detail["index"], shape)
    interpreter.allocate_tensors()
    written = {int(d["index"]) for d in interpreter.get_output_details()}
    if keep_all:
        written |= {int(t) for op in interpreter._get_ops_details() for t in op["outputs"] if t >= 0}
    results = []
    for arrays in rounds:
        for position, array in arrays.items():
            interpreter.set_tensor(interpreter.get_input_details()[position]["index"], array)
        interpreter.invoke()
        found = {}
        for index in sorted(written):
            try:
                found[index] = interpreter.get_tensor(index)
            except ValueError:  # tensors without data, such as resource handles
                continue
        results.append({i: a for i, a in found.items() if a.dtype.kind not in "SOU"})
    return results


def run_tflm(model: bytes, rounds: Rounds, keep_all: bool) -> Rounds:
    """What TFLM computes; it says why it refuses a model on standard error only, which is a file here."""
    from tflite_micro.python.tflite_micro import runtime
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    graph = schema.Model.GetRootAsModel(model, 0).Subgraphs(0)
    written = {int(graph.Outputs(i)) for i in range(graph.OutputsLength())}
    if keep_all:
        operators = [graph.Operators(i) for i in range(graph.OperatorsLength())]
        written |= {int(op.Outputs(i)) for op in operators for i in range(op.OutputsLength())}
    resource = schema.TensorType.RESOURCE  # handles, which hold nothing that could be read
    held = {index for index in written if index >= 0 and graph.Tensors(index).Type() != resource}
    said = os.fstat(2).st_size
    try:
        interpreter = runtime.Interpreter.from_bytes(
            model, arena_size=TFLM_ARENA_BYTES, intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors
        )
        results = []
        for arrays in rounds:
            for position, array in arrays.items():
                interpreter.set_input(array, position)
            interpreter.invoke()
            results.append({index: interpreter.GetTensor(index, 0)["tensor_data"] for index in sorted(held)})
    except RuntimeError as error:
        reasons = os.pread(2, 4096, said).decode(errors="replace").split("\n")
        raise RuntimeError("; ".join([str(error), *filter(None, reasons)])) from None
    return results


def main() -> None:
    """Answer requests until standard input ends."""
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the library prints must not mix with the answers
    requests = sys.stdin.buffer
    while len(header := requests.read(8)) == 8:
        request = pickle.loads(requests.read(struct.unpack("<Q", header)[0]))
        answer: tuple[str, Any]
        try:
            answer = ("ok", run(*request))
        except Exception as error:
            answer = ("refused", f"{type(error).__name__}: {error}".splitlines()[0] if str(error) else type(error).__name__)
        payload = pickle.dumps(answer, protocol=5)
        answers.write(struct.pack("<Q", len(payload)) + payload)
        answers.flush()


if __name__ == "__main__":
    main()
