"""How the quantizer's files agree with TFLiteConverter's: scales, zero points, weights, biases, operators, sizes.

    python benchmarks/converter_files.py FOLDER [--samples]

FOLDER holds NAME_float.tflite, NAME_calibrated.tflite (the converter's calibrate-only output), and what the converter made
of them: NAME_drq, NAME_f16, NAME_int8 (int8 ends), NAME_int8f (float ends), NAME_int16. Each is made again, from the ranges in
NAME_calibrated or from the weights in NAME_float alone, and compared operand by operand. float16 constants have no order and are
compared as a set. "outputs" counts those of 50 random inputs that are equal when LiteRT runs both files.

--samples makes the integer files from NAME_float and the samples that the converter saw instead, 20 of a normal distribution
(NumPy's default_rng(0)), and tells how far ranges and scales are apart; biases count as equal within 1.
"""

from __future__ import annotations

import argparse
import pathlib
from collections import Counter
from collections.abc import Iterator

import numpy as np
from rich import box
from rich.table import Table

import qref
from qref import BackendError
from qref.cli.output import print_table
from qref.compare.litert import Litert
from qref.inputs import draw_inputs
from qref.quantizer import Quantized, quantize_model
from qref.schema import Model, Tensor, load

ROUNDS = 50

KINDS = {
    "drq": ("float", "dynamic_range", "float32"),
    "f16": ("float", "float16", "float32"),
    "int8f": ("calibrated", "full_integer", "float32"),
    "int8": ("calibrated", "full_integer", "int8"),
    "int16": ("calibrated", "int16x8", "float32"),
}


def main() -> None:
    """Print a row for each of the converter's files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--samples", action="store_true")
    arguments = parser.parse_args()
    print_table(from_samples(arguments.folder) if arguments.samples else from_ranges(arguments.folder))


def from_ranges(folder: pathlib.Path) -> Table:
    """The converter's files made from its own ranges."""
    columns = "operators", "scales", "zero points", "weights", "biases", "constants"
    sizes = "outputs", "bytes", "converter's bytes", "float / ours"
    table = Table("model", *columns, *sizes, box=box.SIMPLE_HEAD)
    for path, source, scheme, type_ in files(folder):
        content = qref.quantize(source, scheme, inference_input_type=type_, inference_output_type=type_)
        ours, theirs = load(content), load(path)
        equal, total = compared(ours, theirs)
        cells = [f"{equal[name]:,} of {total[name]:,}" if total[name] else "" for name in columns]
        whole = (folder / source.name.replace("_calibrated", "_float")).stat().st_size
        ratio = f"{whole / len(content):.2f}"
        table.add_row(path.stem, *cells, outputs(content, path), f"{len(content):,}", f"{path.stat().st_size:,}", ratio)
    return table


def outputs(content: bytes, path: pathlib.Path) -> str:
    """How many of 50 random inputs give equal outputs in LiteRT: in its reference kernels, or the others where those refuse."""
    rng, model = np.random.default_rng(1), load(content)
    rounds = [draw_inputs(model, int(seed)) for seed in rng.integers(2**31, size=ROUNDS)]
    for kernel_set in ("reference", "optimized"):
        try:
            with Litert(kernel_set) as litert:
                found = [litert.run(file, rounds, keep_all=False) for file in (content, path.read_bytes())]
        except BackendError:
            continue
        ends = [load(file).subgraphs[0].outputs for file in (content, path)]
        equal = sum(all(np.array_equal(a[x], b[y]) for x, y in zip(*ends)) for a, b in zip(*found))
        return f"{equal} of {ROUNDS}"
    return "refused"


def from_samples(folder: pathlib.Path) -> Table:
    """The converter's integer files made from the samples that it saw."""
    columns = "operators", "scales", "zero points", "weights", "biases"
    table = Table("model", "ranges", "greatest deviation", *columns, "scales, apart", box=box.SIMPLE_HEAD)
    for path, source, scheme, type_ in files(folder):
        if source.stem.endswith("_calibrated"):
            model = load(source.with_name(source.name.replace("_calibrated", "_float")))
            shape, rng = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape, np.random.default_rng(0)
            samples = [rng.normal(size=shape).astype(np.float32) for _ in range(20)]
            result = quantize_model(
                model, scheme, samples, like="tflite", inference_input_type=type_, inference_output_type=type_
            )
            equal, total, apart = (
                *compared(load(result.content), load(path), slack=1),
                scales_apart(load(result.content), load(path)),
            )
            cells = [f"{equal[name]:,} of {total[name]:,}" if total[name] else "" for name in columns]
            count, deviation = ranges_apart(result, load(source))
            table.add_row(path.stem, str(count), f"{deviation:.1e}", *cells, f"{apart:.1e}")
    return table


def ranges_apart(result: Quantized, calibrated: Model) -> tuple[int, float]:
    """How many ranges were recorded, and how far the ends of one are apart at most, in units of its greatest absolute value."""
    theirs = {t.name: t.quantization for t in calibrated.subgraphs[0].tensors if t.quantization is not None}
    deviations = [
        max(abs(d.range.min - theirs[d.name].min[0]), abs(d.range.max - theirs[d.name].max[0])) / (d.range.magnitude or 1)
        for d in result.decisions[0]
        if d.range is not None and d.name in theirs and len(theirs[d.name].min)
    ]
    return len(deviations), max(deviations)


def scales_apart(ours: Model, theirs: Model) -> float:
    """The greatest relative difference of two scales."""
    greatest = 0.0
    for operators in zip(*(model.subgraphs[0].operators for model in (ours, theirs))):
        for pair in zip(*((*o.inputs, *o.outputs) for o in operators)):
            p, q = (m.subgraphs[0].tensors[i].quantization for m, i in zip((ours, theirs), pair))
            if min(pair) >= 0 and p is not None and q is not None and len(p.scale) == len(q.scale) > 0:
                greatest = max(greatest, float(np.abs(p.scale / q.scale - 1).max()))
    return greatest


def files(folder: pathlib.Path) -> Iterator[tuple[pathlib.Path, pathlib.Path, str, str]]:
    """The converter's files that can be made again: what from, and how."""
    for path in sorted(folder.glob("*.tflite")):
        for suffix, (source, scheme, type_) in KINDS.items():
            name, end, rest = path.stem.rpartition(f"_{suffix}")
            origin = folder / f"{name}_{source}.tflite"
            if end and not rest and origin.exists():
                yield path, origin, scheme, type_


def compared(ours: Model, theirs: Model, slack: int = 0) -> tuple[Counter[str], Counter[str]]:
    """How many are equal in every bit, and how many there are: operators in their order, then tensors by operand, each once.

    slack   how far biases may be apart
    """
    equal: Counter[str] = Counter()
    total: Counter[str] = Counter()
    graphs = ours.subgraphs[0], theirs.subgraphs[0]
    names = [[operator.name for operator in graph.operators] for graph in graphs]
    total["operators"], equal["operators"] = len(names[1]), sum(a == b for a, b in zip(*names))
    if names[0] != names[1]:
        return equal, total
    halves = [sorted(_half_constants(model)) for model in (ours, theirs)]
    total["constants"], equal["constants"] = len(halves[1]), sum(a == b for a, b in zip(*halves))
    seen = set()
    for operators in zip(*(graph.operators for graph in graphs)):
        for a, b in zip(*((*o.inputs, *o.outputs, *o.intermediates) for o in operators)):
            if min(a, b) >= 0 and b not in seen:
                seen.add(b)
                _count(ours, graphs[0].tensors[a], theirs, graphs[1].tensors[b], equal, total, slack)
    return equal, total


def _half_constants(model: Model) -> list[bytes]:
    graph = model.subgraphs[0]
    return [bytes(model.buffers[t.buffer].data) for t in graph.tensors if t.type.name == "FLOAT16" and t.buffer]


def _count(ours: Model, a: Tensor, theirs: Model, b: Tensor, equal: Counter[str], total: Counter[str], slack: int) -> None:
    if b.quantization is None or not len(b.quantization.scale) or b.type.name == "FLOAT16":
        return
    p = a.quantization
    alike = {
        "scales": p is not None and p.scale.tobytes() == b.quantization.scale.tobytes(),
        "zero points": p is not None and p.zero_point.tobytes() == b.quantization.zero_point.tobytes(),
    }
    constant, mine = theirs.data(b), ours.data(a)
    if constant is not None:
        name, allowed = ("biases", slack) if constant.dtype in (np.int32, np.int64) else ("weights", 0)
        alike[name] = mine is not None and np.abs(mine.astype(np.int64) - constant.astype(np.int64)).max(initial=0) <= allowed
    for name, same in alike.items():
        total[name] += 1
        equal[name] += bool(same)


if __name__ == "__main__":
    main()
