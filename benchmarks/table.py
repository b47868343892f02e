"""The standard table: how long an invoke takes in LiteRT's kernel sets against qref with the same arithmetic.

    python benchmarks/table.py [MODEL_OR_FOLDER...] [--seconds 3]

What is printed is the median of time of LiteRT / time of qref over neighboring runs, with the 10th and 90th percentile: above 1
qref is faster. Bundled models by default; `qref bench` tells more about each.
"""

from __future__ import annotations

import argparse

from rich import box
from rich.table import Table

from qref.bench import bench, find_subjects
from qref.cli.output import print_table
from qref.compare.litert import Litert
from qref.errors import QrefError
from qref.models import FOLDER


def main() -> None:
    """Print a row for each model, a column for each kernel set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "subjects", nargs="*", default=sorted(path.stem for path in FOLDER.glob("*.tflite")), help="as for qref bench"
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="time for each model and kernel set")
    arguments = parser.parse_args()
    table = Table("model", "MMAC", *Litert.KERNEL_SETS, box=box.SIMPLE_HEAD)
    for subject in find_subjects(arguments.subjects):
        cells: list[str] = []
        for kernel_set in Litert.KERNEL_SETS:
            try:
                result = bench(subject, [f"litert:{kernel_set}"], seconds=arguments.seconds)
            except QrefError as error:
                cells = [f"refused: {error}"]
                break
            timing = result.timings[1]
            ratio, bits = timing.ratio, "" if not timing.mismatches else f", {timing.mismatches} outputs differ"
            cells.append(timing.reason if ratio is None else f"{ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]{bits}")
        table.add_row(subject.name, f"{result.macs / 1e6:.2f}" if len(cells) > 1 else "", *cells)
    print_table(table)


if __name__ == "__main__":
    main()
