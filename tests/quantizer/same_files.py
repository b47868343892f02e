"""How two files differ that should hold the same quantized graph."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qref.schema import Model, Quantization, Tensor


def differences(ours: Model, theirs: Model, tolerance: float = 0.0, options: bool = True) -> list[str]:
    """In words, each difference in operators, options, types, scales, zero points and constants; tensors are matched by operand.

    tolerance   how far scales may be apart, relative; biases then by 1, as their scales differ
    options     whether the operators' options count, and how many tensors there are: of equal constants one may stand for all
    """
    a, b = ours.subgraphs[0], theirs.subgraphs[0]
    names = [[operator.name for operator in graph.operators] for graph in (a, b)]
    if names[0] != names[1]:
        return [f"operators {names[0]}, expected {names[1]}"]
    found = [] if len(a.tensors) == len(b.tensors) or not options else [f"{len(a.tensors)} tensors, expected {len(b.tensors)}"]
    for one, other in zip(a.operators, b.operators):
        if options and one.options != other.options:
            found.append(f"{one.name}: {one.options}, expected {other.options}")
        for x, y in zip((*one.inputs, *one.outputs, *one.intermediates), (*other.inputs, *other.outputs, *other.intermediates)):
            if min(x, y) < 0:
                found += [] if x == y else [f"{one.name}: operand {x}, expected {y}"]
                continue
            for what in _tensors(ours, a.tensors[x], theirs, b.tensors[y], tolerance):
                found.append(f"{one.index} {one.name}, {a.tensors[x].name}: {what}")
    return found


def _tensors(ours: Model, a: Tensor, theirs: Model, b: Tensor, tolerance: float) -> Iterator[str]:
    if (a.type, a.shape, a.is_variable) != (b.type, b.shape, b.is_variable):
        yield f"{a.type.name} {a.shape}, expected {b.type.name} {b.shape}"
        return
    p, q = _scaled(a.quantization), _scaled(b.quantization)
    if (p is None) != (q is None):
        yield f"quantized {p is not None}, expected {q is not None}"
    elif p is not None and q is not None:
        if p.scale.shape != q.scale.shape or not np.allclose(p.scale, q.scale, rtol=tolerance, atol=0):
            yield f"scale {p.scale[:3]}, expected {q.scale[:3]}"
        if p.zero_point.tolist() != q.zero_point.tolist() or p.quantized_dimension != q.quantized_dimension:
            yield f"zero point {p.zero_point[:3]}, expected {q.zero_point[:3]}"
    x, y = ours.data(a), theirs.data(b)
    if (x is None) != (y is None):
        yield f"constant {x is not None}, expected {y is not None}"
    elif x is not None and y is not None:
        slack = int(tolerance > 0 and a.type.name in ("INT32", "INT64") and p is not None)
        if np.abs(x.astype(np.float64) - y.astype(np.float64)).max(initial=0) > slack:
            yield f"{int((x != y).sum())} of {x.size} elements differ"


def _scaled(quantization: Quantization | None) -> Quantization | None:
    return None if quantization is None or not len(quantization.scale) else quantization
