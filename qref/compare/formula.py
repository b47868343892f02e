"""Formulas of explanations as LaTeX."""

from __future__ import annotations

import ast

_OPERATORS: dict[type, str] = {ast.Add: " + ", ast.Sub: " - ", ast.Mult: r" \cdot ", ast.Mod: r" \bmod "}
_RANK: dict[type, int] = {ast.Add: 1, ast.Sub: 1, ast.Mult: 2, ast.Mod: 2, ast.Div: 4, ast.FloorDiv: 4, ast.Pow: 3}
_COMPARISONS: dict[type, str] = {
    ast.Lt: "<",
    ast.LtE: r"\le",
    ast.Gt: ">",
    ast.GtE: r"\ge",
    ast.Eq: "=",
    ast.NotEq: r"\ne",
    ast.And: r"\wedge",
    ast.Or: r"\vee",
}
_ROUNDINGS = {
    "ties_up": (r"\left\lfloor", r"\right\rceil_{\uparrow}"),
    "ties_away": (r"\left\lfloor", r"\right\rceil_{\text{away}}"),
    "toward_zero": (r"\left[", r"\right]_{\to 0}"),
}


def latex(formula: str) -> str:
    r"""A formula as LaTeX, for the inside of a formula environment.

    >>> latex("ties_away(high, 2**6)")
    '\\left\\lfloor\\frac{\\mathit{high}}{2^{6}}\\right\\rceil_{\\text{away}}'
    """
    return _latex(ast.parse(formula, mode="eval").body)


def _latex(node: ast.expr) -> str:
    match node:
        case ast.Name(name):
            return rf"\mathit{{{name.replace('_', chr(92) + '_')}}}"
        case ast.Constant(value):
            return str(value)
        case ast.BinOp(left, ast.Pow(), right):
            return f"{_within(left, 4)}^{{{_latex(right)}}}"
        case ast.BinOp(left, ast.Div(), right):
            return rf"\frac{{{_latex(left)}}}{{{_latex(right)}}}"
        case ast.BinOp(left, ast.FloorDiv(), right):
            return rf"\left\lfloor\frac{{{_latex(left)}}}{{{_latex(right)}}}\right\rfloor"
        case ast.BinOp(left, ast.LShift(), right):
            return rf"{_within(left, 2)} \cdot 2^{{{_latex(right)}}}"
        case ast.BinOp(left, ast.RShift(), right):
            return rf"\left\lfloor\frac{{{_latex(left)}}}{{2^{{{_latex(right)}}}}}\right\rfloor"
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            rank = _RANK[type(operator)]
            return f"{_within(left, rank)}{_OPERATORS[type(operator)]}{_within(right, rank + 1)}"
        case ast.UnaryOp(ast.USub(), operand):
            return f"-{_within(operand, 2)}"
        case ast.Call(ast.Name(name), [numerator, denominator]) if name in _ROUNDINGS:
            opening, closing = _ROUNDINGS[name]
            return rf"{opening}\frac{{{_latex(numerator)}}}{{{_latex(denominator)}}}{closing}"
        case ast.Call(ast.Name("sum"), [terms]):
            return rf"\sum \left({_latex(terms)}\right)"
        case ast.Call(ast.Name(name), arguments):
            inside = ", ".join(map(_latex, arguments))
            return rf"\operatorname{{{name.replace('_', ' ')}}}\left({inside}\right)"
        case ast.IfExp(test, body, orelse):
            return rf"\begin{{cases}}{_latex(body)} & {_latex(test)}\\{_latex(orelse)} & \text{{else}}\end{{cases}}"
        case ast.Compare(left, operators, rights):
            chain = zip(operators, rights)
            return _latex(left) + "".join(f" {_COMPARISONS[type(o)]} {_latex(right)}" for o, right in chain)
        case ast.BoolOp(operator, values):
            return f" {_COMPARISONS[type(operator)]} ".join(map(_latex, values))
        case ast.Subscript(value, ast.Slice()):
            return rf"\mathrm{{part}}\left({_latex(value)}\right)"
        case ast.Subscript(value, index):
            return f"{_latex(value)}_{{{_latex(index)}}}"
        case _:
            return rf"\texttt{{{ast.unparse(node)}}}"


def _within(node: ast.expr, rank: int) -> str:
    """The part in parentheses where it binds less than `rank`."""
    loose = isinstance(node, ast.BinOp) and _RANK.get(type(node.op), 2) < rank
    loose = loose or isinstance(node, ast.UnaryOp | ast.IfExp | ast.Compare | ast.BoolOp)
    return rf"\left({_latex(node)}\right)" if loose else _latex(node)
