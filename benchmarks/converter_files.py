"""How the quantizer's files agree with TFLiteConverter's: scales, zero points, weights, biases, operators, sizes.

    python benchmarks/converter_files.py FOLDER

FOLDER holds NAME_float.tflite, NAME_calibrated.tflite (the converter's calibrate-only output), and what the converter made of
them: NAME_drq, NAME_f16, NAME_int8 (int8 ends), NAME_int8f (float ends), NAME_int16. Each is made again, from the ranges in
NAME_calibrated or from the weights in NAME_float alone, and compared operand by operand. float16 constants have no order and are
compared as a set.
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
from qref.cli.output import print_table
from qref.schema import Model, Tensor, load

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
    folder = parser.parse_args().folder
    columns = "operators", "scales", "zero points", "weights", "biases", "constants", "bytes", "converter's bytes"
    table = Table("model", *columns, box=box.SIMPLE_HEAD)
    for path, source, scheme, type_ in files(folder):
        content = qref.quantize(source, scheme, inference_input_type=type_, inference_output_type=type_)
        ours, theirs = load(content), load(path)
        equal, total = compared(ours, theirs)
        cells = [f"{equal[name]:,} of {total[name]:,}" if total[name] else "" for name in columns[:6]]
        table.add_row(path.stem, *cells, f"{len(content):,}", f"{path.stat().st_size:,}")
    print_table(table)


def files(folder: pathlib.Path) -> Iterator[tuple[pathlib.Path, pathlib.Path, str, str]]:
    """The converter's files that can be made again: what from, and how."""
    for path in sorted(folder.glob("*.tflite")):
        for suffix, (source, scheme, type_) in KINDS.items():
            name, end, rest = path.stem.rpartition(f"_{suffix}")
            origin = folder / f"{name}_{source}.tflite"
            if end and not rest and origin.exists():
                yield path, origin, scheme, type_


def compared(ours: Model, theirs: Model) -> tuple[Counter[str], Counter[str]]:
    """How many are equal in every bit, and how many there are: operators in their order, then tensors by operand, each once."""
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
                _count(ours, graphs[0].tensors[a], theirs, graphs[1].tensors[b], equal, total)
    return equal, total


def _half_constants(model: Model) -> list[bytes]:
    graph = model.subgraphs[0]
    return [bytes(model.buffers[t.buffer].data) for t in graph.tensors if t.type.name == "FLOAT16" and t.buffer]


def _count(ours: Model, a: Tensor, theirs: Model, b: Tensor, equal: Counter[str], total: Counter[str]) -> None:
    if b.quantization is None or not len(b.quantization.scale) or b.type.name == "FLOAT16":
        return
    p = a.quantization
    pairs = {
        "scales": (None if p is None else p.scale.tobytes(), b.quantization.scale.tobytes()),
        "zero points": (None if p is None else p.zero_point.tobytes(), b.quantization.zero_point.tobytes()),
    }
    constant = theirs.data(b)
    if constant is not None:
        mine = ours.data(a)
        name = "biases" if constant.dtype in (np.int32, np.int64) else "weights"
        pairs[name] = (None if mine is None else mine.tobytes(), constant.tobytes())
    for name, (one, other) in pairs.items():
        total[name] += 1
        equal[name] += one == other


if __name__ == "__main__":
    main()
