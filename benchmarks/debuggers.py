"""How long debugging a quantized model takes: qref against TensorFlow's QuantizationDebugger, in turns.

    python benchmarks/debuggers.py FLOAT.tflite CALIBRATED.tflite [--samples 100] [--rounds 5] [--python PYTHON]

CALIBRATED is what TFLiteConverter gives with _experimental_calibrate_only: the float model with the ranges that it recorded. Both
debug what is quantized with these ranges: TensorFlow the debug model that its quantizer makes, qref the model that
qref.quantize makes, beside FLOAT. Each runs in a process of its own: "debug" is from the ready models to the table of all
layers, "process" everything from the start of Python, making the models included, "peak" the most memory that was resident.
qref's time holds the accumulated errors, which TensorFlow does not measure. Printed are the medians of both, and the median of
the paired ratios with the least and the greatest. PYTHON is an interpreter that has tensorflow, by default this one. Runs on
Linux.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

QUIET = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def samples(shape: tuple[int, ...], count: int) -> Iterator[list[np.ndarray]]:
    """Standard normal numbers."""
    rng = np.random.default_rng(0)
    return ([rng.normal(size=shape).astype(np.float32)] for _ in range(count))


def with_qref(original: pathlib.Path, calibrated: pathlib.Path, count: int) -> Callable[[], str]:
    """Make the models; what is returned debugs and gives the table."""
    import qref

    model, quantized = qref.load(original), qref.load(qref.quantize(calibrated))
    graph = model.subgraphs[0]
    shape = graph.tensors[graph.inputs[0]].shape

    def run() -> str:
        debugger = qref.QuantizationDebugger(
            quant_debug_model_content=quantized, float_model_content=model, debug_dataset=lambda: samples(shape, count)
        )
        debugger.run()
        text = io.StringIO()
        debugger.layer_statistics_dump(text)
        return text.getvalue()

    return run


def with_tensorflow(original: pathlib.Path, calibrated: pathlib.Path, count: int) -> Callable[[], str]:
    """The same with TensorFlow; it needs the calibrated model alone."""
    import tensorflow as tf
    from tensorflow.lite.python import convert

    content = convert.mlir_quantize(calibrated.read_bytes(), disable_per_channel=False, enable_numeric_verify=True)
    (detail,) = tf.lite.Interpreter(model_content=content).get_input_details()

    def run() -> str:
        debugger = tf.lite.experimental.QuantizationDebugger(
            quant_debug_model_content=content, debug_dataset=lambda: samples(tuple(detail["shape"]), count)
        )
        debugger.run()
        text = io.StringIO()
        debugger.layer_statistics_dump(text)
        return text.getvalue()

    return run


RUNS = {"qref": with_qref, "TensorFlow": with_tensorflow}


def one(name: str, original: pathlib.Path, calibrated: pathlib.Path, count: int) -> None:
    """Debug in this process, and print what it took as JSON."""
    run = RUNS[name](original, calibrated, count)
    start = time.perf_counter()
    rows = len(run().splitlines()) - 1
    work = time.perf_counter() - start
    status = pathlib.Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"debug": work, "peak": peak, "rows": rows}))


def measured(name: str, python: str, arguments: argparse.Namespace) -> dict[str, float]:
    """What one process took, with the seconds from its start to its end."""
    files = [str(arguments.original), str(arguments.calibrated)]
    command = [python, __file__, *files, "--samples", str(arguments.samples), "--one", name]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **QUIET}, check=False)
    process = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{name} failed: {done.stderr.strip().splitlines()[-1]}")
    return {**json.loads(done.stdout.splitlines()[-1]), "process": process}


def main() -> None:
    """Print a row for each quantity, a column for each of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("original", metavar="FLOAT", type=pathlib.Path)
    parser.add_argument("calibrated", metavar="CALIBRATED", type=pathlib.Path)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has tensorflow")
    parser.add_argument("--one", choices=RUNS, help="only run this one, and print JSON")
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments.one, arguments.original, arguments.calibrated, arguments.samples)
        return
    pythons = {"qref": sys.executable, "TensorFlow": arguments.python}
    measured("qref", sys.executable, arguments)  # kernels are compiled before the first round
    found: dict[str, list[dict[str, float]]] = {name: [] for name in RUNS}
    for _ in range(arguments.rounds):
        for name, results in found.items():
            results.append(measured(name, pythons[name], arguments))
    print(f"{arguments.samples} samples, {found['qref'][0]['rows']} layers; TensorFlow: {found['TensorFlow'][0]['rows']} layers")
    for what, unit in (("debug", "s"), ("process", "s"), ("peak", "MiB")):
        ours, theirs = ([result[what] for result in found[name]] for name in RUNS)
        ratios = [b / a for a, b in zip(ours, theirs)]
        ratio = f"{np.median(ratios):.2f}x [{min(ratios):.2f}, {max(ratios):.2f}]"
        print(f"{what:8} qref {np.median(ours):.3g} {unit}, TensorFlow {np.median(theirs):.3g} {unit}: {ratio}")


if __name__ == "__main__":
    main()
