"""Golden vectors as $readmemh files, with a SystemVerilog bench for each operator that accumulates and a device to try it on.

The bench streams the taps (x, w) of chosen output elements into a device `qref_dut`, and compares accumulator and output: first
elements that hit a corner case, then others, evenly spread.
"""

from __future__ import annotations

import itertools
import math
import pathlib
import shutil
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from qref.errors import InputError

from .c import TEMPLATES, environment
from .describe import Arrays
from .folder import write_text
from .loader import Transaction, case_names, operand, taps, transactions

MOST_ELEMENTS, MOST_TAPS = 256, 2**16  # of an operator
WIDTHS = {
    "x": 16,
    "w": 16,
    "count": 32,
    "channel": 32,
    "acc": 64,
    "y": 16,
    "bias": 64,
    "multiplier": 64,
    "shift": 16,
    "rule": 8,
}
DESIGN = ("qref_mac.sv", "qref_requantize.sv", "qref_dut.sv")


def words(values: Iterable[int], bits: int, what: str) -> str:
    r"""Integers as lines of hexadecimal digits in two's complement; InputError for one that so many bits do not hold.

    >>> words([1, -1], 8, "x")
    '01\nff\n'
    """
    lines = []
    for value in values:
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise InputError(f"{what} is {value}, which {bits} bits of a $readmemh file do not hold; leave the format hex away")
        lines.append(f"{value % 2**bits:0{bits // 4}x}\n")
    return "".join(lines)


def write(folder: pathlib.Path, described: Sequence[tuple[dict[str, Any], Arrays]]) -> None:
    """Write hex/; each entry gets "hex": how many elements were taken, or why there is no bench."""
    (folder / "hex").mkdir()
    template = environment().get_template("bench.sv.j2")
    for entry, arrays in described:
        if "accumulation" not in entry:
            entry["hex"] = "left away: the operator has no accumulator, or its rounding is not written channel by channel"
            continue
        chosen = _choose(entry, arrays)
        if not chosen:
            entry["hex"] = f"left away: no output element, or none of at most {MOST_TAPS} taps"
            continue
        memories = _memories(entry, arrays, chosen)
        for name, values in memories.items():
            text = words(values, WIDTHS[name], f"{entry['id']}: {name}")
            write_text(folder / "hex" / entry["id"] / f"{name}.hex", text)
        sizes = {name: max(1, len(values)) for name, values in memories.items()}
        text = template.render(id=entry["id"], fields=entry["accumulation"], sizes=sizes, widths=WIDTHS, elements=len(chosen))
        write_text(folder / "hex" / f"bench_{entry['id']}.sv", text)
        total = sum(math.prod(arrays[f"{case}/output/0"].shape) for case in case_names(entry))
        entry["hex"] = {"elements": len(chosen), "of": total, "taps": sizes["x"], "bench": f"hex/bench_{entry['id']}.sv"}
    for name in DESIGN:
        shutil.copyfile(TEMPLATES / name, folder / "hex" / name)


def _choose(entry: dict[str, Any], arrays: Arrays) -> list[Transaction]:
    """Output elements within the limits: those that hit a corner case, then some of each case in turn."""
    cases = case_names(entry)
    places = {case: _spread(arrays[f"{case}/output/0"].shape) for case in cases}
    corners = [(case, tuple(element)) for hits in entry["coverage"].values() for case, element in hits.get("examples", ())]
    rounds = itertools.zip_longest(*[[(case, e) for e in places[case]] for case in cases])
    spread = [pair for pairs in rounds for pair in pairs if pair is not None]
    found: list[Transaction] = []
    free = MOST_TAPS
    for case, element in dict.fromkeys(corners + spread):
        shapes = [operand(entry, arrays, case, role).shape for role in "xw"]  # type: ignore[union-attr]
        free -= len(taps(entry, shapes[0], shapes[1], element)[0])
        if free < 0 or len(found) == MOST_ELEMENTS:
            break
        found += transactions(entry, arrays, case, [element])
    return found


def _spread(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Indices of up to MOST_ELEMENTS elements, first and last among them."""
    size = math.prod(shape)
    flat = np.unique(np.linspace(0, size - 1, min(size, MOST_ELEMENTS)).astype(np.int64)) if size else np.zeros(0, np.int64)
    return [tuple(int(i) for i in np.unravel_index(position, shape)) for position in flat.tolist()]


def _memories(entry: dict[str, Any], arrays: Arrays, chosen: Sequence[Transaction]) -> dict[str, list[int]]:
    """The contents of each file: taps and elements in order, constants by channel."""
    b = operand(entry, arrays, chosen[0].case, "b") if entry["accumulation"]["operands"]["b"] is not None else None
    channels = len(arrays["requantize/rule"])
    return {
        "x": [value for t in chosen for value in t.x],
        "w": [value for t in chosen for value in t.w],
        "count": [len(t.x) for t in chosen],
        "channel": [t.channel for t in chosen],
        "acc": [t.acc for t in chosen],
        "y": [t.y for t in chosen],
        "bias": [0] * channels if b is None else b.ravel().tolist(),
        **{name: arrays[f"requantize/{name}"].tolist() for name in ("multiplier", "shift", "rule")},
    }
