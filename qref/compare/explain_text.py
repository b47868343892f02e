"""An explanation as lines for a terminal and as Markdown with LaTeX formulas.

Tuples of one length that follow each other are the columns of a table, a tap a row; long tables are folded in the middle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qref.arithmetic.explanation import Step, Value
from qref.compare.explain import ElementExplanation, OperandSummary
from qref.compare.formula import latex
from qref.text import printable

FIRST_ROWS, LAST_ROWS = 6, 3  # of a folded table
NAME = 80  # characters of a name that are shown


@dataclass(frozen=True, slots=True)
class TapTable:
    """Steps whose values are tuples of one length."""

    steps: tuple[Step, ...]

    def rows(self) -> list[tuple[str, ...]]:
        """The cells, the number of the tap first; a row of dots stands for those folded away."""
        columns = [step.value for step in self.steps]
        whole = [(str(i), *(number(c[i]) for c in columns)) for i in range(len(columns[0]))]  # type: ignore[arg-type,index]
        if len(whole) <= FIRST_ROWS + LAST_ROWS + 1:
            return whole
        dots = tuple("..." for _ in whole[0])
        return [*whole[:FIRST_ROWS], dots, *whole[-LAST_ROWS:]]


def parts(steps: Sequence[Step]) -> Iterator[Step | TapTable]:
    """The steps in their order, those whose values are tuples of one length gathered where the last of them stands.

    Given scalars that stand between such tuples come before the table.
    """
    columns: list[Step] = []
    for position, step in enumerate(steps):
        if not isinstance(step.value, tuple):
            yield step
            continue
        columns.append(step)
        following = [s for s in steps[position + 1 :] if isinstance(s.value, tuple)]
        if not following or len(following[0].value) != len(step.value):  # type: ignore[arg-type]
            yield TapTable(tuple(columns))
            columns = []


def number(value: Value) -> str:
    """A number as text: integers whole, floats with as many digits as tell them apart."""
    return f"{value:.9g}" if isinstance(value, float) and float(f"{value:.9g}") == value else str(value)


def shown(step: Step) -> str:
    """The value of a step; multipliers in hexadecimal too, dropped bits in binary."""
    value = step.value
    if isinstance(value, int) and step.name.startswith("quantized_multiplier"):
        return f"{value:#x} = {value}"
    if isinstance(value, int) and step.name.startswith("dropped") and value >= 0:
        return f"{value:#b}"
    return number(value)


def title(explained: ElementExplanation) -> str:
    """One sentence: which element, where, and what it is."""
    output = explained.operands[-1]
    place = ", ".join(map(str, explained.element))
    where = f"of tensor {output.tensor} ({_name(output)}), operator {explained.operator} ({explained.name})"
    real = "" if explained.real is None else f" (real {explained.real:.6g})"
    return f"y[{place}] {where}, is {number(explained.value)}{real} in {explained.runtime}"


def operand(summary: OperandSummary) -> str:
    """An operand in a line: type, shape and what its integers stand for."""
    line = f"{summary.role}: {summary.type} {list(summary.shape)}"
    if summary.scale is not None:
        line += f", real = {number(summary.scale)} * (q - {summary.zero_point})"
    elif summary.scales:
        line += f", {summary.scales} scales"
    return f"{line}, tensor {summary.tensor} ({_name(summary)})"


def _name(summary: OperandSummary) -> str:
    return f"'{printable(summary.name, NAME)}'"


def markdown(explained: ElementExplanation) -> str:
    """The explanation as a Markdown document with LaTeX formulas."""
    lines = [f"# {title(explained)}", "", *(f"- {operand(summary)}" for summary in explained.operands), ""]
    for part in parts(explained.steps):
        if isinstance(part, TapTable):
            names = [f"`{step.name}`" for step in part.steps]
            lines += ["", *_table(["tap", *names], part.rows()), ""]
            lines += [_sentence(step, "") for step in part.steps]
        else:
            lines.append(_sentence(part, f" = `{shown(part)}`"))
    lines += ["", "## The same element in other runtimes, from the same inputs", ""]
    return "\n".join([*lines, *_table(["runtime", "result"], [(n, number(v)) for n, v in explained.others.items()]), ""])


def _sentence(step: Step, value: str) -> str:
    formula = f": ${latex(step.formula)}$" if step.formula else ""
    return f"- `{step.name}`{value}{formula}{' (' + step.meaning + ')' if step.meaning else ''}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---:"] * len(head), *rows)]
