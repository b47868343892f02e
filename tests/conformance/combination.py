"""Combinations of an operator and types, and what their cases are drawn with.

A family of operators registers a function that draws one case, a model of one operator and its inputs:

    @conformance("ADD SUB", "int8 uint8 float32")
    def sums(draw, name, type): ...
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from one_operator import T, const, model_of

from qref.schema import Model, TensorType

ROUND_SCALES = (0.02, 0.03, 0.04, 0.1, 0.5, 1.0, 2.0**-4, 2.0**-6, 2.0**-7)  # these make ties, which random ones hide
SPECIAL = np.float32([0.0, -0.0, 1e-40, -1e-40, 1.2e-38, 1e-20, -1e-20, 1.0, -1.0, 0.5, 2.5, 6.0, 1e30, -1e30, 3e38, -3e38])
INFINITE = np.float32([np.inf, -np.inf])
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 19, 31, 33)  # around blocks of 4, 8, 16 and 32
QUANTIZED = (TensorType.INT8, TensorType.UINT8, TensorType.INT16)

_SEPARATOR = re.compile("(?<=[0-9l])x")  # the one of complex64 is none

Rounds = list[dict[int, np.ndarray]]
Case = tuple[Model, Rounds]


@dataclass(frozen=True)
class Combination:
    """An operator and the types of its operands, as in "int8" or "float32xint8"."""

    operator: str
    types: str
    function: Callable[..., Case]

    def case(self, seed: int) -> Case:
        """The case that a seed names: a model, and the inputs of each of its rounds."""
        types = [TensorType[name.upper()] for name in _SEPARATOR.split(self.types)]
        return self.function(Draw(seed), self.operator, *types)


COMBINATIONS: list[Combination] = []
OF_TFLM: list[Combination] = []  # as TFLM takes them: beside COMBINATIONS, or instead of those of the same operator and types


def conformance(
    names: str, types: str, registry: list[Combination] = COMBINATIONS
) -> Callable[[Callable[..., Case]], Callable[..., Case]]:
    """Register a function that draws cases of some operators on some types; names and types with spaces between them."""

    def register(function: Callable[..., Case]) -> Callable[..., Case]:
        registry.extend(Combination(name, of, function) for name in names.split() for of in types.split())
        return function

    return register


class Draw:
    """What one seed draws."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def chance(self, probability: float = 0.5) -> bool:
        return bool(self.rng.random() < probability)

    def integer(self, low: int, high: int) -> int:
        """One of low .. high, both included."""
        return int(self.rng.integers(low, high, endpoint=True))

    def one(self, choices: Sequence[Any]) -> Any:
        return choices[self.integer(0, len(choices) - 1)]

    def size(self) -> int:
        return int(self.one(SIZES)) if self.chance() else self.integer(1, 40)

    def shape(self, low: int = 1, high: int = 4, most: int = 2000, least: int = 1) -> tuple[int, ...]:
        """Of low to high dimensions and at most `most` elements; one dimension is around a block."""
        rank = self.integer(low, high)
        sizes = [self.integer(least, 4) for _ in range(rank)]
        if rank:
            sizes[-1 if self.chance(0.7) else self.integer(0, rank - 1)] = self.size()
        while np.prod(sizes) > most:
            sizes[int(np.argmax(sizes))] //= 2
        return tuple(sizes)

    def broadcast(self, high: int = 6) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Two shapes that broadcast, of up to `high` dimensions, equal ones and single numbers among them."""
        kind = self.integer(0, 9)
        shape = self.shape(0 if kind == 0 else 1, high if self.chance(0.3) else 4)
        if kind < 3:
            return shape, shape
        other = [1 if self.chance(0.3) else n for n in shape]
        other = other[self.integer(0, len(other)) :] if self.chance(0.4) else other
        mine = [1 if self.chance(0.15) else n for n in shape]
        pair = tuple(mine), tuple(other)
        return pair if self.chance() else pair[::-1]

    def scale(self, low: float = 1e-3, high: float = 1.0) -> float:
        """Round as often as random."""
        fitting = [s for s in ROUND_SCALES if low <= s <= high]
        if fitting and self.chance():
            return float(self.one(fitting))
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def zero_point(self, type: TensorType) -> int:
        """Often at an end of the range; 0 for int16 and int4."""
        if type not in (TensorType.INT8, TensorType.UINT8):
            return 0
        limits = np.iinfo(type.dtype)
        return int(self.one((limits.min, limits.max, 0, self.integer(limits.min, limits.max), self.integer(0, 127))))

    def tensor(self, type: TensorType, shape: Sequence[int], low: float = 1e-3, high: float = 1.0, **given: Any) -> T:
        """An operand; quantized if its type is."""
        if type not in QUANTIZED:
            return T(type, shape, **given)
        return T(type, shape, **{"scale": self.scale(low, high), "zero_point": self.zero_point(type), **given})

    def values(self, type: TensorType, shape: Sequence[int], infinite: bool = False) -> np.ndarray:
        """Over the whole range of integers, their limits often; floats of all sizes with signed zeros and denormals."""
        dtype, shape = np.dtype(type.dtype), tuple(shape)
        if dtype.kind == "b":
            return self.rng.integers(0, 2, shape).astype(dtype)
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            array = np.asarray(self.rng.integers(limits.min, limits.max, shape, dtype, endpoint=True))
            if dtype.itemsize >= 4 and self.chance(0.7):
                array = self.rng.integers(-50 if limits.min else 0, 50, shape).astype(dtype)
            return np.where(self.rng.random(shape) < 0.1, self.rng.choice([limits.min, limits.max], shape), array).astype(dtype)
        if dtype.kind == "c":
            return (self.rng.normal(size=shape) + 1j * self.rng.normal(size=shape)).astype(dtype)
        real = self.rng.normal(size=shape) * self.one((0.01, 1, 1, 3, 50))
        if self.chance(0.4):
            special = np.concatenate([SPECIAL, INFINITE]) if infinite else SPECIAL
            real = np.where(self.rng.random(shape) < 0.3, self.rng.choice(special, shape), real)
        with np.errstate(over="ignore"):
            array = real.astype(dtype)
        return array if infinite else np.nan_to_num(array)

    def constant(self, type: TensorType, shape: Sequence[int], **quantization: Any) -> T:
        """A constant operand with drawn values."""
        return T(type, shape, value=self.values(type, shape), **quantization)

    def case(
        self,
        name: str,
        inputs: Sequence[T | None],
        outputs: Sequence[T],
        options: tuple[str, Mapping[str, Any]] | None = None,
        version: int | None = None,
        given: Mapping[int, np.ndarray] | None = None,
        infinite: bool = False,
        rounds: int = 1,
    ) -> Case:
        """A model of one operator, and values for the operands that are no constants: those given by operand, else drawn."""
        model = model_of(name, inputs, outputs, options, version)
        fed = [(position, t) for position, t in enumerate(inputs) if t is not None and t.value is None]
        given = given or {}
        arrays = [
            {
                place: np.asarray(given[position] if position in given else self.values(t.type, t.shape, infinite))
                for place, (position, t) in enumerate(fed)
            }
            for _ in range(rounds)
        ]
        return model, arrays


__all__ = ["COMBINATIONS", "OF_TFLM", "QUANTIZED", "Case", "Combination", "Draw", "Rounds", "T", "conformance", "const"]
