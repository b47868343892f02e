"""What a model gives for a dataset: real values, a row for each label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.arithmetic.affine import dequantize
from qref.batch import invoke_each
from qref.datasets import Source, by_tensor
from qref.errors import InputError
from qref.interpreter import Interpreter
from qref.schema import Model

Progress = Callable[[int], None]


def outputs(
    model: Model,
    data: Source,
    *,
    output: str | int | None = None,
    runtime: str = "litert-reference",
    num_threads: int | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """What a model gives for a dataset: real values [rows, columns], or integers [rows] where it gives such, as ARG_MAX does.

    An output [1, classes] gives a row for each sample, and [1, height, width, classes] one for each pixel. Quantized outputs are
    dequantized. Every sample starts from the initial state.
    output     the output's name or position; needed where there are several
    progress   called with the number of samples done
    Raises InputError for samples that do not fit, none at all, or outputs that are not finite.
    """
    interpreter = Interpreter(model_content=model, runtime=runtime, num_threads=num_threads)
    interpreter.allocate_tensors()
    detail = _chosen(interpreter.get_output_details(), output)
    found: list[np.ndarray] = []
    count = 0
    for chunk in invoke_each(interpreter, by_tensor(data, interpreter.get_input_details()), [detail["index"]]):
        found.append(chunk[detail["index"]])
        count += len(found[-1])
        if progress is not None:
            progress(count)
    if not found:
        raise InputError("the dataset holds no sample")
    return _real(np.concatenate(found), detail)


def _chosen(details: Sequence[dict[str, Any]], output: str | int | None) -> dict[str, Any]:
    names = [d["name"] for d in details]
    if output is None and len(details) == 1:
        return details[0]
    matching = [d for position, d in enumerate(details) if output is not None and str(output) in (str(position), d["name"])]
    if not matching:
        wrong = "choose one" if output is None else f"there is no {output!r}"
        raise InputError(f"the model has the outputs {', '.join(map(repr, names))}: {wrong}, by name or position from 0")
    return matching[0]


def _real(found: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    scale, zero_point = detail["quantization"]
    if found.dtype.kind not in "fiub" or not found.size:
        what = f"{found.dtype} of shape {list(found.shape[1:])}"
        raise InputError(f"output {detail['name']!r} is {what}, which is nothing to judge; choose another output")
    if found.dtype.kind != "f" and scale == 0:
        return found.astype(np.int64).reshape(-1)
    real = dequantize(found, scale, zero_point) if scale else found
    if not np.isfinite(real).all():
        number = np.argwhere(~np.isfinite(real))[0][0]
        raise InputError(f"output {detail['name']!r} becomes NaN or infinite for sample {number}: the model cannot be judged")
    return real.reshape(-1, real.shape[-1] if real.ndim > 1 else 1).astype(np.float64)
