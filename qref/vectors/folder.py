"""A folder that is written whole or not at all, and archives whose bytes depend on their arrays alone."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable

import numpy as np

from qref.errors import InputError

MANIFEST = "manifest.json"


def write_folder(folder: pathlib.Path, force: bool, fill: Callable[[pathlib.Path], None]) -> None:
    """Call fill(temporary) on a new folder beside `folder`, then give it that name: a failure leaves everything as it was.

    An empty folder is taken. One that holds something is refused; with `force` it is replaced if it holds golden vectors.
    Raises InputError for a folder that is refused or cannot be written.
    """
    try:
        _check(folder, force)
        temporary = pathlib.Path(tempfile.mkdtemp(dir=folder.resolve().parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror or error}") from None
    try:
        fill(temporary)
        temporary.chmod(0o755)
        _replace(temporary, folder.resolve())
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check(folder: pathlib.Path, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give the name of a folder")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not force:
        raise InputError(f"{folder} is not empty; give another folder, or replace these golden vectors with --force")
    if not (folder / MANIFEST).is_file():
        raise InputError(f"{folder} holds no {MANIFEST}: --force replaces nothing but golden vectors; give another folder")


def _replace(temporary: pathlib.Path, folder: pathlib.Path) -> None:
    """Move a folder to its place; what was there is removed when the new one stands."""
    with contextlib.ExitStack() as cleanup:
        if folder.is_dir():
            aside = pathlib.Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
            cleanup.callback(shutil.rmtree, aside, ignore_errors=True)
            os.rename(folder, aside)
            try:
                os.rename(temporary, folder)
            except OSError:
                os.rename(aside, folder)
                raise
        else:
            os.rename(temporary, folder)


def write_text(path: pathlib.Path, text: str) -> None:
    """Write a text file, and the folders it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def write_npz(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as numpy.savez does, without compression, in the order of their names and without times."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(arrays[name]), allow_pickle=False)
