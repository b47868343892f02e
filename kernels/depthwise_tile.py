"""DEPTHWISE_CONV_2D in vectors: rows of the image, copied and padded as they are needed, meet the taps of several output rows.

An output row is cut into blocks of 64 bytes of the image; a channel is a place in a block, whatever the number of channels, since
each block has weights of its own (qref/dispatch/depthwise.py lays this out). Where a block meets a column of the filter, elements
of two rows (int16) or four (uint8) are interleaved into groups, within every 16 bytes, as CPUs do it: a vector of groups belongs
to four neighbors in every 16 bytes, and packing the accumulators brings them back into their order. Where the filter leaves rows
of the groups unused, the same groups serve the output row that follows, with weights moved down.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.types.containers import BaseTuple
from numba.extending import intrinsic

from .cpu import GROUP_BYTES, LANES, WIDE
from .depthwise_blocks import BLOCK_BYTES, element_order
from .jit import numba
from .strip import repeated
from .vector import (
    F32,
    I8,
    I16,
    I32,
    I64,
    LANES32,
    call,
    finish_of,
    float32_half_even,
    joined,
    lanes,
    load,
    multiply_add,
    same,
    splat,
)

LANE_BYTES = 16  # within which vectors are interleaved and packed


def _zipped(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> list[ir.Value]:
    """What the first and the last 8 bytes of every 16 give when elements of a and b alternate, in elements of twice the size."""
    width, count = a.type.element.width, a.type.count
    size = LANE_BYTES * 8 // width
    merged = []
    for half in (0, size // 2):
        order = [lane + half + i + which * count for lane in range(0, count, size) for i in range(size // 2) for which in (0, 1)]
        vector = builder.shuffle_vector(a, b, ir.Constant(lanes(I32, count), order))
        merged.append(builder.bitcast(vector, lanes(ir.IntType(2 * width), count // 2)))
    return merged


def _groups(builder: ir.IRBuilder, rows: list[ir.Value]) -> list[ir.Value]:
    """Blocks of two rows (int16) or four (uint8) as so many vectors of groups."""
    pairs = [_zipped(builder, a, b) for a, b in zip(rows[::2], rows[1::2])]
    return pairs[0] if len(pairs) == 1 else [four for two in zip(*pairs) for four in _zipped(builder, *two)]


class _Finish:
    """Brings the accumulators of a block to the output and into their order; output: zero point, least and greatest."""

    def __init__(self, builder: ir.IRBuilder, channels: BaseTuple, output: ir.Value, element: ir.IntType, signed: bool):
        self.builder, self.finish, self.element, self.signed = builder, finish_of(channels), element, signed
        self.offset, self.low, self.high = (builder.load(builder.gep(output, [I64(i)])) for i in range(3))

    def __call__(self, acc: list[ir.Value], constants: list[list[ir.Value]]) -> ir.Value:
        """All elements of a block; the sum with the zero point wraps in 32 bits."""
        builder, packs = self.builder, WIDE and self.element == I8 and len(acc) == 4
        if self.finish is None:
            return self._ordered(acc)
        if packs and self.finish is float32_half_even:  # nothing wraps
            words = self._words([_nearest(builder, a, scale) for a, (_, scale) in zip(acc, constants)])
            offset = splat(builder, builder.trunc(self.offset, I16), 2 * LANES)
            return self._bytes([call(builder, "llvm.sadd.sat.v32i16", word.type, word, offset) for word in words])
        offset = splat(builder, self.offset)
        results = [builder.add(self.finish(builder, a, c[1:]), offset) for a, c in zip(acc, constants)]
        if packs:
            return self._bytes(self._words(results))
        ordered = self._ordered([self._within(result, True) for result in results])
        return builder.trunc(ordered, lanes(self.element, ordered.type.count))

    def _ordered(self, vectors: list[ir.Value]) -> ir.Value:
        """The elements of a block in 32 bits."""
        inverse = np.argsort(element_order(len(vectors)).ravel()).tolist()
        while len(vectors) > 1:
            vectors = [joined(self.builder, a, b) for a, b in zip(vectors[::2], vectors[1::2])]
        (every,) = vectors
        order = ir.Constant(lanes(I32, len(inverse)), inverse)
        return self.builder.shuffle_vector(every, ir.Constant(every.type, ir.Undefined), order)

    def _words(self, vectors: list[ir.Value]) -> list[ir.Value]:
        """Two vectors of 16 bits from four of 32; what does not fit is the nearest that does."""
        name, words = "llvm.x86.avx512.packssdw.512", lanes(I16, 2 * LANES)
        return [call(self.builder, name, words, *two) for two in (vectors[:2], vectors[2:])]

    def _bytes(self, words: list[ir.Value]) -> ir.Value:
        """A block from two vectors of 16 bits."""
        name = f"llvm.x86.avx512.pack{'s' if self.signed else 'u'}swb.512"
        return self._within(call(self.builder, name, lanes(I8, 4 * LANES), *words), self.signed)

    def _within(self, vector: ir.Value, signed: bool) -> ir.Value:
        builder, kind = self.builder, vector.type
        compare = builder.icmp_signed if signed else builder.icmp_unsigned
        for limit, wrong in ((self.low, "<"), (self.high, ">")):
            scalar = limit if kind.element == I32 else builder.trunc(limit, kind.element)
            bound = splat(builder, scalar, kind.count)
            vector = builder.select(compare(wrong, vector, bound), bound, vector)
        return vector


def _nearest(builder: ir.IRBuilder, acc: ir.Value, scale: ir.Value) -> ir.Value:
    """Acc * scale to the nearest integer, as in float32_half_even, but the least int32 for what lies below."""
    floats, limit = lanes(F32), same(lanes(F32), 2.0**30)
    product = builder.fmul(builder.sitofp(acc, floats), scale)
    product = builder.select(builder.fcmp_ordered(">", product, limit), limit, product)
    every, mode = I16(-1), I32(4)  # of rounding: that which is set
    return call(builder, "llvm.x86.avx512.mask.cvtps2dq.512", LANES32, product, same(LANES32, 0), every, mode)


@intrinsic
def _block(context, strip, rows, place, taps, together, w, phase, channels, output, y, targets, target, count):
    """Write `count` elements from y[targets[i] + target] on for i in together; place: where the block begins in a row."""
    quads = strip.dtype == types.uint8
    depth = GROUP_BYTES * 8 // strip.dtype.bitwidth

    def emit(context, builder, signature, values):
        def array(position):
            return context.make_array(signature.args[position])(context, builder, values[position])

        weights_of = array(5)
        phase_bytes = cgutils.unpack_tuple(builder, weights_of.shape, 2)[1]
        weights = builder.gep(weights_of.data, [builder.mul(values[6], phase_bytes)])
        channel = builder.mul(values[6], I64(depth * LANES))
        tables = [
            builder.gep(context.make_array(kind)(context, builder, value).data, [channel])
            for kind, value in zip(channels, cgutils.unpack_tuple(builder, values[7], len(channels)))
        ]
        constants = [
            [load(builder, builder.gep(table, [I64(k * LANES)]), lanes(table.type.pointee)) for table in tables]
            for k in range(depth)
        ]
        acc = [[cgutils.alloca_once_value(builder, constants[k][0]) for k in range(depth)] for _ in together]
        weight_at = cgutils.alloca_once_value(builder, weights)
        sources, start = array(1), builder.gep(array(0).data, [values[2]])
        block = lanes(start.type.pointee, BLOCK_BYTES * 8 // start.type.pointee.width)

        def meet(inputs: list[ir.Value], offset: ir.Value) -> None:
            groups = _groups(builder, [load(builder, builder.gep(p, [offset]), block) for p in inputs])
            here = builder.load(weight_at)
            for i in range(len(together)):
                for k in range(depth):
                    weight = load(builder, builder.gep(here, [I64((i * depth + k) * BLOCK_BYTES)]), LANES32)
                    x = builder.bitcast(groups[k], LANES32)
                    builder.store(multiply_add(builder, builder.load(acc[i][k]), x, weight, quads), acc[i][k])
            builder.store(builder.gep(here, [I64(len(together) * depth * BLOCK_BYTES)]), weight_at)

        with cgutils.for_range(builder, builder.sdiv(sources.nitems, I64(depth))) as band:
            number = [builder.add(builder.mul(band.index, I64(depth)), I64(i)) for i in range(depth)]
            inputs = [builder.gep(start, [builder.load(builder.gep(sources.data, [n]))]) for n in number]
            if isinstance(taps, BaseTuple):
                for offset in cgutils.unpack_tuple(builder, values[3], len(taps)):
                    meet(inputs, offset)
            else:
                offsets = array(3)
                with cgutils.for_range(builder, offsets.nitems) as tap:
                    meet(inputs, builder.load(builder.gep(offsets.data, [tap.index])))
        pointers = array(9).data
        finish = _Finish(builder, channels, array(8).data, pointers.type.pointee, y.dtype.signed)
        places = array(10).data
        for i in reversed(range(len(together))):  # a row beyond the last stands where the first is written then
            results = finish([builder.load(total) for total in acc[i]], constants)
            to = builder.gep(pointers, [builder.add(builder.load(builder.gep(places, [I64(i)])), values[11])])
            _store(builder, results, to, values[12])
        return context.get_dummy_value()

    int64 = types.int64
    return types.void(strip, rows, int64, taps, together, w, int64, channels, output, y, targets, int64, int64), emit


def _store(builder: ir.IRBuilder, elements: ir.Value, pointer: ir.Value, count: ir.Value) -> None:
    """Store the first `count` elements."""
    kind = elements.type
    pointer = builder.bitcast(pointer, kind.as_pointer())
    with builder.if_else(builder.icmp_signed("==", count, I64(kind.count))) as (whole, part):
        with whole:
            builder.store(elements, pointer, align=1)
        with part:
            number = lanes(I16, kind.count)
            limit = splat(builder, builder.trunc(count, I16), kind.count)
            mask = builder.icmp_signed("<", ir.Constant(number, list(range(kind.count))), limit)
            name = f"llvm.masked.store.v{kind.count}i{kind.element.width}.p0"
            call(builder, name, ir.VoidType(), elements, pointer, I32(1), mask)


@intrinsic
def _move(context, strip, source, target):
    """Copy a block of strip, a flat array, from one place to another."""

    def emit(context, builder, signature, values):
        data = context.make_array(signature.args[0])(context, builder, values[0]).data
        block = lanes(I8, BLOCK_BYTES)
        elements = load(builder, builder.gep(data, [values[1]]), block)
        builder.store(elements, builder.bitcast(builder.gep(data, [values[2]]), block.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(strip, types.int64, types.int64), emit


@numba.njit(cache=True, nogil=True)
def depthwise(x, offset, heights, widths, together, strip, blocks, taps, w, channels, output, y, first, last):
    """Write the rows `first` to `last` of y [B * OH, OW * C * M] from x [B, H, W, C]; both as the tensors have them.

    offset    brings x to the type of strip
    heights   output_size, stride, dilation, padding
    widths    padding, depth_multiplier, padded_size; planes: column c of an image stands in plane c % planes; plane: its elements
    together  (0, 1, ..., R - 1): output rows at a time, known when this is compiled
    strip     uint8 or int16 [reach + 2, row], all zero point before the first call: rows of the image that R output rows meet,
              each in its turn; a row that stays as it is; one before it goes to planes. Behind each plane is a block to spare
    blocks    int64 [blocks, 3]: where each begins in rows of the image and of the output, and its phase
    taps      int64 [KW]: where the columns of the filter begin; a tuple if that many are compiled one after the other
    w         uint8 [phases, bands * KW * R * bytes]
    channels, output  see vector.py; channels as `element_order` says, for each phase
    """
    output_h, stride, dilation, top = heights
    left, multiplier, padded, planes, plane = widths
    height, row_elements, pixel = x.shape[1], x.shape[2] * x.shape[3], x.shape[3] * multiplier
    reach, pitch = strip.shape[0] - 2, strip.shape[1]
    count = min(BLOCK_BYTES // strip.itemsize, y.shape[1])
    rows = np.empty(w.shape[1] // (len(taps) * len(together) * BLOCK_BYTES), np.int64)
    targets = np.empty(len(together), np.int64)
    x_flat, y_flat, flat = x.reshape(-1), y.reshape(-1), strip.reshape(-1)
    line, image, out_y, held = first, first // output_h, first % output_h, 0
    while line < last:
        begin = out_y * stride - top
        turn = (begin + top) % reach
        for row in range(max(held, begin), min(height, begin + reach)):
            place = (turn + row - begin) % reach * pitch
            to = (reach + 1) * pitch if planes > 1 else place
            from_x = (image * height + row) * row_elements
            repeated(x_flat, from_x, row_elements, multiplier, offset, flat, to + left * pixel)
            if planes > 1:
                _to_planes(flat, to, place, pixel, padded, planes, plane)
        held = begin + reach
        for i in range(rows.size):
            reached = i * dilation
            inside = reached < reach and 0 <= begin + reached < height
            place = turn + reached
            rows[i] = (place if place < reach else place - reach) * pitch if inside else reach * pitch
        there = min(len(together), output_h - out_y, last - line)
        for i in range(len(together)):
            targets[i] = (line + (i if i < there else 0)) * y.shape[1]
        for block in range(len(blocks)):
            here, target, phase = blocks[block]
            _block(flat, rows, here, taps, together, w, phase, channels, output, y_flat, targets, target, count)
        line, out_y = line + there, out_y + there
        if out_y == output_h:
            image, out_y, held = image + 1, 0, 0


@numba.njit(cache=True, nogil=True)
def _to_planes(strip, row, place, pixel, columns, planes, plane):
    """Sort the columns of a padded row into planes; what a block moves too much is written over by the next, or to spare."""
    for number in range(planes):
        to = place + number * plane
        for column in range(number, columns, planes):
            _move(strip, row + column * pixel, to)
            to += pixel
