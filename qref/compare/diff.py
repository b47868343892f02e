"""Diff: the first operator that differs between two sides by itself, not by what it inherited, and the rule that explains it."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from qref.compare.case import Arrays
from qref.compare.hypotheses import Evidence, Trial, differing, explain_difference
from qref.compare.sides import DumpSide, Inputs, LiveSide, RuntimeSide, Side, Trace, constants, open_side
from qref.compare.verify import count_mismatches, find_models
from qref.errors import BackendError, InputError, ModelError
from qref.frames import to_frame
from qref.inputs import inputs_of
from qref.interpreter import Interpreter
from qref.notebook import html_table
from qref.runtimes import RUNTIMES
from qref.schema import Model, Operator, load

HIDDEN_STATE = ("READ_VARIABLE",)  # operators whose results do not follow from their inputs
MOST_OTHERS = 8  # operators that are tried to tell between hypotheses


@dataclass(frozen=True, slots=True)
class OperatorDifference:
    """How an operator's outputs differ, over all rounds.

    span         the operators judged together, of which this is the last: more than one where a dump lacks what is between them
    tensor       the first output that differs by itself, else the first that differs, else the first
    elements     of all outputs
    mismatches   between the two sides as they ran
    own          mismatches where both compute on the same inputs; None where that could not be told
    histogram    (difference, elements) of what differs by itself, b - a in LSB, for floats in units in the last place
    """

    operator: int
    name: str
    span: tuple[int, ...]
    tensor: int
    tensor_name: str
    elements: int
    mismatches: int
    own: int | None
    histogram: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Diff:
    """What came of one model.

    a, b       names of the sides; the histograms are b - a
    explained  the name of the side whose outputs `trials` explain, the other being taken for right
    operators  all that could be compared, in the order of execution
    first      the first that differs by itself, or None
    trials     what explains its difference, best first; empty where nothing does
    missing    tensors that operators write and a dump lacks
    reason     why the model could not be compared, else empty
    """

    model: str
    a: str
    b: str
    explained: str
    rounds: int = 0
    operators: tuple[OperatorDifference, ...] = ()
    first: OperatorDifference | None = None
    trials: tuple[Trial, ...] = ()
    missing: tuple[int, ...] = ()
    reason: str = ""

    @property
    def differs(self) -> bool:
        """Whether any tensor that was compared differs."""
        return any(row.mismatches for row in self.operators)

    @property
    def explanations(self) -> tuple[Trial, ...]:
        """The trials that explain every mismatch of the first operator; the first one is the simplest."""
        return tuple(trial for trial in self.trials if trial.remain == 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return {**asdict(self), "differs": self.differs}

    def to_pandas(self) -> Any:
        """The operators as a pandas.DataFrame, one row each."""
        return to_frame(asdict(row) for row in self.operators)

    def _repr_html_(self) -> str:
        columns = ["#", "operator", "elements", "mismatches", "own mismatches", "tensor"]
        rows = [(r.operator, r.name, r.elements, r.mismatches, r.own, r.tensor_name) for r in self.operators]
        return html_table(columns, rows, f"{self.a} against {self.b}: {self.reason or f'{self.rounds} rounds'}")


def diff_models(paths: Sequence[str | pathlib.Path], a: str, b: str, **options: Any) -> Iterator[Diff]:
    """Compare two sides on every model as `diff` does; folders are searched for .tflite files.

    Where there are several, one that cannot be compared gives a Diff with the reason instead of an error.
    """
    models = find_models(paths)
    for path in models:
        try:
            yield diff(path, a, b, **options)
        except (ModelError, BackendError) as error:
            if len(models) == 1:
                raise
            yield Diff(str(path), a, b, b, reason=str(error))


def diff(
    model: str | pathlib.Path | Model,
    a: str,
    b: str,
    *,
    inputs: Sequence[pathlib.Path] = (),
    rounds: int = 1,
    seed: int = 0,
    timeout: float = 300,
) -> Diff:
    """Compare two sides on one model.

    a, b     a runtime of qref, a live kernel set such as litert:xnnpack or tflm:reference, or the path of a dump
    inputs   files as for `qref run`; without them the dump's own inputs, else inputs drawn from seed, seed + 1, ...
    rounds   how many are drawn, one invoke after the other
    timeout  seconds that LiteRT may take for one answer

    Each operator is evaluated on the inputs that it had on the side to be explained: that is b, or a where only b can compute.
    Raises InputError for a wrong side, dump or argument, ModelError for a model that qref cannot run, and BackendError where
    LiteRT refuses it.
    """
    loaded = model if isinstance(model, Model) else load(model)
    if rounds < 1:
        raise InputError(f"rounds must be at least 1, found {rounds}")
    frame = Interpreter(model_content=loaded)
    frame.allocate_tensors()
    side_a, side_b = (open_side(name, loaded, frame, timeout) for name in (a, b))
    with _closing(side_a), _closing(side_b):
        given = _rounds(loaded, (side_a, side_b), inputs, rounds, seed)
        comparison = _Comparison(loaded, side_a, side_b, given, constants(frame))
        rows = tuple(comparison.rows())
        first = next((row for row in rows if row.own), None)
        trials = comparison.explain(first) if first is not None and len(first.span) == 1 else ()
    missing = tuple(sorted(comparison.missing))
    return Diff(_name(model), a, b, comparison.explained.name, len(given), rows, first, trials, missing)


def _name(model: str | pathlib.Path | Model) -> str:
    return model.subgraphs[0].name if isinstance(model, Model) else str(model)


def _closing(side: Side) -> Any:
    return closing(side.library) if isinstance(side, LiveSide) else nullcontext()


def _rounds(model: Model, sides: Sequence[Side], paths: Sequence[pathlib.Path], rounds: int, seed: int) -> list[Inputs]:
    """The inputs of each round by tensor index: read, dumped, or drawn."""
    dumps = [side for side in sides if isinstance(side, DumpSide)]
    if (paths or dumps) and rounds > 1:
        raise InputError(f"rounds is {rounds}; files hold the tensors of one round: leave it at 1")
    if not dumps:
        return [inputs_of(model, paths, seed + r) for r in range(rounds)]
    wanted = model.subgraphs[0].inputs
    arrays = {index: dump.tensors[index] for dump in reversed(dumps) for index in wanted if index in dump.tensors}
    if paths:
        read = inputs_of(model, paths, seed)
        for index in arrays:
            if count_mismatches(arrays[index], read[index]):
                raise InputError(f"input tensor {index} in the dump is not the one that --input gives: leave --input away")
        return [read]
    for index in wanted:
        if index not in arrays:
            tensor = f"input tensor {index} ({model.subgraphs[0].tensors[index].name!r})"
            raise InputError(f"{dumps[0].name} does not hold {tensor}: add it to the dump, or give the inputs with --input")
    return [arrays]


class _Comparison:
    """Walks through the operators, each judged on the inputs that it had on the explained side.

    judge      the side that evaluates operators; None where both are dumps
    explained  the other side
    merged     the explained side's tensors in each round; the judge computes those that a dump lacks
    """

    def __init__(self, model: Model, a: Side, b: Side, rounds: Sequence[Inputs], fixed: dict[int, np.ndarray]):
        self.model, self.fixed = model, fixed
        computes_a, computes_b = not isinstance(a, DumpSide), not isinstance(b, DumpSide)
        self.judge = a if computes_a else b if computes_b else None
        self.explained = a if self.judge is b else b
        self.sign = -1 if self.judge is b else 1
        other = a if self.explained is b else b
        self.expected, found = other.run(rounds), self.explained.run(rounds)
        self.merged = [Trace({**fixed, **trace.tensors}, trace.state) for trace in found]
        self.dumped = [set(trace.tensors) for trace in found]
        self.spans: dict[int, tuple[int, ...]] = {}  # by missing tensor: the operators that make it from what is there
        self.missing: set[int] = set()
        self.evidence: dict[int, tuple[list[Arrays], list[list[np.ndarray]], list[list[np.ndarray]]]] = {}

    def rows(self) -> Iterator[OperatorDifference]:
        """Each operator whose outputs both sides have."""
        compared = 0
        for operator in self.model.subgraphs[0].operators:
            outputs = [i for i in operator.outputs if i >= 0 and self.model.subgraphs[0].tensors[i].type.dtype is not None]
            if not outputs or self._is_constant(outputs):
                continue
            span = tuple(sorted({n for i in operator.inputs for n in self.spans.get(i, ())} | {operator.index}))
            ran = [[trace.tensors.get(i) for i in outputs] for trace in self.expected]
            found = [[t.tensors.get(i) if i in there else None for i in outputs] for t, there in zip(self.merged, self.dumped)]
            if any(array is None for arrays in (*ran, *found) for array in arrays):
                self._fill(operator, outputs, span)
                continue
            compared += 1
            yield self._row(operator, outputs, span, ran, found)  # type: ignore[arg-type]
        if not compared:
            raise InputError(f"{self.explained.name} holds no output of any operator: there is nothing to compare")

    def _is_constant(self, outputs: Sequence[int]) -> bool:
        return all(i in self.fixed and i not in self.dumped[0] for i in outputs)

    def _inputs(self, operator: Operator) -> list[Arrays] | None:
        """The operator's inputs on the explained side in each round; None where one is missing."""
        rounds = [[None if i < 0 else t.state.get(i, t.tensors.get(i)) for i in operator.inputs] for t in self.merged]
        complete = all(i < 0 or array is not None for arrays in rounds for i, array in zip(operator.inputs, arrays))
        return rounds if complete else None  # type: ignore[return-value]

    def _fill(self, operator: Operator, outputs: Sequence[int], span: tuple[int, ...]) -> None:
        """Note that outputs are missing, and compute them where that is possible."""
        self.missing |= {i for i in outputs if i not in self.dumped[0] or i not in self.expected[0].tensors}
        arrays = self._inputs(operator)
        computed = self.judge.evaluate(operator, arrays) if self.judge is not None and arrays is not None else None
        for trace, results in zip(self.merged, computed or ()):
            for index, array in zip(operator.outputs, results):
                trace.tensors.setdefault(index, array)
        self.spans |= {i: span for i in outputs if i not in self.dumped[0]}

    def _row(
        self,
        operator: Operator,
        outputs: Sequence[int],
        span: tuple[int, ...],
        ran: list[list[np.ndarray]],
        found: list[list[np.ndarray]],
    ) -> OperatorDifference:
        by_itself = self._evaluated(operator, ran)
        own = None if by_itself is None else _mismatches(by_itself, found)
        counts = _mismatches(ran, found)
        blamed = own if own is not None and any(own) else counts
        tensor = outputs[next((i for i, n in enumerate(blamed) if n), 0)]
        if own is not None and any(own) and len(span) == 1:
            self.evidence[operator.index] = (self._inputs(operator), by_itself, found)  # type: ignore[assignment]
        return OperatorDifference(
            operator.index,
            operator.name,
            span,
            tensor,
            self.model.subgraphs[0].tensors[tensor].name,
            sum(array.size for arrays in found for array in arrays),
            sum(counts),
            None if own is None else sum(own),
            () if by_itself is None else _histogram(by_itself, found, self.sign),
        )

    def _evaluated(self, operator: Operator, ran: list[list[np.ndarray]]) -> list[list[np.ndarray]] | None:
        """What the other side gives for the inputs of the explained side; None if that cannot be told."""
        arrays = self._inputs(operator)
        if arrays is None or operator.name in HIDDEN_STATE:
            return None
        if all(self._agree(operator, given, trace) for given, trace in zip(arrays, self.expected)):
            return ran
        return None if self.judge is None else self.judge.evaluate(operator, arrays)

    def _agree(self, operator: Operator, given: Arrays, trace: Trace) -> bool:
        """Whether the other side had the same inputs."""
        pairs = [(a, trace.state.get(i, trace.tensors.get(i, self.fixed.get(i)))) for i, a in zip(operator.inputs, given)]
        return all(a is None or (b is not None and not count_mismatches(a, b)) for a, b in pairs)

    def explain(self, row: OperatorDifference) -> tuple[Trial, ...]:
        """What explains an operator's own difference; the next ones tell between equally good hypotheses."""
        for name in self._runtimes():
            side = RuntimeSide(name, self.model)
            evidence = self._evidence_in(side, row.operator)
            computed = [case.outputs() for case in evidence.cases]
            if not any(_mismatches(computed, evidence.expected)):
                others = [n for n in self.evidence if n > row.operator][:MOST_OTHERS]
                return explain_difference(evidence, [self._evidence_in(side, n) for n in others])
        return ()

    def _evidence_in(self, side: RuntimeSide, operator: int) -> Evidence:
        arrays, expected, found = self.evidence[operator]
        return Evidence([side.case(operator, given) for given in arrays], expected, found)

    def _runtimes(self) -> list[str]:
        """Runtimes of qref that may have the arithmetic of the side that is taken for right."""
        known = self.judge.runtime if self.judge is not None else None
        return [*RUNTIMES] if known is None else [known]


def _mismatches(expected: Sequence[Sequence[np.ndarray]], found: Sequence[Sequence[np.ndarray]]) -> list[int]:
    """Mismatches of each output, over all rounds."""
    return [sum(map(count_mismatches, *pair)) for pair in zip(zip(*expected), zip(*found))]


def _histogram(expected: Any, found: Any, sign: int) -> tuple[tuple[int, int], ...]:
    counts: dict[int, int] = {}
    for before, after in zip((a for arrays in expected for a in arrays), (a for arrays in found for a in arrays)):
        if before.shape != after.shape or before.dtype != after.dtype:
            continue
        wrong = differing(before, after)
        for difference, count in zip(*np.unique(_steps(after)[wrong] - _steps(before)[wrong], return_counts=True)):
            counts[sign * int(difference)] = counts.get(sign * int(difference), 0) + int(count)
    return tuple(sorted(counts.items()))


def _steps(x: np.ndarray) -> np.ndarray:
    """Numbers as int64 whose differences are LSB; for floats units in the last place, complex numbers as pairs of floats."""
    if x.dtype.kind == "c":
        return _steps(x.view(x.real.dtype).reshape(*x.shape, 2)).sum(axis=-1)
    if x.dtype.kind != "f":
        return x.astype(np.int64)
    bits = x.view(f"i{x.dtype.itemsize}").astype(np.int64)
    return np.where(bits < 0, np.iinfo(f"i{x.dtype.itemsize}").min - bits, bits)
