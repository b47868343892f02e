"""Rows as a pandas.DataFrame; pandas is imported when one is asked for."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from typing import Any

from qref.errors import InputError


def to_frame(rows: Iterable[Mapping[str, Any]]) -> Any:
    """A pandas.DataFrame with a line for each row; raises InputError where pandas is missing."""
    if importlib.util.find_spec("pandas") is None:
        raise InputError("to_pandas() needs pandas; install it with: pip install pandas")
    return importlib.import_module("pandas").DataFrame(list(rows))
