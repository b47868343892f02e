"""Runs models with LiteRT, each in a process of its own, since LiteRT aborts on some files.

    python litert_worker.py REPLY MODEL...

Draws inputs from a fixed seed, runs once with the reference kernels, and pickles into REPLY one entry a model: the tensors
that can be read, by index, or what went wrong as a string.
"""

import os
import pickle
import sys

import numpy as np


def run(path):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(path, experimental_op_resolver_type=resolver, experimental_preserve_all_tensors=True, num_threads=1)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(0)
    for detail in interpreter.get_input_details():
        array = rng.normal(size=detail["shape"]) * 50
        interpreter.set_tensor(detail["index"], array.astype(detail["dtype"]))
    interpreter.invoke()
    tensors = {}
    for detail in interpreter.get_tensor_details():
        try:
            tensors[detail["index"]] = interpreter.get_tensor(detail["index"])
        except ValueError:
            continue
    signatures = interpreter.get_signature_list()
    return tensors, signatures


def main():
    reply, *paths = sys.argv[1:]
    answers = []
    for path in paths:
        partial = reply + ".part"
        child = os.fork()
        if child == 0:
            try:
                answer = run(path)
            except (ValueError, RuntimeError) as error:
                answer = str(error)
            with open(partial, "wb") as file:
                pickle.dump(answer, file)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if status:
            answers.append(f"LiteRT ended with status {status}")
            continue
        with open(partial, "rb") as file:
            answers.append(pickle.load(file))
    with open(reply, "wb") as file:
        pickle.dump(answers, file)


if __name__ == "__main__":
    main()
