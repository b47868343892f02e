"""How long a process takes until its first inference is done, and its peak memory: qref and LiteRT in turns.

    python benchmarks/start.py [MODEL...] [--turns 5]

Each turn is a process of its own that imports the library, reads the model and runs it once on zeros, on one thread. Times are
from the start of the process, in seconds; memory is VmHWM in MB. Medians; qref's kernels are compiled in a turn before. Bundled
models by default.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich import box
from rich.table import Table

from qref.cli.output import print_table
from qref.models import FOLDER

ONE = """
import json, sys, time
import numpy as np
name, model, start = sys.argv[1:]
if name == "qref":
    import qref
    interpreter = qref.Interpreter(model, runtime="xnnpack")
else:
    from ai_edge_litert.interpreter import Interpreter
    interpreter = Interpreter(model, num_threads=1)
imported = time.monotonic()
interpreter.allocate_tensors()
for each in interpreter.get_input_details():
    interpreter.set_tensor(each["index"], np.zeros(each["shape"], each["dtype"]))
interpreter.invoke()
done = time.monotonic()
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
times = {"read": imported - float(start), "first": done - float(start)}
print(json.dumps({**times, "peak": peak / 1024, "numba": "numba" in sys.modules}))
"""
NAMES = "qref", "LiteRT"


def one(name: str, model: Path) -> dict[str, float]:
    """What a process of its own says."""
    command = [sys.executable, "-c", ONE, name, str(model), str(time.monotonic())]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    said: dict[str, float] = json.loads(done.stdout)
    return said


def main() -> None:
    """Print two rows for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, default=sorted(FOLDER.glob("*.tflite")))
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    table = Table("model", "", "model read", "first inference", "peak MB", "numba", box=box.SIMPLE_HEAD)
    for model in arguments.models:
        one("qref", model)
        turns = [{name: one(name, model) for name in NAMES} for _ in range(arguments.turns)]
        for name in NAMES:
            read, first, peak = (statistics.median(turn[name][key] for turn in turns) for key in ("read", "first", "peak"))
            imported = "imported" if any(turn[name]["numba"] for turn in turns) else ""
            table.add_row(model.stem, name, f"{read:.2f}", f"{first:.2f}", f"{peak:.0f}", imported)
    print_table(table)


if __name__ == "__main__":
    main()
