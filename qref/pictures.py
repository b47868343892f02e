"""Figures of matplotlib, and pictures of them in files: the same figure, the same bytes."""

from __future__ import annotations

import pathlib
from typing import IO, TYPE_CHECKING, Any, Literal

from qref.errors import BackendError, InputError
from qref.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "qref",
    "svg.fonttype": "none",
}  # names in an SVG that do not change, and text as text
UNDATED: dict[str, dict[str, Any]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """An empty figure of a size in inches; raises BackendError where matplotlib is not installed.

    layout   None where the caller sets the margins: it takes a fraction of the time
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BackendError("a plot needs matplotlib; install it with: pip install 'qref-tflite[report]'") from None
    return Figure(figsize=(width, height), layout=layout)


def expect_picture(path: pathlib.Path) -> None:
    """Raise InputError where a name does not tell a kind of picture, BackendError where matplotlib is not installed."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"cannot draw {path}: the name should end in {', '.join(SUFFIXES)}")
    new_figure(1, 1)


def write_picture(figure: Figure, path: pathlib.Path) -> None:
    """Write a figure to a file whose name ends in one of SUFFIXES, all of it or nothing."""
    write_atomically(path, lambda file: save_picture(figure, file, path.suffix[1:]))


def save_picture(figure: Figure, file: IO[bytes], kind: str) -> None:
    """Write a figure as png, svg or pdf."""
    import matplotlib

    with matplotlib.rc_context(SETTINGS):
        figure.savefig(file, format=kind, metadata=UNDATED[kind])
