"""Count the cases, elements and mismatches of every combination in every runtime into qref/runtimes/evidence.json.

    .venv/bin/python tests/conformance/record.py [--cases 200] [--runtime tflm] [OPERATOR ...]

The cases of a combination are those of the seeds 0, 1, 2, ..., but for TFLM without those of models that it refuses. A row that
is there with as many cases and no mismatch is kept, so that an interrupted run goes on where it stopped; --again counts all,
operator names those alone.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from conformance.combination import Combination
from conformance.compare import RUNTIMES, mismatches, size, taken
from conformance.families import combinations_of
from conformance.refused import reason_of_refusal, reason_of_tflm
from qref import QrefError
from qref.cli.runtimes import as_markdown, table
from qref.ops._eigen import l1_cache_bytes
from qref.ops.xnnpack._cpu import has_avx512
from qref.runtimes.evidence import evidence

DOCUMENT, MARK = pathlib.Path(__file__).parents[2] / "docs/runtimes.md", "<!-- qref runtimes --counts --markdown -->"
EVIDENCE = pathlib.Path(__file__).parents[2] / "qref/runtimes/evidence.json"
Row = dict[str, str | int]


def count(combination: Combination, runtime: str, cases: int) -> Row:
    """One row. Raises BackendError where LiteRT refuses a case that is not listed as refused."""
    row: Row = {"operator": combination.operator, "types": combination.types, "runtime": runtime}
    reason = reason_of_refusal(combination.operator, combination.types, runtime)
    if reason is not None:
        return {**row, "refused": reason}
    counted = elements = different = 0
    for model, rounds, wanted in taken(combination, runtime, cases):
        counted += 1
        elements += size(wanted)
        try:
            different += mismatches(model, rounds, runtime, "numpy", wanted)
        except QrefError as error:
            print(f"{combination.operator} {combination.types}, {runtime}: {error}", file=sys.stderr)
            different += size(wanted)
    if not counted:
        return {**row, "refused": reason_of_tflm(combination.operator, combination.types)}
    return {**row, "cases": counted, "elements": elements, "mismatches": different}


def write(rows: list[Row]) -> None:
    """Write all rows, one to a line, atomically."""
    head = {
        "litert": f"ai-edge-litert {importlib.metadata.version('ai-edge-litert')}",
        "tflm": f"tflite-micro {importlib.metadata.version('tflite-micro')}",
        "cpu": {"avx512": has_avx512(), "l1_data_cache_bytes": l1_cache_bytes()},
    }
    lines = ",\n".join(json.dumps(row) for row in sorted(rows, key=lambda r: (r["operator"], r["types"], r["runtime"])))
    part = EVIDENCE.with_suffix(".part")
    part.write_text(json.dumps(head)[:-1] + f', "rows": [\n{lines}\n]}}\n')
    part.replace(EVIDENCE)


def write_table() -> None:
    """Put the table that `qref runtimes --counts --markdown` prints at the end of docs/runtimes.md."""
    evidence.cache_clear()
    text = DOCUMENT.read_text()
    DOCUMENT.write_text(f"{text[: text.index(MARK) + len(MARK)]}\n\n{as_markdown(table(), counts=True)}\n")


def main() -> None:
    """Count what is missing, writing after every row; then write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("operators", nargs="*", help="only these")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--runtime", choices=RUNTIMES, help="only this one")
    parser.add_argument("--again", action="store_true", help="count rows that are there, too")
    arguments = parser.parse_args()
    old = json.loads(EVIDENCE.read_text())["rows"] if EVIDENCE.exists() else []
    rows = {(row["operator"], row["types"], row["runtime"]): row for row in old}
    for runtime in [arguments.runtime] if arguments.runtime else RUNTIMES:
        for combination in combinations_of(runtime):
            if arguments.operators and combination.operator not in arguments.operators:
                continue
            key = (combination.operator, combination.types, runtime)
            there = rows.get(key)
            done = there is not None and ("refused" in there or (there["cases"] >= arguments.cases and not there["mismatches"]))
            if not done or arguments.again:
                rows[key] = count(combination, runtime, arguments.cases)
                if rows[key].get("mismatches"):
                    print(rows[key], flush=True)
                write(list(rows.values()))
    write_table()


if __name__ == "__main__":
    main()
