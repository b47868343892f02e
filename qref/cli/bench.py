"""qref bench: models and single operators timed in qref, in LiteRT and with kernels of the caller's."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from qref.bench import Bench, find_subjects, load_kernels
from qref.bench import bench as measure
from qref.bench.benchmark import Timing
from qref.bench.peaks import LARGEST
from qref.bench.plot import plot as draw
from qref.bench.timing import Spread
from qref.cli.output import print_json, print_table
from qref.pictures import expect_picture, write_picture

EXAMPLE = "Example: qref bench CONV_2D:14x14x64x64k3 digits_cnn_int8 --against litert:xnnpack --seconds 0.2 --operators"


def bench(
    subjects: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL_OR_OP...",
            help="A .tflite file, a folder, a bundled model's name, or an operator: OPERATOR:SIZES[kN][sN][dN][mN][v][:TYPE].",
        ),
    ],
    against: Annotated[
        list[str],
        typer.Option(
            help="litert:reference, litert:optimized, litert:xnnpack, or numpy (qref's readable form); may be repeated."
        ),
    ] = ["litert:xnnpack"],  # noqa: B006  (typer copies it)
    kernels: Annotated[
        pathlib.Path | None,
        typer.Option(help="A Python file that calls qref.bench.register(operator, bind): your kernels, checked, then timed."),
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(help="Whose arithmetic qref has. [default: that of the first LiteRT kernel set given]")
    ] = None,
    operators: Annotated[
        bool, typer.Option("--operators", help="Each operator: its time, GMAC/s and fraction of this machine's peaks.")
    ] = False,
    seconds: Annotated[float, typer.Option(help="Time for each model, all contenders together.")] = 3.0,
    threads: Annotated[
        int, typer.Option(help="Of qref's kernels, and of LiteRT's; NumPy's BLAS goes by OPENBLAS_NUM_THREADS.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the inputs, and of the constants of described operators.")] = 0,
    time_wrong: Annotated[
        bool, typer.Option("--time-wrong", help="Time registered kernels though their results differ from qref's.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds that LiteRT may take for one model.")] = 300,
    plot: Annotated[pathlib.Path | None, typer.Option(metavar="FILE", help="Draw the result: .png, .svg or .pdf.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    output: Annotated[pathlib.Path | None, typer.Option("-o", "--output", help="Write the JSON to a file.")] = None,
) -> None:
    """Time models and operators in turns: qref, LiteRT, your kernels. Above a ratio of 1, qref is faster.

    An operator is OPERATOR:SIZES and options. CONV_2D, TRANSPOSE_CONV: HEIGHTxWIDTHxINPUT_CHANNELSxOUTPUT_CHANNELS.
    DEPTHWISE_CONV_2D: HEIGHTxWIDTHxCHANNELS. FULLY_CONNECTED: ROWSxDEPTHxUNITS. BATCH_MATMUL: BATCHxROWSxDEPTHxCOLUMNS. ADD, MUL,
    SOFTMAX: any shape. Options: k filter, s stride, d dilation (each N or HEIGHTxWIDTH), m depth multiplier, v padding VALID
    instead of SAME. TYPE: int8, int16 or float32. So: DEPTHWISE_CONV_2D:112x112x64k3s2:int8.

    All run in one process, each on as many threads; compilation and first invoke are shown apart. A ratio is the median over
    neighboring runs, with the 10th and 90th percentile. Exit status 1 if a registered kernel is not exact. An operator's peak is
    that of the instructions in qref's kernels, or of memory for as many bytes as it touches, whichever limits it, on one thread;
    its time includes a call from Python.
    """
    if plot is not None:
        expect_picture(plot)
    if kernels is not None:
        load_kernels(kernels)
    names = against if kernels is None else [*against, "kernels"]
    options = {"runtime": runtime, "seconds": seconds, "seed": seed, "threads": threads, "timeout": timeout}
    results = [
        measure(subject, names, operators=operators, time_wrong=time_wrong, **options)  # type: ignore[arg-type]
        for subject in find_subjects(subjects, seed)
    ]
    if plot is not None:
        write_picture(draw(results), plot)
    if json or output is not None:
        print_json([result.to_dict() for result in results], output)
    if not json:
        print_bench(results)
    raise typer.Exit(1 if any(result.differs for result in results) else 0)


def print_bench(results: list[Bench]) -> None:
    """The tables: contenders of all models, then the operators of each."""
    print_table(_contenders(results))
    for result in results:
        for timing in result.timings:
            if timing.difference is not None:
                print(f"{result.name}, {timing.name}: {timing.difference}")
    for result in results:
        if result.peaks is not None:
            print(result.name)
            print_table(_operators(result))
    peaks = next((result.peaks for result in results if result.peaks is not None), None)
    if peaks is not None:
        kinds = {f"of {bits} bits": speed for bits, speed in peaks.macs.items()}
        if peaks.matrices is not None:
            kinds["of 8 bits in matrices"] = peaks.matrices
        speeds = ", ".join(f"{speed / 1e9:.0f} GMAC/s {kind}" for kind, speed in kinds.items())
        copied = ", ".join(
            f"{peaks.bandwidth_of(size) / 1e9:.0f} GB/s in {size >> 10:,} KiB" for size in (2**15, 2**19, 2**LARGEST)
        )
        print(f"peaks of one thread, with the instructions of qref's kernels: {speeds}; {copied}")


def _contenders(results: list[Bench]) -> Table:
    right = ("us [10 %, 90 %]", "ratio to qref [10 %, 90 %]", "GMAC/s", "runs", "prepare s", "first s")
    table = _table(("model", "who"), right, ("against qref's bits",))
    for result in results:
        for timing in result.timings:
            who = f"qref ({result.runtime})" if timing.name == "qref" else timing.name
            table.add_row(result.name, who, *_cells(timing))
    return table


def _cells(timing: Timing) -> list[str]:
    if timing.reason:
        return [*[""] * 6, timing.reason]
    bits = "same" if not timing.mismatches else f"{timing.mismatches:,} of {timing.elements:,} outputs differ"
    bits = "" if timing.name == "qref" else "wrong: see below" if timing.difference is not None else bits
    begun = [f"{timing.prepare_seconds:.3f}", f"{timing.warm_up_seconds:.3f}"]
    if timing.seconds is None:
        return [*[""] * 4, *begun, bits]
    ratio = "" if timing.ratio is None else _spread(timing.ratio, 1, 2)
    gmacs = f"{timing.gmacs:.1f}" if timing.gmacs else ""
    return [_spread(timing.seconds, 1e6, 1), ratio, gmacs, f"{timing.runs:,}", *begun, bits]


def _operators(result: Bench) -> Table:
    right = ("us [10 %, 90 %]", "share", "MMAC", "GMAC/s", "MAC/byte")
    table = _table(("operator", "kernel", "output"), right, ("bound",), ("fraction of peak",))
    total = sum(row.seconds.median for row in result.operators if row.kernel == "qref")
    for row in result.operators:
        share = f"{row.seconds.median / total:.1%}" if row.kernel == "qref" else ""
        work = [f"{row.macs / 1e6:.2f}", f"{row.gmacs:.1f}", f"{row.intensity:.1f}"] if row.macs else [""] * 3
        peak = "" if row.fraction is None else f"{row.fraction:.1%}"
        name, shape = f"{row.operator} {row.name}", "x".join(map(str, row.shape))
        table.add_row(name, row.kernel, shape, _spread(row.seconds, 1e6, 1), share, *work, row.bound or "", peak)
    return table


def _table(*columns: tuple[str, ...]) -> Table:
    """Columns in groups, aligned left and right in turns."""
    table = Table(box=box.SIMPLE_HEAD)
    for group, names in enumerate(columns):
        for name in names:
            table.add_column(name, justify="right" if group % 2 else "left", overflow="fold")
    return table


def _spread(spread: Spread, unit: float, digits: int) -> str:
    low, median, high = (f"{value * unit:.{digits}f}" for value in (spread.low, spread.median, spread.high))
    return f"{median} [{low}, {high}]"
