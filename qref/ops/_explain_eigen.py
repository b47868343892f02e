"""How explanations show a float32 sum in Eigen's order: panels, lanes, and how they are joined; nothing of the references."""

from __future__ import annotations

from dataclasses import dataclass

from qref.arithmetic.explanation import Explanation


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of a product of matrices x [rows, depth] . w [columns, depth]T, which decide the order of its sums."""

    rows: int
    depth: int
    columns: int
    panel: int  # terms that are summed before their sum is added to the result


def explain_sizes(e: Explanation, rows: int, depth: int, columns: int, l1_bytes: int) -> Sizes:
    """Append how many terms are summed at once where the sizes are great enough for that to matter."""
    panel = depth
    if min(rows, columns) > 1 and max(rows, depth, columns) >= 48:
        e.given("l1_bytes", l1_bytes, "the data cache, bytes")
        e.derive("longest", "max((l1_bytes - 128) // 48 // 8 * 8, 8)", "the terms that the cache holds: longer sums are split")
        if depth > e.value("longest"):
            e.given("depth", depth, "terms of the sum")
            e.derive("rest", "depth % longest")
            formula = "longest - 8 * ((longest - 1 - rest) // (8 * (depth // longest + 1))) if rest else longest"
            e.derive("panel", formula, "terms of each part, but the last")
            panel = e.value("panel")
    return Sizes(rows, depth, columns, panel)


def explain_sum(e: Explanation, products: str, sizes: Sizes, row: int, column: int, of: str = "") -> str:
    """Append the sum at [row, column] of its terms `products`; steps get the suffix `of`; returns its name."""
    depth, acc = sizes.depth, f"acc{of}"
    packets = depth // 4 * 4
    if sizes.rows == sizes.columns == 1:
        p = e.derive(f"sixteen{of}", f"lanes32({products}[:{packets}], 16)", "sums of every 16th term: four packets of 4 lanes")
        joined = f"float32({p}[:4] + float32({p}[4:8] + float32({p}[8:12] + {p}[12:])))"
        e.derive(f"lanes{of}", joined, "the packets added up, the last two first")
        return _across(e, products, packets, of)
    if 1 in (sizes.rows, sizes.columns):
        e.derive(f"lanes{of}", f"lanes32({products}[:{packets}], 4)", "sums of every fourth term")
        return _across(e, products, packets, of)
    if sizes.rows + depth + sizes.columns < 20:
        pairs = depth // 8 * 8
        p = e.derive(f"eight{of}", f"lanes32({products}[:{pairs}], 8)", "sums of every eighth term: two packets of 4 lanes")
        joined = f"float32({p}[:4] + {p}[4:])"
        if pairs < packets:
            joined = f"float32({joined} + {products}[{pairs}:{packets}])"
        e.derive(f"lanes{of}", joined, "the packets added up, and the last four terms that fill one")
        return _across(e, products, packets, of)
    if sizes.panel >= depth:
        return _explain_panel(e, acc, products, sizes, row, column)
    parts = []
    for number, start in enumerate(range(0, depth, sizes.panel)):
        stop = min(start + sizes.panel, depth)
        terms = e.derive(f"products{of}_{number}", f"{products}[{start}:{stop}]", "the products of this part")
        parts.append(_explain_panel(e, f"part{of}_{number}", terms, sizes, row, column))
    return e.derive(acc, f"sum32([{', '.join(parts)}])", "the parts added up in order")


def _across(e: Explanation, products: str, packets: int, of: str) -> str:
    lanes = f"lanes{of}"
    formula = f"float32(float32({lanes}[0] + {lanes}[2]) + float32({lanes}[1] + {lanes}[3]))"
    e.derive(f"joined{of}", formula, "the lanes added up")
    return e.derive(f"acc{of}", f"sum32({products}[{packets}:], joined{of})", "and the terms left over, one by one")


def _explain_panel(e: Explanation, name: str, terms: str, sizes: Sizes, row: int, column: int) -> str:
    """The sum of one part's terms; the last columns of the rows in blocks of four are summed in lanes."""
    if row >= sizes.rows // 4 * 4 or column < sizes.columns // 8 * 8:
        e.derive(f"running_{name}", f"cumsum32({terms})", "the sum after each tap, every step rounded to float32")
        return e.derive(name, f"sum32({terms})", "the sum of all taps")
    lanes, block = (2, 8) if column < sizes.columns // 4 * 4 else (4, 4)
    whole = len(e.value(terms)) // block * block
    p = e.derive(
        f"lanes_{name}", f"lanes32({terms}[:{whole}], {lanes})", f"sums of every {('second', 'fourth')[lanes // 4]} term"
    )
    joined = f"float32({p}[0] + {p}[1])" if lanes == 2 else f"float32(float32({p}[0] + {p}[1]) + float32({p}[2] + {p}[3]))"
    e.derive(f"joined_{name}", joined, "the lanes added up")
    return e.derive(name, f"sum32({terms}[{whole}:], joined_{name})", "and the terms left over, one by one")
