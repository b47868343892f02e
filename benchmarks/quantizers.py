"""How long full-integer quantization takes, calibration included, and how much memory: qref, TFLiteConverter, ai-edge-quantizer.

    python benchmarks/quantizers.py [--samples 100] [--rounds 5] [--folder build/quantizers]

Each runs in a process of its own, in turns: qref and ai-edge-quantizer from the float .tflite, TFLiteConverter from the
SavedModel it was made from. "work" begins when the library is imported and ends with the bytes of the quantized model; "process"
is everything from the start of Python; "peak" is the most memory that was resident. Printed are qref's medians, and of the others
the median of the paired ratios to qref with the least and the greatest. Models have random weights of a fixed seed and are made
where they are missing, which takes the extra `keras`; ai-edge-quantizer leaves the LSTMs of the second in float. Compiled kernels
are cached before the first round. Runs on Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

LIBRARIES = {"qref": "qref", "TFLiteConverter": "tensorflow", "ai-edge-quantizer": "ai_edge_quantizer"}
INPUTS = {"mobilenet_v2_035_96": (1, 96, 96, 3), "deepconvlstm": (1, 128, 6, 1)}
QUIET = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def mobilenet_v2_035_96() -> Any:
    """MobileNet v2 of width 0.35 for 96x96 images."""
    from tf_keras.applications import MobileNetV2

    return MobileNetV2(input_shape=(96, 96, 3), alpha=0.35, weights=None)


def deepconvlstm() -> Any:
    """Four convolutions over time, two LSTM of 128 units, six classes: Ordonez and Roggen (2016)."""
    from tf_keras import Input, Model, layers

    inputs = x = Input((128, 6, 1))
    for _ in range(4):
        x = layers.Conv2D(64, (5, 1), activation="relu", bias_initializer="random_normal")(x)
    x = layers.Reshape((112, 384))(x)
    x = layers.LSTM(128, return_sequences=True, bias_initializer="random_normal")(x)
    x = layers.LSTM(128, bias_initializer="random_normal")(x)
    return Model(inputs, layers.Dense(6, activation="softmax", bias_initializer="random_normal")(x))


def make(folder: pathlib.Path) -> None:
    """Write the models that are not there: NAME.tflite and a SavedModel NAME."""
    for build in (mobilenet_v2_035_96, deepconvlstm):
        name = build.__name__
        if not (folder / f"{name}.tflite").exists():
            import tensorflow as tf
            import tf_keras

            from qref import export_keras

            tf_keras.utils.set_random_seed(0)
            model = build()
            function = tf.function(lambda x, model=model: model(x, training=False))
            tf.saved_model.save(model, folder / name, function.get_concrete_function(tf.TensorSpec(INPUTS[name], tf.float32)))
            export_keras(model, folder / f"{name}.tflite")


def samples(name: str, count: int) -> Iterator[np.ndarray]:
    """The representative dataset: standard normal numbers."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=INPUTS[name]).astype(np.float32) for _ in range(count))


def with_qref(folder: pathlib.Path, name: str, count: int) -> Callable[[], bytes]:
    """Import qref; what is returned quantizes."""
    from qref import quantize

    return lambda: quantize(folder / f"{name}.tflite", representative_dataset=samples(name, count))


def with_tflite_converter(folder: pathlib.Path, name: str, count: int) -> Callable[[], bytes]:
    """Import TensorFlow; what is returned quantizes."""
    import tensorflow as tf

    def run() -> bytes:
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / name))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([x] for x in samples(name, count))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        return bytes(converter.convert())

    return run


def with_ai_edge_quantizer(folder: pathlib.Path, name: str, count: int) -> Callable[[], bytes]:
    """Import ai-edge-quantizer; what is returned quantizes."""
    from ai_edge_quantizer import quantizer, recipe

    def run() -> bytes:
        found = quantizer.Quantizer(str(folder / f"{name}.tflite"))
        found.load_quantization_recipe(recipe.static_wi8_ai8())
        ((key, (argument,)),) = signatures(folder / f"{name}.tflite").items()
        statistics = found.calibrate({key: [{argument: x} for x in samples(name, count)]})
        return bytes(found.quantize(statistics, enable_progress_report=False).quantized_model)

    return run


def signatures(path: pathlib.Path) -> dict[str, list[str]]:
    """The names of the arguments of each signature."""
    from ai_edge_litert.interpreter import Interpreter

    return {key: names["inputs"] for key, names in Interpreter(str(path)).get_signature_list().items()}


RUNS = dict(zip(LIBRARIES, (with_qref, with_tflite_converter, with_ai_edge_quantizer)))


def one(library: str, folder: pathlib.Path, name: str, count: int) -> None:
    """Quantize in this process, and print what it took as JSON."""
    run = RUNS[library](folder, name, count)
    start = time.perf_counter()
    content = run()
    work = time.perf_counter() - start
    status = pathlib.Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024  # getrusage would tell that of the process that started this one
    print(json.dumps({"work": work, "peak": peak, "bytes": len(content)}))


def measured(library: str, folder: pathlib.Path, name: str, count: int) -> dict[str, float] | str:
    """What one process took, with the seconds from its start to its end; or why it gave nothing."""
    command = [sys.executable, __file__, "--folder", str(folder), "--samples", str(count), "--one", library, name]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **QUIET}, check=False)
    process = time.perf_counter() - start
    if done.returncode:
        missing = f"No module named '{LIBRARIES[library]}'" in done.stderr
        return "not installed" if missing else f"failed: {(done.stderr.strip().splitlines() or [str(done.returncode)])[-1]}"
    return {**json.loads(done.stdout.splitlines()[-1]), "process": process}


def cell(found: list[dict[str, float] | str], base: list[dict[str, float] | str], what: str, unit: str) -> str:
    """The median; against another library, the median of the paired ratios."""
    pairs = [(a[what], b[what]) for a, b in zip(found, base) if isinstance(a, dict) and isinstance(b, dict)]
    if not pairs:
        return str(found[0])
    if found is base:
        return f"{np.median([a for a, _ in pairs]):.3g} {unit}"
    ratios = [a / b for a, b in pairs]
    return f"{np.median(ratios):.2f}x [{min(ratios):.2f}, {max(ratios):.2f}]"


def main() -> None:
    """Print a row for each model and quantity, a column for each library."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("build/quantizers"), help="where models are kept")
    parser.add_argument("--one", nargs=2, metavar=("LIBRARY", "MODEL"), help="only run this one, and print JSON")
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments.one[0], arguments.folder, arguments.one[1], arguments.samples)
        return

    from rich import box
    from rich.table import Table

    from qref.cli.output import print_table

    arguments.folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(QUIET)
    make(arguments.folder)
    table = Table("model", f"{arguments.samples} samples", *LIBRARIES, box=box.SIMPLE_HEAD)
    for name in INPUTS:
        measured("qref", arguments.folder, name, 1)
        found: dict[str, list[dict[str, float] | str]] = {library: [] for library in LIBRARIES}
        for _ in range(arguments.rounds):
            for library, results in found.items():
                results.append(measured(library, arguments.folder, name, arguments.samples))
        for what, unit in (("work", "s"), ("process", "s"), ("peak", "MiB"), ("bytes", "bytes")):
            table.add_row(name, what, *(cell(results, found["qref"], what, unit) for results in found.values()))
    print_table(table)


if __name__ == "__main__":
    main()
