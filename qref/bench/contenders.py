"""Who runs a model: qref, its readable form, registered kernels, or one of LiteRT's kernel sets."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.bench.registry import REGISTERED, install
from qref.compare.litert import Litert
from qref.compare.oracle_worker import RESOLVERS
from qref.compare.verify import count_mismatches
from qref.errors import BackendError
from qref.inputs import start
from qref.interpreter import Interpreter

LITERT = "litert:"
AGAINST = (*(LITERT + kernel_set for kernel_set in Litert.KERNEL_SETS), "numpy", "kernels")


@dataclass(frozen=True, slots=True)
class Contender:
    """An interpreter, of qref or of LiteRT, after one invoke; `replaced`: the operators that registered kernels compute."""

    name: str
    interpreter: Any
    prepare_seconds: float
    warm_up_seconds: float
    replaced: tuple[int, ...] = ()

    def mismatches(self, qref: Contender) -> tuple[int, int]:
        """How many elements of the outputs differ from qref's, of how many."""
        outputs = qref.interpreter.model.subgraphs[0].outputs
        pairs = [(self.interpreter.get_tensor(i), qref.interpreter.get_tensor(i)) for i in outputs]
        return sum(count_mismatches(*pair) for pair in pairs), sum(want.size for _, want in pairs)


def make(name: str, content: bytes, runtime: str, inputs: dict[int, np.ndarray], num_threads: int = 1) -> Contender:
    """A contender by its name, its inputs (by tensor index) set, after one invoke; BackendError where it cannot run the model."""
    replaced: list[int] = []
    begin = time.perf_counter()
    if name.startswith(LITERT):
        interpreter = _litert(name.removeprefix(LITERT), content, num_threads)
    else:
        kernels = "numpy" if name == "numpy" else "numba"
        interpreter = Interpreter(model_content=content, num_threads=num_threads, runtime=runtime, kernels=kernels)
    start(interpreter, inputs)
    if name == "kernels":
        replaced = install(interpreter)
        if not replaced:
            known = ", ".join(REGISTERED) or "none"
            raise BackendError(f"no operator of the model has a registered kernel; there are kernels for {known}")
    prepared = time.perf_counter()
    interpreter.invoke()
    return Contender(name, interpreter, prepared - begin, time.perf_counter() - prepared, tuple(replaced))


def try_litert(name: str, content: bytes, inputs: Iterable[np.ndarray], timeout: float) -> None:
    """Run the model in a process of its own, since LiteRT aborts on some files; BackendError where it does.

    inputs  in the graph's order
    """
    with Litert(name.removeprefix(LITERT), timeout) as litert:
        litert.run(content, [dict(enumerate(inputs))], keep_all=False)


def _litert(kernel_set: str, content: bytes, num_threads: int) -> Any:
    """LiteRT in this process, where it has the same cores and the same caches as qref."""
    from ai_edge_litert.interpreter import Interpreter as LitertInterpreter
    from ai_edge_litert.interpreter import OpResolverType

    resolver = getattr(OpResolverType, RESOLVERS[kernel_set])
    return LitertInterpreter(model_content=content, num_threads=num_threads, experimental_op_resolver_type=resolver)
