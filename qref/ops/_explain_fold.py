"""How explanations combine elements one after the other, beginning with a start value; nothing of the references."""

from __future__ import annotations

from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation

_FORMULAS = {
    "max": "greatest_of(x, start)",
    "min": "least_of(x, start)",
    "any": "greatest_of(x, start)",
    "all": "least_of(x, start)",
}


def explain_fold(x: list[Any], start: Any, combine: str, dtype: np.dtype) -> Explanation:
    """The elements x combined to an output of that dtype by sum, prod, max, min, any or all."""
    e = Explanation()
    e.given("x", x, "the elements that are combined, in the order of memory")
    e.given("start", start, "what the output begins with")
    if combine in _FORMULAS:
        e.derive("y", _FORMULAS[combine], "the output; of equal elements, such as 0 and -0, the first one stays")
    elif combine == "sum" and dtype == np.float32:
        e.derive("running", "cumsum32(x, start)", "the sum after each element, every step rounded to float32")
        e.derive("y", "sum32(x, start)", "the output")
    elif dtype == np.float32:
        e.derive("y", "product32(joined(start, x))", "the output, every step rounded to float32")
    else:
        e.derive("exact", "start + sum(x)" if combine == "sum" else "start * product(x)")
        e.derive("y", f"{dtype.name}(exact)", "the output wraps")
    return e
