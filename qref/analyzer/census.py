"""The structure report: what models are made of, side by side, and how each has changed against the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from qref.schema import Model, TensorType

MORE, MUCH_MORE, LESS, MUCH_LESS, SAME = "↑", "↑↑", "↓", "↓↓", "~"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is counted in each model.

    arrows   for each model but the first, against it: ↑ ↓ more or less, ↑↑ ↓↓ at least twice or at most half as many, ~ as many;
             from none on, ↑↑ where it makes up at least half of the total
    """

    title: str
    counts: tuple[int, ...]
    arrows: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return asdict(self)


def census(model: Model) -> dict[str, int]:
    """How many tensors of all subgraphs have each type, in the order of the schema."""
    counts = Counter(tensor.type for subgraph in model.subgraphs for tensor in subgraph.tensors)
    return {type.name: counts[type] for type in sorted(counts, key=_order)}


def _order(type: TensorType) -> tuple[int, int, int]:
    """Integers first, narrow ones before wide ones, then the others."""
    integers = type.dtype is not None and type.dtype.kind in "iu" and type is not TensorType.RESOURCE
    return (0 if integers else 1, type.bits, type)


def structure(models: Sequence[Model]) -> tuple[Row, ...]:
    """The tensors by type and in all, then the operators, of each model.

    >>> import qref
    >>> for row in structure([qref.load(qref.bundled(f"digits_cnn_{kind}")) for kind in ("float", "drq", "int8")]):
    ...     print(row.title, *row.counts, *row.arrows)
    INT8 0 1 15 ↑ ↑↑
    INT32 1 1 6 ~ ↑↑
    FLOAT32 20 19 0 ↓ ↓↓
    tensors 21 21 21 ~ ~
    operators 9 9 9 ~ ~
    """
    counted = [census(model) for model in models]
    totals = [sum(counts.values()) for counts in counted]
    types = sorted({name for counts in counted for name in counts}, key=lambda name: _order(TensorType[name]))
    rows = [row(name, [counts.get(name, 0) for counts in counted], totals) for name in types]
    operators = [sum(len(subgraph.operators) for subgraph in model.subgraphs) for model in models]
    return (*rows, row("tensors", totals, totals), row("operators", operators, operators))


def row(title: str, counts: Sequence[int], totals: Sequence[int]) -> Row:
    """The counts of each model with their arrows; `totals` is what each is a part of."""
    arrows = tuple(arrow(counts[0], count, total) for count, total in zip(counts[1:], totals[1:]))
    return Row(title, tuple(counts), arrows)


def arrow(first: int, count: int, total: int) -> str:
    """How a count compares with that of the first model.

    >>> arrow(49, 30, 53), arrow(49, 8, 65), arrow(4, 17, 65), arrow(0, 19, 53), arrow(0, 38, 65), arrow(4, 4, 53)
    ('↓', '↓↓', '↑↑', '↑', '↑↑', '~')
    """
    if count == first:
        return SAME
    if count < first:
        return MUCH_LESS if 2 * count <= first else LESS
    return MUCH_MORE if (2 * count >= total if first == 0 else count >= 2 * first) else MORE
