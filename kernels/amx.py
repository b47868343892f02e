"""The matmul core on AMX: tiles of 16 rows and 16 output channels, 64 products of bytes for each in one instruction.

It computes what kernels/tile.py does, from the same arguments, with groups of 64 bytes instead of four: the weights of a group
are those of 16 groups there. Two tiles of rows meet two tiles of channels, so that each is read half as often as it is used. The
processor reads a tile of rows from 16 places that lie evenly; rows that do not, such as those around the end of an image's row,
are gathered first, as are those behind which x ends.
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .amx_tiles import DEPTH, ROWS, TILE
from .vector import GROUP_BYTES, I8, I32, I64, LANES, LANES32, Output, call, first_lanes, lanes, least, load, splat

BYTES = lanes(I8, DEPTH)


def instruction(builder: ir.IRBuilder, name: str, *arguments: ir.Value) -> None:
    """One of AMX."""
    call(builder, f"llvm.x86.{name}", ir.VoidType(), *arguments)


@intrinsic
def configure(context):
    """All eight registers are whole tiles, in this thread."""

    def emit(context, builder, signature, values):
        shape = bytes([1, 0, *[0] * 14, *[DEPTH, 0] * 8, *[0] * 16, *[ROWS] * 8, *[0] * 8])
        constant = cgutils.global_constant(builder, "amx_shape", ir.Constant(ir.ArrayType(I8, len(shape)), bytearray(shape)))
        instruction(builder, "ldtilecfg", builder.bitcast(constant, I8.as_pointer()))
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def release(context):
    """The registers need not be saved any more."""

    def emit(context, builder, signature, values):
        instruction(builder, "tilerelease")
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def _stride(context, pixels, first):
    """What 16 rows from `first` on are apart; -1 if that differs."""

    def emit(context, builder, signature, values):
        start = builder.gep(context.make_array(signature.args[0])(context, builder, values[0]).data, [values[1]])
        half = lanes(I64, ROWS // 2)
        before, behind = ([load(builder, builder.gep(start, [I64(i + k)]), half) for i in (0, ROWS // 2 - 1)] for k in (0, 1))
        apart = [builder.sub(b, a) for a, b in zip(before, behind)]
        stride = builder.extract_element(apart[0], I32(0))
        same = [builder.icmp_signed("==", each, splat(builder, stride, half.count)) for each in apart]
        evenly = builder.icmp_signed("==", builder.bitcast(builder.and_(*same), I8), I8(-1))
        return builder.select(evenly, stride, I64(-1))

    return types.int64(pixels, types.int64), emit


@intrinsic
def _gather(context, x, pixels, first, segments, length, size, target):
    """Copy what 16 rows have in x, `length` bytes of each segment one behind the other, to an address, `size` bytes for a row."""

    def emit(context, builder, signature, values):
        starts, offsets = (context.make_array(signature.args[i])(context, builder, values[i]) for i in (1, 3))
        source, last = context.make_array(signature.args[0])(context, builder, values[0]).data, builder.sub(starts.nitems, I64(1))
        rows = [least(builder, builder.add(values[2], I64(i)), last) for i in range(ROWS)]
        sources = [builder.gep(source, [builder.load(builder.gep(starts.data, [row]))]) for row in rows]
        targets = [builder.add(values[6], builder.mul(values[5], I64(i))) for i in range(ROWS)]
        with cgutils.for_range(builder, offsets.nitems) as segment:
            offset, done = builder.load(builder.gep(offsets.data, [segment.index])), builder.mul(segment.index, values[4])
            with cgutils.for_range_slice(builder, I64(0), values[4], I64(DEPTH), inc=True) as (position, _):
                mask = first_lanes(builder, builder.sub(values[4], position), DEPTH)
                for row, place in zip(sources, targets):
                    here = builder.bitcast(builder.gep(row, [builder.add(offset, position)]), BYTES.as_pointer())
                    there = builder.inttoptr(builder.add(place, builder.add(done, position)), BYTES.as_pointer())
                    read = call(builder, "llvm.masked.load.v64i8.p0", BYTES, here, I32(1), mask, ir.Constant(BYTES, None))
                    call(builder, "llvm.masked.store.v64i8.p0", ir.VoidType(), read, there, I32(1), mask)
        return context.get_dummy_value()

    int64 = types.int64
    return types.void(x, pixels, int64, segments, int64, int64, int64), emit


@intrinsic
def _block(context, x, places, steps, w, vectors, block, before, pace, sums, channels, output, y):
    """The products of a block, written to sums[0], while those of the block before it, in sums[1], are brought to the output.

    block   (panel, first in `places`, tiles of rows): two, or one, or none
    before  (panel, first row)
    pace    how many times four vectors of the block before are taken with each step
    sums    two addresses, each of 32 rows and all vectors of a panel, int32
    """
    count, width = len(vectors), len(vectors) * LANES
    together = 4 // count  # rows
    multiply = "tdpbssd" if x.dtype.signed else "tdpbusd"

    def emit(context, builder, signature, values):
        def array(position):
            return context.make_array(signature.args[position])(context, builder, values[position])

        def numbers(position):
            return cgutils.unpack_tuple(builder, values[position], len(signature.args[position]))

        panel, tile, tiles = numbers(5)
        old_panel, old_first = numbers(6)
        new_sums, old_sums = (builder.inttoptr(address, I8.as_pointer()) for address in numbers(8))
        table, panels, number = builder.gep(array(1).data, [builder.mul(tile, I64(3))]), array(3), array(2).nitems
        place = [[builder.load(builder.gep(table, [I64(3 * t + i)])) for i in range(3)] for t in range(2)]
        offsets = [builder.inttoptr(p[2], I64.as_pointer()) for p in place]
        weights = builder.gep(panels.data, [builder.mul(panel, cgutils.unpack_tuple(builder, panels.shape, 2)[1])])
        exists = [builder.icmp_signed(">", tiles, I64(t)) for t in range(2)]
        acc = [[I8(t * count + v) for v in range(count)] for t in range(2)]
        row, column, line = (I8(4), I8(5)), [I8(6 + v) for v in range(count)], I64(width * GROUP_BYTES)

        finish = Output(context, builder, signature.args[9:], values[9:])
        channel = builder.mul(old_panel, I64(width))
        constants = [finish.constants(builder.add(channel, I64(v * LANES))) for v in range(count)]
        last = builder.sub(finish.height, I64(1))
        turns = builder.udiv(builder.add(builder.sub(finish.height, old_first), I64(together - 1)), I64(together))
        turns = least(builder, turns, I64(2 * ROWS // together))

        for v in range(count):
            begin = builder.gep(
                finish.pointers[0], [builder.mul(builder.add(builder.mul(panel, I64(count)), I64(v)), I64(ROWS * LANES))]
            )
            for t in range(2):
                instruction(builder, "tileloadd64", acc[t][v], builder.bitcast(begin, I8.as_pointer()), I64(LANES * 4))
        with cgutils.for_range(builder, number) as step:
            for t in range(2):
                with builder.if_then(exists[t]):
                    source = builder.add(place[t][0], builder.load(builder.gep(offsets[t], [step.index])))
                    instruction(builder, "tileloadd64", row[t], builder.inttoptr(source, I8.as_pointer()), place[t][1])
                    for v in range(count):
                        if t == 0:
                            place_of = builder.add(builder.mul(step.index, I64(count * TILE)), I64(v * LANES * GROUP_BYTES))
                            instruction(builder, "tileloadd64", column[v], builder.gep(weights, [place_of]), line)
                        instruction(builder, multiply, acc[t][v], row[t], column[v])
            begin = least(builder, builder.mul(step.index, values[7]), turns)
            end = least(builder, builder.add(begin, values[7]), turns)
            with cgutils.for_range_slice(builder, begin, end, I64(1), inc=True) as (turn, _):
                taken = [builder.add(builder.mul(turn, I64(together)), I64(i)) for i in range(together)]
                rows = [least(builder, builder.add(old_first, i), last) for i in taken]
                here = [builder.gep(old_sums, [builder.mul(builder.sub(r, old_first), line)]) for r in rows]
                loaded = [[load(builder, builder.gep(p, [I64(v * LANES * 4)]), LANES32) for v in range(count)] for p in here]
                finish.store_rows(loaded, constants, rows, channel)
        for t in range(2):
            with builder.if_then(exists[t]):
                for v in range(count):
                    target = builder.gep(new_sums, [I64((t * ROWS * width + v * LANES) * 4)])
                    instruction(builder, "tilestored64", acc[t][v], target, line)
        return context.get_dummy_value()

    return types.void(x, places, steps, w, vectors, block, before, types.int64, sums, channels, output, y), emit


@numba.njit(cache=True, nogil=True)
def matmul(x, pixels, segments, length, direct, steps, w, vectors, rows, channels, output, y):
    """Write y [M, N] from x, a flat array of int8 or uint8, and packed w [panels, bytes] uint8.

    pixels, segments  int64: where rows, and the segments within a row, begin in x; each segment has `length` bytes
    direct, steps     int64: where the 64 bytes for each tile of the weights lie from a row's beginning, in x, and in the segments
                      put one behind the other; direct is empty where segments are no whole lines of the cache
    vectors           (0,) or (0, 1): of 16 channels in a panel, known when this is compiled
    rows              that are taken together through all panels, a multiple of 32
    channels, output  see vector.py; what accumulators start from stands there for each of 16 rows, int32 [N / 16, 16, 16]
    """
    size, block_bytes = (segments.size * length + DEPTH - 1) // DEPTH * TILE, 2 * ROWS * LANES * 4 * len(vectors)
    memory = np.empty(rows // ROWS * size + 2 * block_bytes + DEPTH, np.uint8)
    new = (memory.ctypes.data + DEPTH - 1) // DEPTH * DEPTH
    old, buffer = new + block_bytes, new + 2 * block_bytes
    places = np.empty((rows // ROWS, 3), np.int64)
    pace = (block_bytes // 256 + steps.size - 1) // steps.size
    before = 0, pixels.size
    configure()
    for first in range(0, pixels.size, rows):
        count = (min(rows, pixels.size - first) + ROWS - 1) // ROWS
        for tile in range(count):
            row = first + tile * ROWS
            start, stride = x.ctypes.data + pixels[row], -1
            if direct.size > 0 and row + ROWS <= pixels.size and start % DEPTH == 0:
                stride = _stride(pixels, row)
            if stride % DEPTH == 0:
                places[tile, 0], places[tile, 1], places[tile, 2] = start, stride, direct.ctypes.data
            else:
                target = buffer + tile * size
                _gather(x, pixels, row, segments, length, size // ROWS, target)
                places[tile, 0], places[tile, 1], places[tile, 2] = target, size // ROWS, steps.ctypes.data
        for panel in range(w.shape[0]):
            for tile in range(0, count, 2):
                block = panel, tile, min(count - tile, 2)
                _block(x, places, steps, w, vectors, block, before, pace, (new, old), channels, output, y)
                before, new, old = (panel, first + tile * ROWS), old, new
    _block(x, places, steps, w, vectors, (0, 0, 0), before, pace, (new, old), channels, output, y)
    release()
