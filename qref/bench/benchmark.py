"""A model or an operator timed in qref and elsewhere: everything in one process and on as many threads, in turns."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from qref.bench.contenders import AGAINST, LITERT, Contender, make, try_litert
from qref.bench.operators import OperatorTiming, time_operators
from qref.bench.peaks import Peaks, measured_peaks
from qref.bench.registry import KernelDifference, first_difference
from qref.bench.subjects import Subject, find_subjects
from qref.bench.timing import Spread, interleave
from qref.compare.litert import Litert
from qref.compare.verify import KERNEL_SET_OF
from qref.errors import BackendError, InputError
from qref.inputs import inputs_of
from qref.ops import Node
from qref.schema import Model, write
from qref.work import macs_of

SETTLE = 4e-3  # seconds: so long LiteRT's threads look for work, on cores of ours, after they had some


@dataclass(frozen=True, slots=True)
class Timing:
    """One contender.

    prepare_seconds  to read the model and allocate its tensors
    warm_up_seconds  of the first invoke, in which qref compiles
    seconds          of an invoke; None where it was not timed: `reason` or `difference` says why
    ratio            its time / qref's time, of neighboring runs: above 1 qref is faster
    gmacs            10^9 multiply-adds per second
    runs             turns that were timed
    mismatches       elements of the outputs that differ from qref's in any bit, of `elements`
    difference       where a registered kernel is not exact, the first
    """

    name: str
    prepare_seconds: float = 0.0
    warm_up_seconds: float = 0.0
    seconds: Spread | None = None
    ratio: Spread | None = None
    gmacs: float = 0.0
    runs: int = 0
    mismatches: int = 0
    elements: int = 0
    difference: KernelDifference | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """What came of one model; `timings` begins with qref. `operators` and `peaks` are there where they were asked for."""

    name: str
    runtime: str
    seed: int
    threads: int
    macs: int
    timings: tuple[Timing, ...]
    operators: tuple[OperatorTiming, ...] = ()
    peaks: Peaks | None = None

    @property
    def differs(self) -> bool:
        """Whether a registered kernel is not exact."""
        return any(timing.difference is not None for timing in self.timings)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return asdict(self)


def bench(
    subject: str | pathlib.Path | Subject,
    against: Sequence[str] = ("litert:xnnpack",),
    *,
    runtime: str | None = None,
    seconds: float = 3.0,
    seed: int = 0,
    threads: int = 1,
    operators: bool = False,
    time_wrong: bool = False,
    timeout: float = 300.0,
) -> Bench:
    """Time one model in qref and against others.

    against     litert:reference, litert:optimized, litert:xnnpack, numpy (qref's readable form), kernels (registered ones)
    runtime     whose arithmetic qref has; by default that of the first LiteRT kernel set in `against`, else litert-reference
    seconds     for all contenders together; as much again for `operators`
    seed        of the inputs, and of the constants of a described operator
    threads     of qref's kernels, and of LiteRT's; how many NumPy's BLAS takes is told by OPENBLAS_NUM_THREADS
    operators   whether to time each operator by itself, and to measure the machine's peaks
    time_wrong  whether registered kernels are timed though they are not exact
    timeout     seconds that LiteRT may take in the process where it is tried first
    Raises InputError for a wrong argument, ModelError for a model that qref cannot run, BackendError without LiteRT.
    """
    _check(against, seconds, threads)
    if not isinstance(subject, Subject):
        subjects = find_subjects([subject], seed)
        if len(subjects) != 1:
            raise InputError(f"{subject} holds {len(subjects)} models; bench takes one at a time: see find_subjects")
        (subject,) = subjects
    runtime = runtime or default_runtime(against)
    contenders, failed = _contenders(subject.model, against, runtime, seed, threads, timeout)
    qref = contenders[0]
    differences = {c.name: first_difference(c.interpreter, qref.interpreter) for c in contenders if c.replaced}
    mismatches = {c.name: c.mismatches(qref) for c in contenders}
    timed = [c for c in contenders if differences.get(c.name) is None or time_wrong]
    times = interleave({c.name: c.interpreter.invoke for c in timed}, seconds, SETTLE if threads > 1 else 0.0)
    macs = sum(map(macs_of, qref.interpreter.evaluated_operators()))
    timings = [
        Timing(
            c.name,
            c.prepare_seconds,
            c.warm_up_seconds,
            *_speed(c.name, times, macs),
            *mismatches[c.name],
            differences.get(c.name),
        )
        for c in contenders
    ]
    timings += [Timing(name, reason=reason) for name, reason in failed.items()]
    result = Bench(subject.name, runtime, seed, threads, macs, tuple(timings))
    if not operators:
        return result
    peaks = measured_peaks()
    return replace(result, operators=time_operators(list(_runs(timed)), peaks, seconds), peaks=peaks)


def default_runtime(against: Sequence[str]) -> str:
    """The runtime with the arithmetic of the first LiteRT kernel set in `against`."""
    kernel_set = next((name.removeprefix(LITERT) for name in against if name.startswith(LITERT)), "reference")
    return next(runtime for runtime, its_set in KERNEL_SET_OF.items() if its_set == kernel_set)


def _check(against: Sequence[str], seconds: float, threads: int) -> None:
    for name in against:
        if name not in AGAINST:
            raise InputError(f"unknown contender {name!r}; there are {', '.join(AGAINST)}")
        if name.startswith(LITERT):
            Litert(name.removeprefix(LITERT))  # raises BackendError where it is not installed
    if not 0 < seconds < float("inf"):
        raise InputError(f"seconds must be above 0, found {seconds}")
    if threads < 1:
        raise InputError(f"threads must be at least 1, found {threads}")


def _contenders(
    model: Model, against: Sequence[str], runtime: str, seed: int, threads: int, timeout: float
) -> tuple[list[Contender], dict[str, str]]:
    """Those that run the model, each after one invoke, qref first; and why the rest does not, by name."""
    inputs, content = inputs_of(model, (), seed), write(model)
    contenders, failed = [make("qref", content, runtime, inputs, threads)], {}
    for name in dict.fromkeys(against):
        try:
            if name.startswith(LITERT):
                try_litert(name, content, inputs.values(), timeout)
            contenders.append(make(name, content, runtime, inputs, threads))
        except BackendError as error:
            failed[name] = str(error)
    return contenders, failed


def _speed(name: str, times: dict[str, np.ndarray], macs: int) -> tuple[Spread | None, Spread | None, float, int]:
    """Seconds, ratio, gmacs and runs of a Timing."""
    if name not in times:
        return None, None, 0.0, 0
    seconds = Spread.of(times[name])
    ratio = None if name == "qref" else Spread.of(times[name] / times["qref"])
    return seconds, ratio, macs / seconds.median / 1e9, len(times[name])


def _runs(contenders: Sequence[Contender]) -> Iterator[tuple[str, Node, Callable[[], None]]]:
    """Every operator of qref (the first), each followed by the registered kernel that computes it too."""
    for node in contenders[0].interpreter.evaluated_operators():
        index = node.operator.index
        for contender in contenders:
            if contender is contenders[0] or index in contender.replaced:
                yield contender.name, node, contender.interpreter.run_of(index)
