"""Values that JSON can hold."""

from __future__ import annotations

import math
from typing import Any


def plain(value: Any) -> Any:
    """The same with tuples as lists, and with infinities and NaN, which JSON has no numbers for, as text.

    >>> plain({"scales": (0.5, float("inf"), -float("nan"))})
    {'scales': [0.5, 'inf', 'nan']}
    """
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
