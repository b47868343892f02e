"""How long an invoke takes in qref against LiteRT's kernel sets.

    python benchmarks/invoke.py [MODEL...] [--seconds 3]

All run interleaved in one process on one thread, so that what else the machine does hits them alike; what is printed is the
median of the ratios of neighbouring runs, with the 10th and 90th percentile. Bundled models by default.
"""

from __future__ import annotations

import argparse
import pathlib
import time
from collections.abc import Callable

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import qref
from qref.compare.inputs import draw_inputs
from qref.models import FOLDER

KERNEL_SETS = {
    "reference": OpResolverType.BUILTIN_REF,
    "optimized": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "xnnpack": OpResolverType.AUTO,
}


def ready(interpreter, inputs: dict[int, np.ndarray]) -> Callable[[], None]:
    """The interpreter's invoke, with its tensors allocated, its inputs set and one invoke done."""
    interpreter.allocate_tensors()
    for position, array in inputs.items():
        interpreter.set_tensor(interpreter.get_input_details()[position]["index"], array)
    interpreter.invoke()
    return interpreter.invoke


def measure(path: pathlib.Path, seconds: float) -> dict[str, np.ndarray]:
    """Seconds of each run, by name, in turns until the time is over."""
    inputs = draw_inputs(qref.load(path), seed=0)
    runs = {"qref": ready(qref.Interpreter(path), inputs)}
    for name, resolver in KERNEL_SETS.items():
        runs[name] = ready(Interpreter(str(path), num_threads=1, experimental_op_resolver_type=resolver), inputs)
    times: dict[str, list[float]] = {name: [] for name in runs}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times["qref"]) < 5:
        for name, invoke in runs.items():
            start = time.perf_counter()
            invoke()
            times[name].append(time.perf_counter() - start)
    return {name: np.array(values) for name, values in times.items()}


def main() -> None:
    """Print one line for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=pathlib.Path, default=sorted(FOLDER.glob("*.tflite")))
    parser.add_argument("--seconds", type=float, default=3.0, help="time for each model")
    arguments = parser.parse_args()
    print("time of LiteRT / time of qref, median [10 %, 90 %]; above 1 qref is faster")
    for path in arguments.models:
        times = measure(path, arguments.seconds)
        cells = []
        for name in KERNEL_SETS:
            low, middle, high = np.percentile(times[name] / times["qref"], (10, 50, 90))
            cells.append(f"{name} {middle:6.2f} [{low:.2f}, {high:.2f}]")
        print(f"{path.stem:32} {'   '.join(cells)}   ({len(times['qref'])} runs)")


if __name__ == "__main__":
    main()
