"""What a .tflite file holds: the text of tf.lite's Analyzer, and what it does not tell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qref.analyzer.analysis import SCHEMA_VERSION, Analysis, analyze_model, side_by_side
from qref.analyzer.census import structure
from qref.analyzer.compare import Comparison, compare
from qref.analyzer.tflite_text import tflite_text
from qref.errors import InputError, InvalidModel
from qref.schema import Limits, load
from qref.schema.reader import read_bytes

__all__ = [
    "SCHEMA_VERSION",
    "Analysis",
    "Analyzer",
    "Comparison",
    "analyze",
    "compare",
    "side_by_side",
    "structure",
    "tflite_report",
    "tflite_text",
]


def analyze(source: str | os.PathLike[str] | bytes, *, limits: Limits | None = None) -> Analysis:
    """Analyze a .tflite file, also one that qref cannot run.

    source   a path, or the bytes of a file
    limits   bounds for the file, `qref.Limits()` by default
    Raises InvalidModel.

    >>> import qref
    >>> analysis = qref.analyzer.analyze(qref.bundled("digits_cnn_int8"))
    >>> analysis.macs, analysis.memory[0].arena, analysis.tensors["INT8"]
    (20544, 1354, 15)
    """
    with _named(source):
        content = _content(source, limits)
        return analyze_model(load(content, limits=limits), len(content))


class Analyzer:
    """tf.lite.experimental.Analyzer: same arguments, same text."""

    @staticmethod
    def analyze(
        model_path: str | os.PathLike[str] | None = None,
        model_content: bytes | None = None,
        gpu_compatibility: bool = False,
        **kwargs: Any,
    ) -> None:
        """Print a model as TensorFlow 2.21's Analyzer does, character by character.

        model_path          of a .tflite file; or
        model_content       its bytes
        gpu_compatibility   prints the sentence that TensorFlow prints here for every model: it checks nothing any more
        kwargs              experimental_use_mlir=False, as in TensorFlow; the text of MLIR is not to be had here
        Raises InputError where an argument is wrong, InvalidModel.

        >>> import qref
        >>> qref.Analyzer.analyze(model_content=qref.bundled("digits_cnn_int8").read_bytes())  # doctest: +ELLIPSIS
        === TFLite ModelAnalyzer ===
        <BLANKLINE>
        Your TFLite model has '1' subgraph(s). In the subgraph description below,
        ...
        """
        unknown = [name for name, value in kwargs.items() if name != "experimental_use_mlir" or value]
        if unknown:
            raise InputError(f"Analyzer.analyze has no {', '.join(unknown)} here; it prints the text without MLIR")
        source = model_path or model_content
        if not source:
            raise InputError("give model_path or model_content: neither is provided")
        print(tflite_report(source, gpu_compatibility=gpu_compatibility))


def tflite_report(source: str | os.PathLike[str] | bytes, *, gpu_compatibility: bool = False) -> str:
    """What TensorFlow's Analyzer prints for a path or bytes, but for the end of the last line."""
    title = "TFLite ModelAnalyzer" if isinstance(source, bytes | bytearray) else os.fspath(source)
    with _named(source):
        return f"=== {title} ===\n\n{tflite_text(_content(source, None), gpu_compatibility=gpu_compatibility)}"


def _content(source: str | os.PathLike[str] | bytes, limits: Limits | None) -> bytes:
    if isinstance(source, str | os.PathLike):
        return read_bytes(source, limits or Limits())
    return bytes(source)


@contextmanager
def _named(source: str | os.PathLike[str] | bytes) -> Iterator[None]:
    """Put the path, if there is one, before what is wrong with its file."""
    try:
        yield
    except InvalidModel as error:
        raise InvalidModel(f"{os.fspath(source)}: {error}" if isinstance(source, str | os.PathLike) else str(error)) from None
