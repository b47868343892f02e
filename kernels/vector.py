"""Vectors of 16 lanes for kernels that plain loops do not make fast: products of four-byte groups, and the way to the output.

A group is four bytes of an input that meet four bytes of a weight: two int16 numbers, or four uint8 numbers and four int8
weights where the CPU multiplies those (AVX-512 VNNI). A lane is an output channel. What is here emits LLVM's code inside numba
intrinsics; all but products of bytes is written in LLVM's general instructions, so that it runs on every CPU.

The types of `channels`, a tuple of arrays with a number for each output channel, tell how accumulators become the output:

    (start,)                                       not at all: they are the output, int32
    (start, multiplier, left, right, last, away)   int32: fixed point, rounded twice, ties up, then up or (away = -1) away from 0
    (start, effective_scale)                       float32: one product, ties to even; float64: one product, ties away from 0
    (start, effective_scale, 1.5 * 2^23)           float32, where it is known that products are less than 2^22 either way
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.types.containers import BaseTuple

from .cpu import LANES, WIDE

BIT, I8, I16, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
F32, F64 = ir.FloatType(), ir.DoubleType()
LANES32 = ir.VectorType(I32, LANES)


def lanes(element: ir.Type, count: int = LANES) -> ir.VectorType:
    """A vector type."""
    return ir.VectorType(element, count)


def same(vector: ir.VectorType, value: float) -> ir.Constant:
    """A constant in every lane."""
    return ir.Constant(vector, [value] * vector.count)


def splat(builder: ir.IRBuilder, scalar: ir.Value, count: int = LANES) -> ir.Value:
    """A scalar in every lane."""
    vector = ir.VectorType(scalar.type, count)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, I32(0))
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(I32, count), [0] * count))


def load(builder: ir.IRBuilder, pointer: ir.Value, vector: ir.Type) -> ir.Value:
    """What stands at a pointer, of any alignment."""
    return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=1)


def call(builder: ir.IRBuilder, name: str, result: ir.Type, *arguments: ir.Value) -> ir.Value:
    """A call of one of LLVM's own functions."""
    kind = ir.FunctionType(result, [a.type for a in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def multiply_add(builder: ir.IRBuilder, acc: ir.Value, x: ir.Value, w: ir.Value, quads: bool) -> ir.Value:
    """Return acc + the products of the groups x and w in each lane, in 32 bits; x and w are 16 groups."""
    if quads:
        return call(builder, "llvm.x86.avx512.vpdpbusd.512", LANES32, acc, x, w)
    pairs, wide = lanes(I16, 2 * LANES), lanes(I32, 2 * LANES)
    products = builder.mul(*(builder.sext(builder.bitcast(v, pairs), wide) for v in (x, w)))
    undefined = ir.Constant(wide, ir.Undefined)
    even, odd = (
        builder.shuffle_vector(products, undefined, ir.Constant(LANES32, list(range(first, 2 * LANES, 2)))) for first in (0, 1)
    )
    return builder.add(acc, builder.add(even, odd))


def halves(builder: ir.IRBuilder, vector: ir.Value) -> tuple[ir.Value, ir.Value]:
    """The first and the last 8 of 16 lanes."""
    return part(builder, vector, 0, 8), part(builder, vector, 8, 8)


def joined(builder: ir.IRBuilder, first: ir.Value, last: ir.Value) -> ir.Value:
    """One vector from two."""
    count = 2 * first.type.count
    return builder.shuffle_vector(first, last, ir.Constant(ir.VectorType(I32, count), list(range(count))))


def fixed_point(builder: ir.IRBuilder, acc: ir.Value, constants: list[ir.Value]) -> ir.Value:
    """high(acc * 2^left, multiplier), ties up, shifted right; by `last`, 1 or 0, once more, ties up or away from zero.

    To add half of what is shifted out, in one step, could leave 32 bits.
    """
    multiplier, left, right, last, away = constants
    high = high_mul(builder, builder.shl(acc, left), multiplier)
    sign = builder.ashr(high, same(LANES32, 31))
    shifted = builder.ashr(builder.add(high, builder.and_(sign, away)), right)
    return builder.ashr(builder.add(shifted, last), last)


def high_mul(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    """(a * b + 2^30) >> 31 in each lane: the products of even and odd lanes, 64 bits each, stay where they are."""
    wide = lanes(I64, LANES // 2)
    a, b = builder.bitcast(a, wide), builder.bitcast(b, wide)
    word = same(wide, 32)

    def signed(x: ir.Value) -> ir.Value:
        return builder.ashr(builder.shl(x, word), word)

    even = builder.add(builder.mul(signed(a), signed(b)), same(wide, 1 << 30))
    odd = builder.add(builder.mul(builder.ashr(a, word), builder.ashr(b, word)), same(wide, 1 << 30))
    halves = (builder.bitcast(x, LANES32) for x in (builder.lshr(even, same(wide, 31)), builder.shl(odd, same(wide, 1))))
    places = [lane if lane % 2 == 0 else LANES + lane for lane in range(LANES)]
    return builder.shuffle_vector(*halves, ir.Constant(LANES32, places))


def float32_half_even(builder: ir.IRBuilder, acc: ir.Value, constants: list[ir.Value]) -> ir.Value:
    """float32(acc) * effective_scale to the nearest integer, ties to even, within 2^30 either way."""
    floats = lanes(F32)
    product = builder.fmul(builder.sitofp(acc, floats), constants[0])
    for limit, wrong in ((-(2.0**30), "<"), (2.0**30, ">")):
        product = builder.select(builder.fcmp_ordered(wrong, product, same(floats, limit)), same(floats, limit), product)
    return nearest(builder, product)


def nearest(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """16 numbers of type float32, within int32, to the nearest integer, ties to even."""
    if not WIDE:
        return builder.fptosi(call(builder, "llvm.rint.v16f32", x.type, x), LANES32)
    every, mode = I16(-1), I32(4)  # of rounding: what is set, and that is this one
    return call(builder, "llvm.x86.avx512.mask.cvtps2dq.512", LANES32, x, same(LANES32, 0), every, mode)


def float32_near(builder: ir.IRBuilder, acc: ir.Value, constants: list[ir.Value]) -> ir.Value:
    """The same where a product and 1.5 * 2^23 have a sum from 2^23 on: float32 rounds it to an integer, which its bits count."""
    product = builder.fmul(builder.sitofp(acc, lanes(F32)), constants[0])
    total = builder.bitcast(builder.fadd(product, constants[1]), LANES32)
    return builder.sub(total, builder.bitcast(constants[1], LANES32))


def float64_half_away(builder: ir.IRBuilder, acc: ir.Value, constants: list[ir.Value]) -> ir.Value:
    """float64(acc) * effective_scale to the nearest integer, ties away from zero; what is no int32 becomes -2^31."""
    doubles, words = lanes(F64, 8), lanes(I32, 8)
    rounded = []
    for part, scale in zip(halves(builder, acc), halves(builder, constants[0])):
        product = builder.fmul(builder.sitofp(part, doubles), scale)
        whole = call(builder, "llvm.trunc.v8f64", doubles, product)
        rest = builder.fsub(product, whole)
        up = builder.uitofp(builder.fcmp_ordered(">=", rest, same(doubles, 0.5)), doubles)
        down = builder.uitofp(builder.fcmp_ordered("<=", rest, same(doubles, -0.5)), doubles)
        nearest = builder.fsub(builder.fadd(whole, up), down)
        low = builder.fcmp_ordered(">=", nearest, same(doubles, -(2.0**31)))
        fits = builder.and_(low, builder.fcmp_ordered("<=", nearest, same(doubles, 2.0**31 - 1)))
        rounded.append(builder.fptosi(builder.select(fits, nearest, same(doubles, -(2.0**31))), words))
    return joined(builder, *rounded)


def finish_of(channels: BaseTuple):
    """The function above that the types of `channels` ask for; None where accumulators are the output."""
    if len(channels) == 1:
        return None
    if len(channels) == 6:
        return fixed_point
    if len(channels) == 3:
        return float32_near
    return float32_half_even if channels[1].dtype == types.float32 else float64_half_away


def least(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    """The smaller of two signed integers."""
    return builder.select(builder.icmp_signed("<", a, b), a, b)


def first_lanes(builder: ir.IRBuilder, number: ir.Value, count: int) -> ir.Value:
    """A mask of `count` lanes, set in the first `number` of them, an integer of 64 bits."""
    small = splat(builder, builder.trunc(least(builder, number, I64(count)), I8), count)
    return builder.icmp_signed("<", ir.Constant(small.type, list(range(count))), small)


def part(builder: ir.IRBuilder, vector: ir.Value, first: int, count: int) -> ir.Value:
    """Some lanes of a vector."""
    numbers = ir.Constant(lanes(I32, count), list(range(first, first + count)))
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), numbers)


def packed(builder: ir.IRBuilder, vectors: list[ir.Value], signed: bool) -> ir.Value:
    """64 bytes from four vectors of 32 bits; what leaves 8 bits saturates."""
    words, quads, undefined = lanes(I16, 2 * LANES), lanes(I8, 4 * LANES), ir.Constant(LANES32, ir.Undefined)
    both = [call(builder, "llvm.x86.avx512.packssdw.512", words, *two) for two in (vectors[:2], vectors[2:])]
    quarters = call(builder, f"llvm.x86.avx512.pack{'s' if signed else 'u'}swb.512", quads, *both)
    order = [4 * quarter + vector for vector in range(4) for quarter in range(4)]  # each quarter was packed by itself
    fours = builder.bitcast(quarters, LANES32)
    return builder.bitcast(builder.shuffle_vector(fours, undefined, ir.Constant(LANES32, order)), quads)


class Output:
    """Brings accumulators to the output and stores them: `channels`, `output` and y as emitted code sees them.

    output  int32 [3]: zero point, least and greatest output
    y       [rows, N] int8, uint8, int16 or, for accumulators as they are, int32
    """

    def __init__(self, context, builder: ir.IRBuilder, kinds: tuple, values: tuple):
        channels, output, y = kinds
        self.builder, self.finish = builder, finish_of(channels)
        arrays = [
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(channels, cgutils.unpack_tuple(builder, values[0], len(channels)))
        ]
        self.pointers = [array.data for array in arrays]
        limits = context.make_array(output)(context, builder, values[1]).data
        self.limits = [builder.load(builder.gep(limits, [I64(i)])) for i in range(3)]
        self.y = context.make_array(y)(context, builder, values[2])
        self.height, self.width = cgutils.unpack_tuple(builder, self.y.shape, 2)
        self.element, self.signed = ir.IntType(y.dtype.bitwidth), y.dtype.signed
        self.packs = WIDE and self.element == I8

    def constants(self, channel: ir.Value) -> list[ir.Value]:
        """The vectors of 16 channels from `channel` on; the first is what accumulators start from."""
        return [load(self.builder, self.builder.gep(p, [channel]), lanes(p.type.pointee)) for p in self.pointers]

    def store(self, acc: ir.Value, constants: list[ir.Value], row: ir.Value, channel: ir.Value) -> None:
        """Finish 16 accumulators and store those whose channels exist at y[row, channel:]."""
        self.store_rows([[acc]], [constants], [row], channel)

    def store_rows(
        self, acc: list[list[ir.Value]], constants: list[list[ir.Value]], rows: list[ir.Value], channel: ir.Value
    ) -> None:
        """The same for acc [rows, vectors] and the constants of one, two or four vectors; of equal rows the first remains."""
        vectors = len(constants)
        together = 4 // vectors if self.packs else 1
        for first in reversed(range(0, len(rows), together)):
            some = [self._finished(a, c) for row in acc[first : first + together] for a, c in zip(row, constants)]
            if self.packs:
                elements = self._packed((some * 4)[:4])
                size = vectors * LANES
                for number in reversed(range(len(rows[first : first + together]))):
                    self._write(part(self.builder, elements, number * size, size), rows[first + number], channel)
            else:
                for number, vector in enumerate(some):
                    place = self.builder.add(channel, I64(number * LANES))
                    self._write(self._narrowed(vector), rows[first], place)

    def _finished(self, acc: ir.Value, constants: list[ir.Value]) -> ir.Value:
        """With the zero point, a sum that wraps in 32 bits."""
        if self.finish is None:
            return acc
        return self.builder.add(self.finish(self.builder, acc, constants[1:]), splat(self.builder, self.limits[0]))

    def _packed(self, vectors: list[ir.Value]) -> ir.Value:
        """Four vectors as 64 bytes of the output."""
        low, high = (splat(self.builder, self.builder.trunc(limit, I8), 4 * LANES) for limit in self.limits[1:])
        return self._within(packed(self.builder, vectors, self.signed), low, high, self.signed)

    def _narrowed(self, vector: ir.Value) -> ir.Value:
        """A vector as elements of the output."""
        if self.finish is not None:
            low, high = (splat(self.builder, limit) for limit in self.limits[1:])
            vector = self._within(vector, low, high, True)
        return vector if self.element == I32 else self.builder.trunc(vector, lanes(self.element))

    def _within(self, vector: ir.Value, low: ir.Value, high: ir.Value, signed: bool) -> ir.Value:
        builder = self.builder
        compare = builder.icmp_signed if signed else builder.icmp_unsigned
        vector = builder.select(compare("<", vector, low), low, vector)
        return builder.select(compare(">", vector, high), high, vector)

    def _write(self, elements: ir.Value, row: ir.Value, channel: ir.Value) -> None:
        """Store those whose channels exist."""
        builder, kind = self.builder, elements.type
        place = builder.gep(self.y.data, [builder.add(builder.mul(row, self.width), channel)])
        pointer, left = builder.bitcast(place, kind.as_pointer()), builder.sub(self.width, channel)

        def existing() -> None:
            mask = first_lanes(builder, left, kind.count)
            name = f"llvm.masked.store.v{kind.count}i{kind.element.width}.p0"
            call(builder, name, ir.VoidType(), elements, pointer, I32(1), mask)

        if WIDE:
            existing()
            return
        with builder.if_else(builder.icmp_signed(">=", left, I64(kind.count))) as (whole, rest):
            with whole:
                builder.store(elements, pointer, align=1)
            with rest:
                existing()
