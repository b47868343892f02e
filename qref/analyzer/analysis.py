"""Everything that is told of one model, as plain data."""

from __future__ import annotations

import importlib
import importlib.util
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from qref.analyzer.census import Row, census, row, structure
from qref.analyzer.costs import Cost, costs
from qref.analyzer.memory import Memory, memory_of, stored_bytes
from qref.analyzer.plain import plain
from qref.analyzer.specification import Conformance, conformance
from qref.analyzer.support import Support, support_of
from qref.errors import InputError
from qref.schema import Model, Operator, Subgraph, Tensor

SCHEMA_VERSION = 1  # of to_dict; docs/analyze.md lists the keys


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of the file: all of it, the constants in its buffers, those of buffers that hold only zeros, and the rest."""

    file: int
    constants: int
    zeros: int
    structure: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a .tflite file holds and asks for.

    costs, memory   one for each subgraph; support: one for each runtime
    """

    model: Model
    sizes: Sizes
    tensors: dict[str, int]
    costs: tuple[tuple[Cost, ...], ...]
    memory: tuple[Memory, ...]
    support: tuple[Support, ...]
    specification: Conformance

    @property
    def macs(self) -> int:
        """Multiply-adds of all operators, those of each subgraph counted once."""
        return sum(cost.macs or 0 for each in self.costs for cost in each)

    @property
    def min_runtime_version(self) -> str:
        """The oldest TensorFlow Lite that has the operators' versions, as the converter wrote it; "" where it did not."""
        found = [m.buffer for m in self.model.metadata if m.name == "min_runtime_version"]
        data = bytes(self.model.buffers[found[0]].data) if found else b""
        return data.rstrip(b"\0").decode("utf-8", "replace")

    @property
    def operators(self) -> list[dict[str, Any]]:
        """A row for each operator name and version: how many there are, their multiply-adds and bytes, who does not take them."""
        kinds: Counter[tuple[str, int]] = Counter()
        work: dict[tuple[str, int], list[int]] = {}
        for _, operator, cost in self._operators():
            key = operator.name, operator.version
            kinds[key] += 1
            done = work.setdefault(key, [0, 0])
            done[0] += cost.macs or 0
            done[1] += cost.bytes
        refused = self._refused_by()
        return [
            {"name": name, "version": version, "count": count, "macs": work[name, version][0], "bytes": work[name, version][1]}
            | {"refused_by": sorted(refused.get((name, version), ()))}
            for (name, version), count in kinds.items()
        ]

    def _refused_by(self) -> dict[tuple[str, int], set[str]]:
        found: dict[tuple[str, int], set[str]] = {}
        for support in self.support:
            for refusal in support.refusals:
                if refusal.operator is not None and refusal.subgraph is not None:
                    operator = self.model.subgraphs[refusal.subgraph].operators[refusal.operator]
                    found.setdefault((operator.name, operator.version), set()).add(support.runtime)
        return found

    def _operators(self) -> Iterator[tuple[Subgraph, Operator, Cost]]:
        for subgraph, each in zip(self.model.subgraphs, self.costs):
            for operator, cost in zip(subgraph.operators, each):
                yield subgraph, operator, cost

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON; docs/analyze.md says what each key holds."""
        found = {
            "schema_version": SCHEMA_VERSION,
            "description": self.model.description,
            "min_runtime_version": self.min_runtime_version,
            "sizes": asdict(self.sizes),
            "tensors": self.tensors,
            "operators": self.operators,
            "macs": self.macs,
            "subgraphs": [self._subgraph(subgraph) for subgraph in self.model.subgraphs],
            "signatures": [
                {"key": s.key, "subgraph": s.subgraph_index, "inputs": dict(s.inputs), "outputs": dict(s.outputs)}
                for s in self.model.signatures
            ],
            "metadata": [{"name": m.name, "bytes": len(self.model.buffers[m.buffer].data)} for m in self.model.metadata],
            "runtimes": [support.to_dict() for support in self.support],
            "specification": self.specification.to_dict(),
        }
        return dict(plain(found))

    def to_pandas(self) -> Any:
        """The operators as a pandas.DataFrame, one row each."""
        if importlib.util.find_spec("pandas") is None:
            raise InputError("to_pandas() needs pandas; install it with: pip install pandas")
        rows = [{"subgraph": s.index} | _operator(operator, cost) for s, operator, cost in self._operators()]
        return importlib.import_module("pandas").DataFrame(rows)

    def _subgraph(self, subgraph: Subgraph) -> dict[str, Any]:
        return {
            "name": subgraph.name,
            "inputs": list(subgraph.inputs),
            "outputs": list(subgraph.outputs),
            "memory": self.memory[subgraph.index].to_dict(),
            "operators": [_operator(o, cost) for o, cost in zip(subgraph.operators, self.costs[subgraph.index])],
            "tensors": [tensor_dict(self.model, tensor) for tensor in subgraph.tensors],
        }


def analyze_model(model: Model, file_bytes: int) -> Analysis:
    """Analyze a model that was read from a file of so many bytes."""
    return Analysis(
        model=model,
        sizes=_sizes(model, file_bytes),
        tensors=census(model),
        costs=tuple(tuple(costs(model, subgraph)) for subgraph in model.subgraphs),
        memory=tuple(memory_of(model, subgraph) for subgraph in model.subgraphs),
        support=support_of(model),
        specification=conformance(model),
    )


def side_by_side(analyses: Sequence[Analysis]) -> tuple[Row, ...]:
    """The structure report of several models: their tensors and operators, then bytes and multiply-adds."""
    counted = {
        "bytes of the file": [a.sizes.file for a in analyses],
        "bytes of constants": [a.sizes.constants for a in analyses],
        "bytes of the arena": [sum(m.arena for m in a.memory) for a in analyses],
        "multiply-adds": [a.macs for a in analyses],
    }
    return (*structure([a.model for a in analyses]), *(row(title, counts, counts) for title, counts in counted.items()))


def _sizes(model: Model, file_bytes: int) -> Sizes:
    sizes = [(len(buffer.data), bool(np.any(np.frombuffer(buffer.data, np.uint8)))) for buffer in model.buffers]
    constants = sum(size for size, _ in sizes)
    return Sizes(file_bytes, constants, sum(size for size, holds in sizes if not holds), file_bytes - constants)


def _operator(operator: Operator, cost: Cost) -> dict[str, Any]:
    return {
        "index": operator.index,
        "name": operator.name,
        "version": operator.version,
        "inputs": list(operator.inputs),
        "outputs": list(operator.outputs),
        "macs": cost.macs,
        "bytes": cost.bytes,
        "options": options_of(operator),
    }


def options_of(operator: Operator) -> dict[str, int | float | str | bool]:
    """The operator's options that are single values, those of table 2 where the file uses that."""
    options = operator.options if operator.options.values else operator.options_2
    return {name: value for name, value in options.values.items() if isinstance(value, int | float | str | bool)}


def tensor_dict(model: Model, tensor: Tensor) -> dict[str, Any]:
    """A tensor as plain values, with every scale and zero point."""
    quantization = tensor.quantization
    return {
        "index": tensor.index,
        "name": tensor.name,
        "type": tensor.type.name,
        "shape": list(tensor.shape),
        "shape_signature": None if tensor.shape_signature is None else list(tensor.shape_signature),
        "constant_bytes": stored_bytes(model, tensor),
        "variable": tensor.is_variable,
        "scales": [] if quantization is None else [float(s) for s in quantization.scale],
        "zero_points": [] if quantization is None else [int(z) for z in quantization.zero_point],
        "quantized_dimension": 0 if quantization is None else quantization.quantized_dimension,
    }
