"""Float32 sums and functions in the order that Eigen and TFLite take on SSE, step by step; shares nothing with the references.

The sums are of a step that is a tuple, products mostly. "Lanes" are sums of every fourth (eighth, ...) element.
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation

PACKET = 4  # float32 numbers that one instruction takes


def explain_packet_products(e: Explanation, terms: str, name: str, total: str | None = None) -> str:
    """Append the step `name`: the sum of a tuple as TFLite's own code takes it, on top of a step `total` if given."""
    packets = len(e.value(terms)) // PACKET * PACKET
    lanes = e.derive(f"lanes_{name}", f"lanes32({terms}[:{packets}], 4)", "sums of every fourth term")
    across = f"float32(float32(float32({lanes}[0] + {lanes}[1]) + {lanes}[2]) + {lanes}[3])"
    across = e.derive(f"across_{name}", across, "the lanes, one after the other")
    started = across if total is None else e.derive(f"started_{name}", f"float32({total} + {across})")
    return e.derive(name, f"sum32({terms}[{packets}:], {started})", "then the terms left over, one by one")


def explain_matmul(e: Explanation, terms: str, name: str, row: int, rows: int, column: int, columns: int, l1_bytes: int) -> str:
    """Append the step `name`: the sum of the products `terms` of one element of a matrix product of that size."""
    depth = len(e.value(terms))
    packets = depth // PACKET * PACKET
    if rows == columns == 1:
        lanes = e.derive(f"lanes_{name}", f"lanes32({terms}[:{packets}], 16)", "sums of every 16th product")
        for k in (8, 4, 0):
            more = f"{lanes}[{k}:{k + 4}]"
            last = f"{lanes}[12:]" if k == 8 else f"four_{k + 4}_{name}"
            e.derive(f"four_{k}_{name}", f"float32({more} + {last})", "four lanes upon four")
        return _end(e, terms, name, f"four_0_{name}", packets)
    if rows == 1 or columns == 1:
        lanes = e.derive(f"lanes_{name}", f"lanes32({terms}[:{packets}], 4)", "sums of every fourth product")
        return _end(e, terms, name, lanes, packets)
    if rows + depth + columns < 20:
        return _explain_small(e, terms, name, depth)
    step, total = _panel(depth, max(rows, columns), l1_bytes), ""
    for start in range(0, depth, step):
        part = name if step >= depth else f"panel_{start}_{name}"
        _explain_panel(
            e, f"{terms}[{start}:{start + step}]", part, min(step, depth - start), row < rows // 4 * 4, column, columns
        )
        if step < depth:
            done = start + step >= depth
            formula = f"float32({total} + {part})" if total else part
            total = e.derive(name if done else f"up_to_{start}_{name}", formula, "panel upon panel")
    if depth == 0:
        e.derive(name, f"sum32({terms})", "a sum of nothing")
    return name


def _explain_small(e: Explanation, terms: str, name: str, depth: int) -> str:
    pairs, packets = depth // 8 * 8, depth // PACKET * PACKET
    e.derive(f"eight_{name}", f"lanes32({terms}[:{pairs}], 8)", "sums of every eighth product")
    lanes = e.derive(f"lanes_{name}", f"float32(eight_{name}[:4] + eight_{name}[4:])", "four lanes upon four")
    if pairs < packets:
        lanes = e.derive(f"more_{name}", f"float32({lanes} + {terms}[{pairs}:{packets}])", "and four products more")
    return _end(e, terms, name, lanes, packets)


def _explain_panel(e: Explanation, terms: str, name: str, depth: int, in_block: bool, column: int, columns: int) -> None:
    """Append a panel's sum: in order, except for the last columns % 8 of the rows that fill blocks of four."""
    if not in_block or column < columns // 8 * 8:
        e.derive(f"running_{name}", f"cumsum32({terms})", "the sum after each product, every step rounded to float32")
        e.derive(name, f"sum32({terms})", "the products, one after the other")
        return
    count = 2 if column < columns // 4 * 4 else 4
    stop = depth // 8 * 8 if count == 2 else depth // 4 * 4
    lanes = e.derive(f"lanes_{name}", f"lanes32({terms}[:{stop}], {count})", "this column is among the last ones: lanes")
    halves = f"float32({lanes}[0] + {lanes}[1])"
    if count == 4:
        halves = f"float32({halves} + float32({lanes}[2] + {lanes}[3]))"
    e.derive(f"across_{name}", halves, "lane upon lane")
    e.derive(name, f"sum32({terms}[{stop}:], across_{name})", "then the products left over, one by one")


def _end(e: Explanation, terms: str, name: str, lanes: str, start: int) -> str:
    across = f"float32(float32({lanes}[0] + {lanes}[2]) + float32({lanes}[1] + {lanes}[3]))"
    e.derive(f"across_{name}", across, "lane upon lane")
    return e.derive(name, f"sum32({terms}[{start}:], across_{name})", "then the terms left over, one by one")


def _panel(depth: int, other: int, l1_bytes: int) -> int:
    """How many products are summed in the first level cache before the sum is added to the result."""
    most = max((l1_bytes - 128) // 48 // 8 * 8, 8)
    if max(depth, other) < 48 or depth <= most:
        return max(depth, 1)
    rest = depth % most
    return most if rest == 0 else most - 8 * ((most - 1 - rest) // (8 * (depth // most + 1)))


def explain_row_sum(e: Explanation, terms: str, name: str, offset: int) -> str:
    """Append the step `name`: the sum of a tuple that lies `offset` floats behind a 16-byte boundary of the memory."""
    size = len(e.value(terms))
    head = min(-offset % PACKET, size)
    stop = head + (size - head) // PACKET * PACKET
    pairs = head + (stop - head) // 8 * 8
    if stop == head:
        return e.derive(name, f"sum32({terms})", "the terms, one after the other")
    lanes = f"{terms}[{head}:{stop}]"
    if pairs > head:
        e.derive(f"eight_{name}", f"lanes32({terms}[{head}:{pairs}], 8)", "sums of every eighth term, from a boundary on")
        lanes = e.derive(f"four_{name}", f"float32(eight_{name}[:4] + eight_{name}[4:])", "four lanes upon four")
        if pairs < stop:
            lanes = e.derive(f"more_{name}", f"float32({lanes} + {terms}[{pairs}:{stop}])", "and four terms more")
    else:
        lanes = e.derive(f"four_{name}", lanes, "four terms, from a boundary on")
    across = f"float32(float32({lanes}[0] + {lanes}[2]) + float32({lanes}[1] + {lanes}[3]))"
    e.derive(f"across_{name}", across, "lane upon lane")
    e.derive(f"from_start_{name}", f"sum32({terms}[:{head}], across_{name})", "then the terms before the boundary, one by one")
    return e.derive(name, f"sum32({terms}[{stop}:], from_start_{name})", "and those left over at the end")


def in_packets(offset: int, size: int, place: int) -> bool:
    """Whether the element at `place` of a vector that lies `offset` floats behind a boundary is in a whole packet."""
    first = -(-offset // PACKET) * PACKET
    return first <= offset + place < first + max(offset + size - first, 0) // PACKET * PACKET


def explain_exp(e: Explanation, x: str, name: str) -> str:
    """Append the step `name`: Eigen's exp of a step."""
    if e.value(x) < -104:
        return e.derive(name, f"0.0 if {x} < -104 else 1.0", "the exponential of what is below -104")
    e.derive(f"bounded_{name}", f"min({x}, {_float32(88.723)})", "so that the result is finite")
    m, r, square = _reduce(e, f"bounded_{name}", name)
    even = _horner(e, f"even_{name}", square, *(float.fromhex(c) for c in ("0x1.6850e4p-10", "0x1.555b98p-5", "0x1.fffff8p-2")))
    odd = _horner(e, f"odd_{name}", square, *(float.fromhex(c) for c in ("0x1.123bccp-7", "0x1.55548ep-3")))
    return e.derive(name, f"float32({_exp_of(e, r, square, even, odd, name)} * 2.0**{m})", "exp")


def _exp_of_twice(e: Explanation, half: str, name: str) -> str:
    m, r, square = _reduce(e, half, name)
    even = _horner(e, f"even_{name}", square, 4.1898667812347412109375e-2, 0.49999141693115234375)
    odd = _horner(e, f"odd_{name}", square, 8.33471305668354034423828125e-3, 0.16666877269744873046875)
    root = e.derive(f"root_{name}", f"float32({_exp_of(e, r, square, even, odd, name)} * 2.0**{m})", "exp(x / 2)")
    return e.derive(f"exp_{name}", f"float32({root} * {root})", "exp(x)")


def _reduce(e: Explanation, x: str, name: str) -> tuple[str, str, str]:
    """Append x = m ln 2 + r and r^2."""
    e.derive(f"log2_{name}", f"float32({x} * {_float32(1.44269504088896341)})", "x / ln 2")
    if np.isnan(e.value(x)):
        m = e.derive(f"m_{name}", f"log2_{name}", "not a number")
    else:
        m = e.derive(f"m_{name}", f"floor(float32(log2_{name} + 0.5))", "the power of two")
    e.derive(f"high_{name}", f"float32(float32({m} * -0.693359375) + {x})", "x - m ln 2, with the high part of ln 2")
    r = e.derive(f"r_{name}", f"float32(float32({m} * {_float32(2.12194440e-4)}) + high_{name})", "and with the low one")
    return m, r, e.derive(f"square_{name}", f"float32({r} * {r})", "r^2")


def _exp_of(e: Explanation, r: str, square: str, even: str, odd: str, name: str) -> str:
    """Append exp(r) from the even and odd parts of (exp(r) - 1 - r) / r^2."""
    e.derive(f"series_{name}", f"float32(float32({r} * {odd}) + {even})", "(exp(r) - 1 - r) / r^2")
    return e.derive(f"exp_r_{name}", f"float32(float32({square} * series_{name}) + float32({r} + 1))", "exp(r)")


def explain_tanh(e: Explanation, x: str, name: str) -> str:
    """Append the step `name`: Eigen's tanh of a step, a quotient of two polynomials."""
    bound = _float32(7.90738964080810547)
    e.derive(f"bounded_{name}", f"clamp({x}, -{bound}, {bound})", "beyond, the result stays as it is")
    square = e.derive(f"square_{name}", f"float32(bounded_{name} * bounded_{name})", "x^2")
    above = _horner(e, f"above_{name}", square, 1.394553628e-8, 2.102733560e-5, 3.520756727e-3, 1.340216100e-1)
    below = _horner(e, f"below_{name}", square, 8.015776984e-7, 3.326951409e-4, 2.597254514e-2, 4.673548340e-1, 1.0)
    numerator = f"float32(float32(float32({square} * bounded_{name}) * {above}) + bounded_{name})"
    e.derive(f"numerator_{name}", numerator, "x + x^3 times the polynomial")
    return e.derive(name, f"float32(divide(numerator_{name}, {below}))", f"tanh({x})")


def explain_logistic(e: Explanation, x: str, name: str, offset: int, size: int, place: int) -> str:
    """Append the step `name`: Eigen's logistic function of a step, the element at `place` of a vector that lies at `offset`."""
    whole = in_packets(offset, size, place)
    if whole and e.value(x) < -104:
        return e.derive(name, f"0.0 if {x} < -104 else 1.0", "the function of what is below -104")
    e.derive(f"bounded_{name}", f"min({x}, {_float32(16.6355324)})", "beyond, the result is 1")
    if whole:
        e.derive(f"half_{name}", f"float32(bounded_{name} * 0.5)", "x / 2")
        _exp_of_twice(e, f"half_{name}", name)
    else:
        e.derive(f"exp_{name}", f"expf(bounded_{name})", "the C library's exp, as the number is in no whole packet of four")
    return e.derive(name, f"float32(divide(exp_{name}, float32(1 + exp_{name})))", f"logistic({x}) = exp / (1 + exp)")


def explain_activation(e: Explanation, x: str, name: str, activation: str) -> str:
    """Append the step `name`: a fused activation function of the recurrent kernels."""
    formulas = {
        "NONE": x,
        "RELU": f"max({x}, 0.0)",
        "RELU_N1_TO_1": f"clamp({x}, -1.0, 1.0)",
        "RELU6": f"clamp({x}, 0.0, 6.0)",
        "SIGN_BIT": f"1.0 if copysign(1.0, {x}) < 0 else 0.0",
    }
    if activation == "TANH":
        return explain_tanh(e, x, name)
    return e.derive(name, formulas[activation], f"the activation function {activation}")


def _horner(e: Explanation, name: str, x: str, *coefficients: float) -> str:
    """Append a polynomial in the step x, its coefficients from the highest power down."""
    value = str(_float32(coefficients[0]))
    for k, coefficient in enumerate(coefficients[1:], 1):
        step = name if k == len(coefficients) - 1 else f"{name}_{k}"
        value = e.derive(step, f"float32(float32({value} * {x}) + {_float32(coefficient)})", "Horner's rule")
    return value


def _float32(value: float) -> float:
    return float(np.float32(value))
