"""Models of operators of two operands: pairs of shapes that broadcast, and quantization that provokes ties and saturation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from one_operator import T, every, model_of

from qref.schema import Model, TensorType

NONE, RELU, RELU_N1_TO_1, RELU6 = range(4)

SHAPES = [
    ((2, 3, 40), (2, 3, 40)),
    ((3, 50), (50,)),
    ((2, 1, 30), (4, 1)),
    ((), (2, 30)),
    ((1,), (70,)),
    ((2, 1, 2, 1, 3, 5), (1, 2, 1, 2, 3, 1)),
    ((2, 1, 2, 1, 2, 1, 2), (2, 1, 2, 1, 2, 1)),
    ((), ()),
]
TIES = [(0.5, 0.25, 0.125), (0.02, 0.03, 0.04), (0.04, 0.02, 0.03), (0.25, 0.25, 0.25), (0.0625, 2.0, 0.5)]

_SPECIAL = {"FLOOR_DIV": "FloorDivOptions", "FLOOR_MOD": "FloorModOptions", "NOT_EQUAL": "NotEqualOptions"}
_SHARED = {"MAXIMUM": "MaximumMinimumOptions", "MINIMUM": "MaximumMinimumOptions", "ATAN2": "ATan2Options", "PRELU": None}


def options_of(name: str, fields: dict) -> tuple[str, dict] | None:
    """The options table of an operator, named after it."""
    table = {**_SPECIAL, **_SHARED}.get(name, "".join(word.title() for word in name.split("_")) + "Options")
    return None if table is None else (table, fields)


EMPTY = ((2, 0, 3), (1, 3))


def binary(name, type, shape1, shape2, scales=None, zero_points=(0, 0, 0), output=None, version=None, **fields) -> Model:
    """A model of one operator with two operands; scales and zero points of x1, x2 and y."""
    s1, s2, sy = scales or (None, None, None)
    z1, z2, zy = zero_points
    inputs = [T(type, shape1, s1, z1), T(type, shape2, s2, z2)]
    return model_of(name, inputs, [T(type if output is None else output, (), sy, zy)], options_of(name, fields), version)


def quantizations(rng: np.random.Generator, type: TensorType, count: int) -> Iterator[tuple[tuple, tuple]]:
    """Scales and zero points of x1, x2 and y: those of TIES, then random ones; zero points at the ends of their range too."""
    limits = np.iinfo(type.dtype)
    for number in range(count):
        scales = TIES[number] if number < len(TIES) else tuple(np.exp(rng.uniform(-5, 1, 3)))
        ends = (limits.min, limits.max, 0, *map(int, rng.integers(limits.min, limits.max, 3, endpoint=True)))
        symmetric = type == TensorType.INT16
        yield scales, (0, 0, 0) if symmetric else tuple(int(z) for z in rng.choice(ends, 3))


def arrays_of(rng: np.random.Generator, type: TensorType, *shapes: tuple) -> list[np.ndarray]:
    """Random arrays of one type."""
    return [every(rng, type, shape) for shape in shapes]


def whole_range(rng: np.random.Generator, type: TensorType, *shapes: tuple) -> list[np.ndarray]:
    """Random integers over the whole range of a type, whatever its width, its limits among them."""
    limits = np.iinfo(type.dtype)
    arrays = [rng.integers(limits.min, limits.max, shape, type.dtype, endpoint=True) for shape in shapes]
    for array in arrays:
        ends = array.reshape(-1)[:4]
        ends[...] = [limits.min, limits.max, 0, 1][: ends.size]
    return [np.asarray(array, type.dtype) for array in arrays]
