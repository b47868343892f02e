"""Text from a model, made harmless."""

from __future__ import annotations


def printable(text: str, most: int = 200) -> str:
    r"""Text from a model, safe on a terminal: control characters and what Unicode does not print escaped, cut after `most`.

    >>> print(printable("a\x1b[31m b"), printable("x" * 1000, most=3))
    a\x1b[31m b xxx... (1,000 characters)
    """
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:most])
    return shown if len(text) <= most else f"{shown}... ({len(text):,} characters)"
