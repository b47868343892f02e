"""What the outputs of a model's operators hold on a dataset, where there is no float model to compare them with."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from qref.datasets import Source, by_tensor
from qref.debugger.sums import HistogramSums
from qref.errors import InputError
from qref.inputs import start
from qref.interpreter import Interpreter
from qref.schema import Model, Operator, Tensor


@dataclass(frozen=True, slots=True)
class Values:
    """The values of an operator's first output over all samples.

    least, greatest   as stored
    at_limits         share of elements that are the least or the greatest integer of the type; None for floats
    used_range        share of the type's integers from the least to the greatest; None for floats
    histogram         of real numbers; those of a float model are not known, and none are counted
    """

    operator: int
    op_name: str
    tensor: int
    least: float
    greatest: float
    at_limits: float | None
    used_range: float | None
    histogram: HistogramSums | None


def values_of(
    model: Model,
    dataset: Source,
    runtime: str,
    limit: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[tuple[Values, ...], int]:
    """The values of each operator of the main subgraph that gives numbers, and how many samples were run.

    Each sample starts from the initial state. Raises InputError and ModelError as Interpreter and qref.datasets do.
    """
    interpreter = Interpreter(model_content=model, runtime=runtime)
    interpreter.allocate_tensors()
    graph = model.subgraphs[0]
    sums = [
        _Sums(operator, graph.tensors[operator.outputs[0]]) for operator in graph.operators if _gives_numbers(model, operator)
    ]
    count = 0
    for arrays in itertools.islice(by_tensor(dataset, interpreter.get_input_details()), limit):
        interpreter.reset_all_variables()
        start(interpreter, arrays)
        interpreter.invoke()
        for each in sums:
            each.add(interpreter.get_tensor(each.tensor.index))
        count += 1
        if progress is not None:
            progress(count)
    if not count:
        raise InputError("the dataset holds no sample")
    return tuple(each.result() for each in sums), count


def _gives_numbers(model: Model, operator: Operator) -> bool:
    tensors = model.subgraphs[0].tensors
    first = tensors[operator.outputs[0]] if operator.outputs and operator.outputs[0] >= 0 else None
    return first is not None and first.type.dtype is not None and first.type.dtype.kind in "iuf"


@dataclass
class _Sums:
    operator: Operator
    tensor: Tensor
    least: float = np.inf
    greatest: float = -np.inf
    at_limits: int = 0
    elements: int = 0
    histogram: HistogramSums | None = field(default=None)

    def add(self, found: np.ndarray) -> None:
        if not found.size or not np.isfinite(found).all():
            return
        self.least, self.greatest = min(self.least, found.min().item()), max(self.greatest, found.max().item())
        self.elements += found.size
        if found.dtype.kind in "iu":
            limits = np.iinfo(found.dtype)
            self.at_limits += int(np.count_nonzero((found == limits.min) | (found == limits.max)))
        real = self._real(found).reshape(1, -1)
        if self.histogram is None:
            self.histogram = HistogramSums.over(float(real.min()), float(real.max()))
        self.histogram.add(real[:0], real)

    def _real(self, found: np.ndarray) -> np.ndarray:
        quantization = self.tensor.quantization
        if found.dtype.kind == "f" or quantization is None or len(quantization.scale) != 1:
            return found.astype(np.float64)
        return quantization.scale[0] * (found.astype(np.float64) - quantization.zero_point[0])

    def result(self) -> Values:
        dtype = self.tensor.type.dtype
        used = rate = None
        if dtype is not None and dtype.kind in "iu" and self.elements:
            limits = np.iinfo(dtype)
            used = (self.greatest - self.least) / (float(limits.max) - float(limits.min))
            rate = self.at_limits / self.elements
        where = self.operator.index, self.operator.name, self.tensor.index
        return Values(*where, self.least, self.greatest, rate, used, self.histogram)
