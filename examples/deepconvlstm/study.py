"""The case study, `make case-study`: what quantization does to convolutions and LSTMs, and how to win the accuracy back.

The float model is quantized in dynamic range and to full integers with uint8 input and output. The tables that follow are those
of the presentation quoted in presentation.py, each beside it: tensors by type, six metrics, the quantization debugger, RMSE and
scale with suspects. Then qref searches the mixed model that wins the accuracy back. All numbers are computed; theirs are quoted.
"""

from __future__ import annotations

import argparse
import json
import lzma
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import presentation
import signals
import uci_har

import qref
from qref.analyzer import analyze, side_by_side
from qref.analyzer.census import Row, row
from qref.cli.output import print_table, progress_bar, table_of
from qref.cli.suggestion import print_suggestion
from qref.debugger import EXPECTED, THRESHOLD, DebugReport, Suggestion, debug, suggest
from qref.evaluation import Evaluation, evaluate
from qref.quantizer import Calibration, calibrate, method_of, quantize_model
from qref.report import report as made_page

BUNDLED = pathlib.Path(__file__).parent / "deepconvlstm_float.tflite.xz"
CALIBRATED, SEARCHED = 120, 240  # windows of some persons: those that calibrate, and those that judge the search
TRIES = 80  # models that the search measures
SHOWN = 60  # windows whose errors the page shows
RUNTIME = "xnnpack"  # how LiteRT runs a model unless told otherwise
UINT8 = {"integer_only": True, "inference_input_type": "uint8", "inference_output_type": "uint8"}
UINT8_OPTIONS = "--integer-only --input-type uint8 --output-type uint8"
ROBUST = "percentile:99.9"


@dataclass(frozen=True, slots=True)
class Data:
    """Windows float32 [n, 128, 6, 1] and their classes, of three groups of persons."""

    calibration: tuple[np.ndarray, np.ndarray]
    search: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, uci: pathlib.Path | None, count: int) -> Data:
        """Recorded windows from a folder, or `count` synthetic ones of each person and class."""
        read = (lambda part: uci_har.windows(uci, part)) if uci else (lambda part: signals.windows(part, count))
        (x, y), test = read("calibration"), read("test")
        some = min(CALIBRATED, len(x) // 2)
        return cls((x[:some], y[:some]), (x[some:][:SEARCHED], y[some:][:SEARCHED]), test)

    def save(self, folder: pathlib.Path) -> None:
        """Write them as .npy, for the commands that are printed."""
        for name in self.__dataclass_fields__:
            for array, kind in zip(getattr(self, name), ("", "_labels")):
                np.save(folder / f"{name}{kind}.npy", array[:, None] if kind == "" else array)


def main() -> None:
    """Quantize, compare, search, in this order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uci", type=pathlib.Path, help="the folder 'UCI HAR Dataset'; synthetic signals without it")
    parser.add_argument("--model", type=pathlib.Path, default=BUNDLED, help="what train.py wrote, a .tflite.xz")
    parser.add_argument("--windows", type=int, default=15, help="synthetic windows of each person and class")
    parser.add_argument("-o", "--output", type=pathlib.Path, default=pathlib.Path("build/deepconvlstm"))
    options = parser.parse_args()
    if options.windows < 1:
        parser.error(f"--windows is {options.windows}; it is at least 1")
    if options.uci and options.model == BUNDLED:
        print("The bundled model was trained on synthetic signals; train.py --uci FOLDER -o FILE makes one for --model FILE.")
    try:
        model, data = lzma.decompress(options.model.read_bytes()), Data.of(options.uci, options.windows)
    except (OSError, lzma.LZMAError) as error:
        parser.error(f"{options.model}: {error}; expected a .tflite.xz that train.py wrote")
    except qref.InputError as error:
        parser.error(str(error))
    run(model, data, options.output)
    print_page(options.output)


def run(model: bytes, data: Data, folder: pathlib.Path) -> Suggestion:
    """The whole study; models, data and the recipe found are written into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    data.save(folder)
    print(f"{len(data.calibration[0])} windows calibrate, {len(data.search[0])} serve the search,", end=" ")
    print(f"{len(data.test[0])} of other persons judge. Models and data: {folder}")
    calibration = calibrate(qref.load(model), data.calibration[0][:, None])
    paths = quantized(model, calibration, folder)
    print_structure(paths)
    print_metrics(paths, data)
    report = print_layers(paths, data)
    found = search(paths[0], calibration, data, folder)
    print_remedies(paths, calibration, suspects_of(report), data)
    return found


def quantized(model: bytes, calibration: Calibration, folder: pathlib.Path) -> list[pathlib.Path]:
    """The float model and the two made of it, as files."""
    paths = [folder / f"{name}.tflite" for name in presentation.MODELS]
    paths[0].write_bytes(model)
    calibration.save(folder / "ranges.npz")
    made = (quantize_model(model, "dynamic_range"), quantize_model(model, calibration=calibration, **UINT8))
    heading(
        "Three models",
        f"qref quantize {paths[0]} --scheme dynamic_range -o {paths[1]}",
        f"qref quantize {paths[0]} --calibration {folder}/ranges.npz {UINT8_OPTIONS} -o {paths[2]}",
    )
    for path, result in zip(paths[1:], made):
        path.write_bytes(result.content)
    return paths


def heading(title: str, *commands: str) -> None:
    """A title, and the commands that do the same."""
    print(f"\n{title}\n" + "".join(f"\n    $ {command}" for command in commands) + ("\n" if commands else ""))


def print_structure(paths: Sequence[pathlib.Path]) -> None:
    """Tensors by type, with arrows against the float model; then operators and bytes."""
    heading("Tensors and bytes", f"qref analyze {' '.join(map(str, paths))}")
    rows = census([analyze(path) for path in paths])
    print_table(table_of(_beside("", ">"), (_beside_theirs(r, presentation.CENSUS.get(r.title)) for r in rows)))


def census(analyses: Sequence[qref.analyzer.Analysis]) -> list[Row]:
    """The structure report with one row for both 8-bit types, as the presentation counts them."""
    rows = {r.title: r for r in side_by_side(analyses)}
    both = [sum(counts) for counts in zip(*(rows.pop(t).counts for t in ("INT8", "UINT8") if t in rows))]
    return [row("INT8, UINT8", both, rows["tensors"].counts), *rows.values()]


def _beside(first: str, alignment: str) -> list[str]:
    """Columns for the three models, and for those of the presentation."""
    return [first, *(f"{whose}{name}{alignment}" for whose in ("", "theirs: ") for name in presentation.MODELS)]


def _beside_theirs(ours: Row, theirs: Sequence[int] | None) -> list[str]:
    quoted = [""] * len(ours.counts) if theirs is None else _with_arrows(row("", theirs, presentation.CENSUS["tensors"]))
    return [ours.title, *_with_arrows(ours), *quoted]


def _with_arrows(counted: Row) -> list[str]:
    return [f"{count:,} {arrow}".rstrip() for count, arrow in zip(counted.counts, ("", *counted.arrows))]


def print_metrics(paths: Sequence[pathlib.Path], data: Data) -> None:
    """Six metrics of the three models."""
    files = f"--data {paths[0].parent}/test.npy --labels {paths[0].parent}/test_labels.npy"
    heading(
        "Metrics on persons of whom the model has seen nothing",
        f"qref evaluate {' '.join(map(str, paths))} {files} --runtime {RUNTIME}",
    )
    found = measured({path.stem: path for path in paths}, data)
    rows = ([r.metrics[name] for r in found.rows] for name in presentation.METRICS)
    table = ([name, *_compared(ours), *_compared(theirs)] for (name, theirs), ours in zip(presentation.METRICS.items(), rows))
    print_table(table_of(_beside("", ">"), table))


def measured(models: Mapping[str, pathlib.Path | bytes], data: Data) -> Evaluation:
    """Models on the windows that judge."""
    with progress_bar("evaluating") as progress:
        x, y = data.test
        return evaluate(models, x[:, None], y, runtime=RUNTIME, progress=lambda _, count: progress(count))


def _compared(values: Sequence[float]) -> Iterator[str]:
    """Numbers as printed, with arrows against the first."""
    first = round(values[0], 3)
    for i, value in enumerate(values):
        arrow = "" if i == 0 else "~" if round(value, 3) == first else "↑" if value > first else "↓"
        yield f"{value:.3f} {arrow}".rstrip()


def print_layers(paths: Sequence[pathlib.Path], data: Data) -> DebugReport:
    """The quantization debugger on the full-integer model, as TensorFlow's measures, and the suspects with likely causes."""
    samples = f"--data {paths[0].parent}/calibration.npy"
    heading(
        "The quantization debugger",
        f"qref debug {paths[0]} {paths[2]} {samples} --like tflite --csv {paths[0].parent}/layers.csv",
    )
    with progress_bar("debugging") as progress:
        report = debug(paths[0], paths[2], data.calibration[0][:, None], runtime=RUNTIME, like="tflite", progress=progress)
    ours = (
        "operator",
        "elements>",
        "stddev>",
        "mean error>",
        "max |error|>",
        "MSE>",
        "scale>",
        "zero point>",
        "range>",
        "RMSE/scale>",
    )
    theirs = ("theirs: elements>", "scale>", "range>", "RMSE/scale>")
    print_table(table_of((*ours, *theirs), (_layer(x, t) for x, t in zip(report.layers, presentation.LAYERS))))
    print(f"1/sqrt(12) = {EXPECTED:.3f} is what rounding alone costs. Suspects, above {THRESHOLD}:")
    for layer in (layer for layer in report.layers if layer.suspected):
        print(f"  {layer.operator} {layer.op_name}: {layer.rmse_per_scale:.3f}")
    suspects = ", ".join(f"{n} {name}" for n, (name, *_, ratio) in enumerate(presentation.LAYERS) if ratio > THRESHOLD)
    print(f"theirs: {suspects}\nWhat the numbers of the three worst point to:")
    for layer in report.worst(3):
        for cause in report.causes(layer):
            print(f"  {layer.operator} {layer.op_name}, {cause.kind}: {cause.seen}; {cause.remedy}")
    return report


def suspects_of(report: DebugReport) -> list[str]:
    """The outputs of the suspected operators."""
    return [layer.tensor_name for layer in report.layers if layer.suspected]


def _layer(layer: qref.debugger.LayerStatistics, theirs: tuple[str, int, float, float, float]) -> list[str]:
    errors = (layer.own.stddev, layer.own.mean_error, layer.own.max_abs_error, layer.own.mean_squared_error, layer.scale)
    numbers = [f"{x:.6f}" for x in errors]
    reach = f"{layer.range:.6f}", f"{layer.rmse_per_scale:.6f}{' !' if layer.suspected else ''}"
    _, elements, scale, reached, ratio = theirs
    quoted = f"{elements:,}", f"{scale:.6f}", f"{reached:.6f}", f"{ratio:.6f}{' !' if ratio > THRESHOLD else ''}"
    return [layer.op_name, f"{layer.num_elements:,}", *numbers, str(layer.zero_point), *reach, *quoted]


def search(model: pathlib.Path, calibration: Calibration, data: Data, folder: pathlib.Path) -> Suggestion:
    """The mixed model that wins the accuracy back, found on windows that do not judge it."""
    samples = f"--data {folder}/search.npy --labels {folder}/search_labels.npy --representative {folder}/calibration.npy"
    heading(
        "The mixed model that wins the accuracy back",
        f"qref debug {model} {samples} --runtime {RUNTIME} --tries {TRIES} --suggest {folder}/recipe.json",
    )
    with progress_bar("trying models") as progress:
        x, y = data.search
        options = {"runtime": RUNTIME, "most_tries": TRIES, "progress": progress}
        found = suggest(model, None, x[:, None], y, calibration=calibration, **options)
    print_suggestion(found)
    (folder / "recipe.json").write_text(json.dumps(found.recipe.to_dict(), indent=1) + "\n")
    (folder / "mixed.tflite").write_bytes(found.content)
    return found


def print_remedies(paths: Sequence[pathlib.Path], calibration: Calibration, suspects: Sequence[str], data: Data) -> None:
    """Three remedies on the windows that judge: the suspects in float, the mixed model, ranges without the rarest values."""
    folder = paths[0].parent
    names = ("suspects_in_float", "mixed", f"full_integer_{ROBUST.partition(':')[0]}")
    in_float, mixed, robust = (folder / f"{name}.tflite" for name in names)
    ranges = calibrate(qref.load(paths[0]), data.calibration[0][:, None], method=method_of(ROBUST))
    in_float.write_bytes(quantize_model(paths[0], calibration=calibration, denylisted_nodes=suspects).content)
    robust.write_bytes(quantize_model(paths[0], calibration=ranges, **UINT8).content)
    begin = f"qref quantize {paths[0]} --calibration {folder}/ranges.npz"
    heading(
        "What is won back, on the windows that judge",
        f"{begin} {' '.join(f'--deny-node {name}' for name in suspects)} -o {in_float}",
        f"{begin} --recipe {folder}/recipe.json -o {mixed}",
        f"qref quantize {paths[0]} --data {folder}/calibration.npy --method {ROBUST} {UINT8_OPTIONS} -o {robust}",
    )
    found = measured({path.stem: path for path in (paths[0], paths[2], in_float, mixed, robust)}, data)
    columns = ("model", "accuracy>", "Cohen's kappa>", "agreement with float>", "SNR, dB>", "bytes>")
    print_table(table_of(columns, (_remedy(r) for r in found.rows)))


def print_page(folder: pathlib.Path) -> None:
    """All that is known of the full-integer model, on one page."""
    original, quantized, page = (folder / name for name in ("float.tflite", "full_integer.tflite", "report.html"))
    samples, labels = folder / "test.npy", folder / "test_labels.npy"
    heading(
        "One page of it",
        f"qref report {original} {quantized} --data {samples} --labels {labels} --samples {SHOWN} -o {page}",
    )
    page.write_text(made_page(quantized, original, samples, labels, limit=SHOWN).to_html())
    print(f"{page}: {page.stat().st_size:,} bytes")


def _remedy(found: qref.evaluation.Row) -> list[str]:
    shown = (("accuracy", ".3f"), ("cohen_kappa", ".3f"), ("agreement", ".3f"), ("snr", ".1f"))
    return [found.model, *(format(found.metrics[n], f) if n in found.metrics else "" for n, f in shown), f"{found.bytes:,}"]


if __name__ == "__main__":
    main()
