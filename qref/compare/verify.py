"""Verify: a model run by qref and by LiteRT or TFLM on the same inputs, every tensor compared in every bit."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from qref.batch import invoke_many
from qref.compare.litert import Litert
from qref.compare.oracle import Oracle
from qref.compare.tflm import Tflm
from qref.compare.visible import constants, visible
from qref.errors import BackendError, InputError, QrefError
from qref.inputs import draw_inputs
from qref.interpreter import Interpreter
from qref.notebook import html_table
from qref.schema import Model, load, write

KERNEL_SET_OF = {"litert-reference": "reference", "litert-optimized": "optimized", "xnnpack": "xnnpack", "tflm": "tflm"}


@dataclass(frozen=True, slots=True)
class Difference:
    """The first operator, in the order of execution, one of whose outputs differs."""

    operator: int
    name: str
    tensor: int
    tensor_name: str
    mismatches: int
    elements: int

    def __str__(self) -> str:
        return f"operator {self.operator} ({self.name}), tensor {self.tensor}: {self.mismatches} of {self.elements} elements"


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of one model.

    status   "exact", "differs", "refused" (by the library: nothing to compare with) or "failed" (qref raised)
    reason   why it was refused or failed, else empty
    """

    model: str
    runtime: str
    status: str
    operators: int = 0
    tensors: int = 0
    elements: int = 0
    mismatches: int = 0
    first: Difference | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return asdict(self)

    def _repr_html_(self) -> str:
        columns = ["model", "runtime", "verdict", "tensors", "elements", "mismatches", "first difference, or why there is none"]
        told = self.reason if self.first is None else self.first
        counts = self.tensors, self.elements, self.mismatches
        return html_table(columns, [(self.model, self.runtime, self.status, *counts, told)])


def find_models(paths: Sequence[str | pathlib.Path]) -> list[pathlib.Path]:
    """The files among `paths`, and all .tflite files below the folders among them, sorted."""
    found: list[pathlib.Path] = []
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            inside = sorted(path.rglob("*.tflite"))
            if not inside:
                raise InputError(f"there is no .tflite file in {path}")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"there is no file or folder {path}")
    return found


def verify(
    paths: Sequence[str | pathlib.Path], runtime: str = "litert-reference", rounds: int = 2, seed: int = 0, timeout: float = 300
) -> Iterator[Verification]:
    """Compare every model, one after the other; the library runs first, in a process of its own, `timeout` seconds at most.

    Raises InputError for a wrong path or argument and BackendError where the library is not installed.
    """
    library = library_of(runtime)
    if rounds < 1:
        raise InputError(f"rounds must be at least 1, found {rounds}")
    models = find_models(paths)
    with library(KERNEL_SET_OF[runtime], timeout) as oracle:
        for path in models:
            yield verify_one(path, runtime, rounds, seed, oracle)


def library_of(runtime: str) -> type[Oracle]:
    """The library that a runtime is compared with; InputError where there is none."""
    for library in (Litert, Tflm):
        if KERNEL_SET_OF.get(runtime) in library.KERNEL_SETS:
            return library
    raise InputError(f"runtime {runtime!r} has no library to be compared with; those that have are {', '.join(KERNEL_SET_OF)}")


def installed_runtimes() -> list[str]:
    """The runtimes whose library is on this machine."""
    return [name for name in KERNEL_SET_OF if library_of(name).is_installed()]


def verify_one(path: pathlib.Path, runtime: str, rounds: int, seed: int, oracle: Oracle) -> Verification:
    """Compare one model on `rounds` inputs drawn from seed, seed + 1, ..."""
    try:
        model = load(path)
        inputs = [draw_inputs(model, seed + r) for r in range(rounds)]
    except QrefError as error:
        return Verification(str(path), runtime, "failed", reason=str(error))
    operators = len(model.subgraphs[0].operators)
    try:
        expected = oracle.run(path.read_bytes(), inputs, keep_all=runtime != "xnnpack")
    except BackendError as error:
        return Verification(str(path), runtime, "refused", operators, reason=str(error))
    try:
        if runtime == "xnnpack":
            expected = _with_hidden_tensors(model, inputs, expected, oracle)
        return compare(model, str(path), runtime, inputs, expected)
    except QrefError as error:
        return Verification(str(path), runtime, "failed", operators, reason=str(error))


def _with_hidden_tensors(
    model: Model, inputs: Sequence[dict[int, np.ndarray]], outputs: Sequence[dict[int, np.ndarray]], oracle: Oracle
) -> list[dict[int, np.ndarray]]:
    """The outputs of the model as it is, and what the delegate hides, from a form of the model that shows it."""
    interpreter = Interpreter(model_content=model, runtime="xnnpack")
    interpreter.allocate_tensors()
    try:
        shown = oracle.run(write(visible(model, constants(interpreter))), inputs, keep_all=False)
    except BackendError:
        return list(outputs)  # LiteRT runs it only as it is
    return [{**between, **end} for between, end in zip(shown, outputs)]


def compare(
    model: Model, name: str, runtime: str, inputs: Sequence[dict[int, np.ndarray]], expected: Sequence[dict[int, np.ndarray]]
) -> Verification:
    """Run qref on the inputs of each round and count the elements that differ from the expected tensors."""
    interpreter = Interpreter(model_content=model, runtime=runtime)
    interpreter.allocate_tensors()
    graph = model.subgraphs[0]
    tensors = elements = mismatches = 0
    first: Difference | None = None
    everything = list(dict.fromkeys(index for wanted in expected for index in wanted))
    samples = [{graph.inputs[position]: array for position, array in arrays.items()} for arrays in inputs]
    for found, wanted in zip(_tensors(interpreter, samples, everything), expected):
        for index, want in wanted.items():
            different = count_mismatches(found[index], want)
            tensors, elements, mismatches = tensors + 1, elements + want.size, mismatches + different
            writer = next((o for o in graph.operators if index in o.outputs), None)
            if different and writer is not None and (first is None or writer.index < first.operator):
                first = Difference(writer.index, writer.name, index, graph.tensors[index].name, different, want.size)
    status = "differs" if mismatches else "exact"
    return Verification(name, runtime, status, len(graph.operators), tensors, elements, mismatches, first)


def _tensors(
    interpreter: Interpreter, samples: Sequence[dict[int, np.ndarray]], tensors: Sequence[int]
) -> Iterator[dict[int, np.ndarray]]:
    """What tensors hold after each sample."""
    if interpreter.main.has_known_shapes():
        for chunk in invoke_many(interpreter, samples, tensors):
            for values in zip(*chunk.values()):
                yield dict(zip(chunk, values))
        return
    for sample in samples:
        for index, array in sample.items():
            interpreter.set_tensor(index, array)
        interpreter.invoke()
        yield {index: interpreter.get_tensor(index) for index in tensors}


def count_mismatches(got: np.ndarray, want: np.ndarray) -> int:
    """How many elements differ in any bit; two NaN count as equal, arrays of another shape or dtype differ in every element."""
    if got.shape != want.shape or got.dtype != want.dtype:
        return max(1, want.size)
    return int(np.count_nonzero(differing(got, want)))


def differing(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """Which elements of two arrays of one shape and dtype differ in any bit; two NaN count as equal."""
    if want.dtype.kind not in "fc":
        return np.asarray(got != want)
    bits = np.dtype(f"V{want.dtype.itemsize}")
    different = np.ascontiguousarray(got).view(bits) != np.ascontiguousarray(want).view(bits)
    return different.reshape(want.shape) & ~(np.isnan(got) & np.isnan(want))
