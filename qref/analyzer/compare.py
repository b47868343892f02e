"""Two models, operator by operator and tensor by tensor: what one has and the other has not, and where their numbers differ.

Operators of a subgraph are paired in their order: those of one name whose outputs have the same names, and between these those of
one name. Their operands are paired by position, then all other tensors by name.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from qref.analyzer.plain import plain
from qref.arithmetic.affine import dequantize
from qref.schema import Model, Operator, Quantization, Subgraph, Tensor


@dataclass(frozen=True, slots=True)
class ConstantDifference:
    """How two constants of one shape differ.

    elements    that differ, of `of`
    stored      the greatest difference of what is stored; None where the types are not the same
    real        the greatest difference of the real numbers that they stand for; None where they stand for none
    """

    elements: int
    of: int
    stored: float | None
    real: float | None


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """A pair of tensors that differ; `fields` has what each model has, by the name of the field, where that is not the same."""

    subgraph: int
    a: int
    b: int
    name: str
    fields: dict[str, tuple[Any, Any]]
    constant: ConstantDifference | None


@dataclass(frozen=True, slots=True)
class OperatorDifference:
    """An operator that one model has alone (the other's number is None), or a pair that differs in `fields`."""

    subgraph: int
    a: int | None
    b: int | None
    name: str
    fields: dict[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Where two models differ; `alone` counts the tensors of A and of B that have no partner."""

    subgraphs: tuple[int, int]
    operators: tuple[OperatorDifference, ...]
    tensors: tuple[TensorDifference, ...]
    paired: int
    alone: tuple[int, int]

    @property
    def differs(self) -> bool:
        """Whether they differ in anything that is compared."""
        return bool(self.operators or self.tensors or any(self.alone) or self.subgraphs[0] != self.subgraphs[1])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return dict(plain(asdict(self) | {"differs": self.differs}))


def compare(a: Model, b: Model) -> Comparison:
    """Compare two models; names of models, subgraphs and tensors are no difference, nor are metadata and signatures."""
    operators: list[OperatorDifference] = []
    tensors: list[TensorDifference] = []
    paired = 0
    for first, second in zip(a.subgraphs, b.subgraphs):
        matched = list(_match(first, second))
        pairs = _tensor_pairs(first, second, matched)
        operators += _operator_differences(first.index, matched)
        found = (_tensor_difference(a, b, first.index, first.tensors[i], second.tensors[j]) for i, j in pairs.items())
        tensors += [difference for difference in found if difference is not None]
        paired += len(pairs)
    counts = [sum(len(s.tensors) for s in model.subgraphs) for model in (a, b)]
    subgraphs = len(a.subgraphs), len(b.subgraphs)
    return Comparison(subgraphs, tuple(operators), tuple(tensors), paired, (counts[0] - paired, counts[1] - paired))


Pair = tuple[Operator | None, Operator | None]


def _match(a: Subgraph, b: Subgraph) -> Iterator[Pair]:
    """Pairs of operators of the same name in their order, and those that are left over beside None."""
    keys_a, keys_b = ([(o.name, *(s.tensors[i].name for i in o.outputs)) for o in s.operators] for s in (a, b))
    for equal, first, second in _blocks(keys_a, keys_b):
        ours, theirs = a.operators[first], b.operators[second]
        yield from zip(ours, theirs) if equal else _match_names(ours, theirs)


def _match_names(a: Sequence[Operator], b: Sequence[Operator]) -> Iterator[Pair]:
    for equal, first, second in _blocks([operator.name for operator in a], [operator.name for operator in b]):
        if equal:
            yield from zip(a[first], b[second])
        else:
            yield from ((operator, None) for operator in a[first])
            yield from ((None, operator) for operator in b[second])


def _blocks(a: Sequence[Any], b: Sequence[Any]) -> Iterator[tuple[bool, slice, slice]]:
    """Both sequences cut into stretches that are equal, and that are not."""
    for tag, i, i_end, j, j_end in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        yield tag == "equal", slice(i, i_end), slice(j, j_end)


def _operator_differences(subgraph: int, matched: Sequence[Pair]) -> Iterator[OperatorDifference]:
    for a, b in matched:
        if a is not None and b is not None:
            fields = _operator_fields(a, b)
            if fields:
                yield OperatorDifference(subgraph, a.index, b.index, a.name, fields)
        elif a is not None:
            yield OperatorDifference(subgraph, a.index, None, a.name, {})
        elif b is not None:
            yield OperatorDifference(subgraph, None, b.index, b.name, {})


def _operator_fields(a: Operator, b: Operator) -> dict[str, tuple[Any, Any]]:
    fields: dict[str, tuple[Any, Any]] = {}
    for name in ("version", "custom_options"):
        values = getattr(a, name), getattr(b, name)
        if values[0] != values[1]:
            fields[name] = values if name == "version" else (values[0].hex(), values[1].hex())
    for first, second in ((a.options, b.options), (a.options_2, b.options_2)):
        for name in sorted({*first.values, *second.values}):
            found = first.get(name, None), second.get(name, None)
            if found[0] != found[1]:
                fields[name] = str(found[0]), str(found[1])
    counts = len(a.inputs), len(b.inputs)
    return fields if counts[0] == counts[1] else fields | {"inputs": counts}


def _tensor_pairs(a: Subgraph, b: Subgraph, matched: Sequence[Pair]) -> dict[int, int]:
    """The tensors of B by those of A, none in two pairs."""
    pairs: dict[int, int] = {}
    taken: set[int] = set()

    def pair(i: int, j: int) -> None:
        if i >= 0 and j >= 0 and i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)

    for first, second in matched:
        if first is not None and second is not None:
            for i, j in (*zip(first.inputs, second.inputs), *zip(first.outputs, second.outputs)):
                pair(i, j)
    for i, j in (*zip(a.inputs, b.inputs), *zip(a.outputs, b.outputs)):
        pair(i, j)
    names = _unique_names(b)
    for name, i in _unique_names(a).items():
        if name in names:
            pair(i, names[name])
    return pairs


def _unique_names(subgraph: Subgraph) -> dict[str, int]:
    counts = Counter(tensor.name for tensor in subgraph.tensors)
    return {tensor.name: tensor.index for tensor in subgraph.tensors if counts[tensor.name] == 1}


def _tensor_difference(model_a: Model, model_b: Model, subgraph: int, a: Tensor, b: Tensor) -> TensorDifference | None:
    fields: dict[str, tuple[Any, Any]] = {}
    for name, one, other in (
        ("type", a.type.name, b.type.name),
        ("shape", list(a.shape), list(b.shape)),
        ("variable", a.is_variable, b.is_variable),
        *_quantizations(a.quantization, b.quantization),
    ):
        if one != other:
            fields[name] = one, other
    values = model_a.data(a), model_b.data(b)
    if (values[0] is None) != (values[1] is None):
        fields["constant"] = values[0] is not None, values[1] is not None
    constant = None
    if values[0] is not None and values[1] is not None and values[0].shape == values[1].shape:
        constant = _constants((a, values[0]), (b, values[1]))
    return TensorDifference(subgraph, a.index, b.index, a.name, fields, constant) if fields or constant else None


def _quantizations(a: Quantization | None, b: Quantization | None) -> Iterator[tuple[str, Any, Any]]:
    for name, field in (("scales", "scale"), ("zero_points", "zero_point")):
        one, other = ([] if q is None else getattr(q, field).tolist() for q in (a, b))
        yield name, one, other
    if a is not None and b is not None and max(a.scale.size, b.scale.size) > 1:
        yield "quantized_dimension", a.quantized_dimension, b.quantized_dimension


def _constants(a: tuple[Tensor, np.ndarray], b: tuple[Tensor, np.ndarray]) -> ConstantDifference | None:
    """None where the constants are equal in type and every bit, or in every element where they have no bits to compare."""
    (tensor_a, x), (tensor_b, y) = a, b
    same_type = tensor_a.type is tensor_b.type
    if same_type and _is_equal(x, y):
        return None
    with np.errstate(all="ignore"):  # of NaN and infinities
        return _unequal(a, b, same_type)


def _unequal(a: tuple[Tensor, np.ndarray], b: tuple[Tensor, np.ndarray], same_type: bool) -> ConstantDifference | None:
    (_, x), (_, y) = a, b
    reals = [_real(tensor, values) for tensor, values in (a, b)]
    real = None if reals[0] is None or reals[1] is None else _greatest(reals[0], reals[1])
    if not same_type:
        different = x.size if real is None else int(np.count_nonzero(reals[0] != reals[1]))
        return ConstantDifference(different, x.size, None, real) if different else None
    stored = _greatest(x, y) if x.dtype.kind in "iuf" else None
    return ConstantDifference(int(np.count_nonzero(x != y)), x.size, stored, real)


def _is_equal(x: np.ndarray, y: np.ndarray) -> bool:
    return bool(np.array_equal(x, y)) if x.dtype == object else x.tobytes() == y.tobytes()


def _real(tensor: Tensor, values: np.ndarray) -> np.ndarray | None:
    """The real numbers of a constant: floats as they are, integers by scale and zero point."""
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    quantization = tensor.quantization
    if values.dtype.kind not in "iu" or quantization is None or not quantization.scale.size:
        return None
    zero_point = quantization.zero_point if quantization.zero_point.size else np.int64(0)
    try:
        return dequantize(values, quantization.scale, zero_point, quantization.quantized_dimension).astype(np.float64)
    except ValueError:  # scales that do not fit the shape
        return None


def _greatest(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.max(np.abs(x.astype(np.float64) - y.astype(np.float64)), initial=0))
