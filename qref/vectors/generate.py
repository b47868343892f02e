"""From a model to a folder of golden vectors: run it, build cases for each operator, count what they hit, write the formats."""

from __future__ import annotations

import hashlib
import json
import pathlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref import __version__
from qref.errors import InputError
from qref.inputs import draw_inputs, read_inputs
from qref.interpreter import Interpreter
from qref.runtimes import runtime as find_runtime
from qref.schema import load

from . import c, loader, readmemh
from .cases import Subject, run_layers
from .construct import build_unit_cases, reach_of_case
from .coverage import Hits, count_hits, hit_masks, why_missed
from .describe import Arrays, describe
from .folder import MANIFEST, write_folder, write_npz, write_text

EXAMPLES = 4  # elements that hit a target, which the manifest names
FORMATS = ("npz", "c", "hex", "python")
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be generated.

    operators  numbers of operators of the main subgraph; all if there are none
    formats    of FORMATS; "python" reads the .npz, which are written with it
    count      inputs that are drawn: for the whole model, and for each operator by itself
    inputs     files with inputs for the whole model, as `qref run` takes them, instead of drawn ones
    """

    model: pathlib.Path
    runtime: str = "litert-reference"
    operators: tuple[int, ...] = ()
    formats: tuple[str, ...] = FORMATS
    seed: int = 0
    count: int = 4
    inputs: tuple[pathlib.Path, ...] = ()


def generate(request: Request, folder: pathlib.Path, force: bool = False) -> Entry:
    """Write golden vectors of a model into a folder and return the manifest.

    force  replace golden vectors that the folder holds
    Raises InputError for a wrong request and for a folder that cannot be written, ModelError for a model that cannot be run. A
    failure leaves the folder as it was.
    """
    manifests: list[Entry] = []
    write_folder(folder, force, lambda temporary: manifests.append(_fill(temporary, request)))
    return manifests[0]


def _fill(folder: pathlib.Path, request: Request) -> Entry:
    _check(request)
    model = load(request.model)
    interpreter = Interpreter(model_content=model, runtime=request.runtime)
    if request.inputs:
        rounds = [read_inputs(request.inputs, interpreter.get_input_details())]
    else:
        drawn = [draw_inputs(model, request.seed + n) for n in range(request.count)]
        rounds = [{model.subgraphs[0].inputs[p]: array for p, array in arrays.items()} for arrays in drawn]
    operators = request.operators or range(len(model.subgraphs[0].operators))
    subjects, left_away = run_layers(interpreter, rounds, sorted(set(operators)))
    described = [_describe(subject, request) for subject in subjects]
    formats = [f for f in FORMATS if f in request.formats or (f == "npz" and "python" in request.formats)]
    manifest = {
        "qref": __version__,
        "model": request.model.name,
        "sha256": hashlib.sha256(request.model.read_bytes()).hexdigest(),
        "runtime": request.runtime,
        "runtime_version": find_runtime(request.runtime).version,
        "seed": request.seed,
        "count": request.count,
        "inputs": [path.name for path in request.inputs],
        "formats": formats,
        "operators": [entry for entry, _ in described],
        "left_away": {str(index): reason for index, reason in left_away.items()},
    }
    for name in formats:
        WRITERS[name](folder, described)
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True, allow_nan=False) + "\n")
    return manifest


def _check(request: Request) -> None:
    unknown = [name for name in request.formats if name not in FORMATS]
    if unknown or not request.formats:
        raise InputError(f"unknown format {', '.join(unknown) or '(none)'}; known: {', '.join(FORMATS)}")
    if request.count < 1:
        raise InputError(f"count is {request.count}; expected at least 1")
    if request.seed < 0:
        raise InputError(f"seed is {request.seed}; expected 0 or more")


def _describe(subject: Subject, request: Request) -> tuple[Entry, Arrays]:
    """The manifest's entry of an operator, with its coverage, and its arrays."""
    found = build_unit_cases(subject, request.count, request.seed)
    unit, hits, reach = found.cases, found.hits, found.reach
    entry, arrays = describe(subject, unit)
    for number, case in enumerate(subject.layer):
        hits[f"layer/{number}"] = count_hits(subject, case, reach_of_case(subject, case, reach)) if subject.stands_alone else {}
    entry["tried"] = {"inputs": found.tried, "refused": found.refused}
    if not subject.stands_alone:
        entry["unit_left_away"] = "its outputs depend on more than its inputs: a resource, or a subgraph that it calls"
    entry["coverage"] = _coverage(subject, hits, lambda target: why_missed(subject, target, reach, found.tried))
    if "accumulation" in entry:
        cases = {f"unit/{n}": case for n, case in enumerate(unit)} | {f"layer/{n}": c for n, c in enumerate(subject.layer)}
        for name, case in cases.items():
            for target, mask in hit_masks(subject, case, reach_of_case(subject, case, reach)).items():
                examples = entry["coverage"][target].setdefault("examples", [])
                examples += [[name, element.tolist()] for element in np.argwhere(mask)[: EXAMPLES - len(examples)]]
    return entry, arrays


def _coverage(subject: Subject, hits: dict[str, Hits], why: Callable[[str], str]) -> Entry:
    """For each target how often unit and layer cases hit it, in which cases, and why where no unit case does."""
    found: Entry = {}
    for target in dict.fromkeys(target for counts in hits.values() for target in counts):
        by_case = {case: counts.get(target, 0) for case, counts in hits.items()}
        kinds = {kind: sum(n for case, n in by_case.items() if case.startswith(kind)) for kind in ("unit", "layer")}
        found[target] = {**kinds, "cases": [case for case, n in by_case.items() if n]}
        if not kinds["unit"]:
            found[target]["why_not"] = why(target)
    return found


def _write_npz(folder: pathlib.Path, described: Sequence[tuple[Entry, Arrays]]) -> None:
    for entry, arrays in described:
        write_npz(folder / entry["file"], arrays)


def _write_python(folder: pathlib.Path, described: Sequence[tuple[Entry, Arrays]]) -> None:
    (folder / "python").mkdir()
    shutil.copyfile(loader.__file__, folder / "python" / "qref_vectors.py")
    shutil.copyfile(c.TEMPLATES / "test_cocotb.py.j2", folder / "python" / "test_cocotb.py")


WRITERS: dict[str, Callable[[pathlib.Path, Sequence[tuple[Entry, Arrays]]], None]] = {
    "npz": _write_npz,
    "c": c.write,
    "hex": readmemh.write,
    "python": _write_python,
}
