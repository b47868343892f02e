"""qref run: a model on inputs from files."""

from __future__ import annotations

import pathlib
from typing import Annotated

import numpy as np
import typer
from rich import box
from rich.table import Table

from qref.cli.output import print_json, print_table
from qref.files import write_atomically
from qref.inputs import read_inputs, start
from qref.schema import load

EXAMPLE = "Example: qref run qref/models/digits_cnn_int8.tflite --input digit.npy -o result.npz"


def run(
    model: Annotated[pathlib.Path, typer.Argument(metavar="MODEL", help="The .tflite file.")],
    input: Annotated[
        list[pathlib.Path],
        typer.Option(
            "--input", help="One file per input in the graph's order: .npy, an image; or one .npz with a name per input."
        ),
    ],
    runtime: Annotated[str, typer.Option(help="Whose arithmetic.")] = "litert-reference",
    kernels: Annotated[
        str, typer.Option(help="numba (compiled) or numpy (the readable form); the results are the same.")
    ] = "numba",
    all_tensors: Annotated[bool, typer.Option("--all", help="Keep every tensor, not just the outputs.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the tensors as JSON.")] = False,
    output: Annotated[
        pathlib.Path | None, typer.Option("-o", "--output", help="Write the tensors to an .npz, by tensor name.")
    ] = None,
) -> None:
    """Run a model on inputs from files and print or save its outputs.

    Real values are quantized with the input's own scale and zero point where the input is quantized and the file holds floats;
    images are resized to the input and scaled to 0 to 1 first.
    """
    from qref.interpreter import Interpreter

    loaded = load(model)
    interpreter = Interpreter(model_content=loaded, runtime=runtime, kernels=kernels)
    inputs = read_inputs(input, interpreter.get_input_details())
    start(interpreter, inputs)
    interpreter.invoke()
    wanted = interpreter.get_tensor_details() if all_tensors else interpreter.get_output_details()
    arrays = {
        d["name"] or f"tensor_{d['index']}": interpreter.get_tensor(d["index"]) for d in wanted if interpreter.is_held(d["index"])
    }
    if output is not None:
        write_atomically(output, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
    if json:
        print_json({name: array.tolist() for name, array in arrays.items()}, None)
    else:
        print_table(_table(arrays))


def _table(arrays: dict[str, np.ndarray]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("tensor", "dtype", "shape", "values"):
        table.add_column(column, overflow="fold")
    for name, array in arrays.items():
        table.add_row(name, str(array.dtype), str(list(array.shape)), np.array2string(array, threshold=32, max_line_width=80))
    return table
