"""Docstrings as Markdown: lines of names, blanks and what they mean become lists, ">>>" examples become code."""

from __future__ import annotations

import re
from typing import Any

import griffe

FIELD = re.compile(r"(?P<names>[\w.*]+(?:, [\w.*]+)*) {2,}(?P<meaning>\S.*)")


class AsMarkdown(griffe.Extension):
    """Rewrites each docstring before it is rendered."""

    def on_instance(self, *, obj: griffe.Object, **rest: Any) -> None:
        """Called for every module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    """The docstring with its lists and examples marked."""
    return "\n\n".join(_paragraph(paragraph) for paragraph in re.split(r"\n{2,}", text))


def _paragraph(paragraph: str) -> str:
    if paragraph.startswith(">>>"):
        return f"```pycon\n{paragraph}\n```"
    shown, in_list = [], False
    for line in paragraph.replace("][", "]\\[").split("\n"):  # shapes and indices are no references
        field = FIELD.fullmatch(line)
        continued = in_list and line.startswith(" ")
        if (field is not None) != in_list and not continued and shown:
            shown.append("")  # a list begins or ends
        in_list = field is not None or continued
        shown.append(f"- `{field['names']}`: {field['meaning']}" if field else f"  {line.strip()}" if continued else line)
    return "\n".join(shown)
