"""The matmul core on AMX: tiles of 16 rows and 16 output channels, 64 products of bytes for each in one instruction.

It computes what kernels/tile.py does. A block is two tiles of rows that meet two tiles of channels, so that each is read half as
often as it is used. The processor reads a tile of rows from 16 places that lie evenly, fast only if none crosses a line of the
cache. Other rows are gathered first: all rows where pixels or segments are no whole lines, else those around the end of an
image's row. While a block is multiplied, the sums of the one before it go to the output, with other units of the processor.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .amx_tiles import DEPTH, ROWS, TILE
from .cpu import GROUP_BYTES, LANES
from .jit import numba
from .vector import I8, I32, I64, LANES32, Output, call, first_lanes, lanes, least, load, splat

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
def _gather(context, x, pixels, first, segments, length, memory, place, size):
    """Copy what 16 rows have in x, `length` bytes of each segment one behind the other, to memory[place:], `size` for a row."""

    def emit(context, builder, signature, values):
        source, starts, offsets, target = (
            context.make_array(signature.args[i])(context, builder, values[i]) for i in (0, 1, 3, 5)
        )
        last = builder.sub(starts.nitems, I64(1))
        rows = [least(builder, builder.add(values[2], I64(i)), last) for i in range(ROWS)]
        sources = [builder.gep(source.data, [builder.load(builder.gep(starts.data, [row]))]) for row in rows]
        targets = [builder.gep(target.data, [builder.add(values[6], builder.mul(values[7], I64(i)))]) for i in range(ROWS)]
        with cgutils.for_range(builder, offsets.nitems) as segment:
            offset, done = builder.load(builder.gep(offsets.data, [segment.index])), builder.mul(segment.index, values[4])
            with cgutils.for_range_slice(builder, I64(0), values[4], I64(DEPTH), inc=True) as (position, _):
                mask = first_lanes(builder, builder.sub(values[4], position), DEPTH)
                for row, place in zip(sources, targets):
                    here = builder.bitcast(builder.gep(row, [builder.add(offset, position)]), BYTES.as_pointer())
                    there = builder.bitcast(builder.gep(place, [builder.add(done, position)]), BYTES.as_pointer())
                    read = call(builder, "llvm.masked.load.v64i8.p0", BYTES, here, I32(1), mask, ir.Constant(BYTES, None))
                    call(builder, "llvm.masked.store.v64i8.p0", ir.VoidType(), read, there, I32(1), mask)
        return context.get_dummy_value()

    int64 = types.int64
    return types.void(x, pixels, int64, segments, int64, memory, int64, int64), emit


@intrinsic
def _block(context, x, places, steps, w, vectors, block, before, pace, memory, sums, channels, output, y):
    """Write the sums of a block to memory, and bring those of the block before it to the output.

    block   (panel, first in `places`, tiles of rows): two, or one, or none
    before  (panel, first row)
    pace    how many times four vectors of the block before are taken with each step
    sums    where in memory those of both blocks are, each of 32 rows and all vectors of a panel, int32
    """
    count, width = len(vectors), len(vectors) * LANES
    multiply = "tdpbssd" if x.dtype.signed else "tdpbusd"
    acc, row, column = [[I8(t * count + v) for v in range(count)] for t in range(2)], [I8(4), I8(5)], [I8(6), I8(7)]  # registers

    def emit(context, builder, signature, values):
        def array(position):
            return context.make_array(signature.args[position])(context, builder, values[position])

        def numbers(position):
            return cgutils.unpack_tuple(builder, values[position], len(signature.args[position]))

        def read(register, pointer, stride):
            instruction(builder, "tileloadd64", register, builder.bitcast(pointer, I8.as_pointer()), stride)

        panel, tile, tiles = numbers(5)
        exists = [builder.icmp_signed(">", tiles, I64(t)) for t in range(2)]
        table, line = builder.gep(array(1).data, [builder.mul(tile, I64(3))]), I64(width * GROUP_BYTES)
        place = [[builder.load(builder.gep(table, [I64(3 * t + i)])) for i in range(3)] for t in range(2)]
        offsets = [builder.inttoptr(p[2], I64.as_pointer()) for p in place]
        panels, number = array(3), array(2).nitems
        weights = builder.gep(panels.data, [builder.mul(panel, cgutils.unpack_tuple(builder, panels.shape, 2)[1])])
        new_sums, old_sums = (builder.gep(array(8).data, [place]) for place in numbers(9))
        finish = Output(context, builder, signature.args[10:], values[10:])
        take, turns = _finishing(builder, finish, old_sums, count, *numbers(6))
        starts = builder.gep(finish.pointers[0], [builder.mul(panel, I64(width * ROWS))])
        for v in range(count):
            for t in range(2):
                read(acc[t][v], builder.gep(starts, [I64(v * LANES * ROWS)]), I64(LANES * 4))
        with cgutils.for_range(builder, number) as step:
            here = builder.gep(weights, [builder.mul(step.index, I64(count * TILE))])
            for t in range(2):
                with builder.if_then(exists[t]):
                    source = builder.add(place[t][0], builder.load(builder.gep(offsets[t], [step.index])))
                    read(row[t], builder.inttoptr(source, I8.as_pointer()), place[t][1])
                    for v in range(count):
                        if t == 0:
                            read(column[v], builder.gep(here, [I64(v * LANES * GROUP_BYTES)]), line)
                        instruction(builder, multiply, acc[t][v], row[t], column[v])
            begin = least(builder, builder.mul(step.index, values[7]), turns)
            end = least(builder, builder.add(begin, values[7]), turns)
            with cgutils.for_range_slice(builder, begin, end, I64(1), inc=True) as (turn, _):
                take(turn)
        for t in range(2):
            with builder.if_then(exists[t]):
                for v in range(count):
                    target = builder.gep(new_sums, [I64((t * ROWS * width + v * LANES) * 4)])
                    instruction(builder, "tilestored64", acc[t][v], target, line)
        return context.get_dummy_value()

    return types.void(x, places, steps, w, vectors, block, before, types.int64, memory, sums, channels, output, y), emit


def _finishing(builder: ir.IRBuilder, finish: Output, sums: ir.Value, count: int, panel: ir.Value, first: ir.Value):
    """What emits the way of four vectors of a block to the output, and how many times that is needed."""
    together = 4 // count  # rows
    channel = builder.mul(panel, I64(count * LANES))
    constants = [finish.constants(builder.add(channel, I64(v * LANES))) for v in range(count)]
    last = builder.sub(finish.height, I64(1))
    turns = builder.udiv(builder.add(builder.sub(finish.height, first), I64(together - 1)), I64(together))

    def take(turn: ir.Value) -> None:
        taken = builder.mul(turn, I64(together))
        rows = [least(builder, builder.add(builder.add(first, taken), I64(i)), last) for i in range(together)]
        here = builder.gep(sums, [builder.mul(turn, I64(4 * LANES * 4))])
        each = [load(builder, builder.gep(here, [I64(i * LANES * 4)]), LANES32) for i in range(4)]
        finish.store_rows([each[i : i + count] for i in range(0, 4, count)], constants, rows, channel)

    return take, least(builder, turns, I64(2 * ROWS // together))


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
    size, block_bytes = (segments.size * length + DEPTH - 1) // DEPTH * DEPTH, 2 * ROWS * LANES * 4 * len(vectors)
    memory = np.empty(2 * block_bytes + rows * size + DEPTH, np.uint8)
    new = -memory.ctypes.data % DEPTH
    old, gathered = new + block_bytes, new + 2 * block_bytes
    places = np.empty((rows // ROWS, 3), np.int64)  # address of a tile, bytes from row to row, address of its steps
    pace = (block_bytes // (4 * LANES * 4) + steps.size - 1) // steps.size
    before = 0, pixels.size
    configure()
    for first in range(0, pixels.size, rows):
        tiles = (min(rows, pixels.size - first) + ROWS - 1) // ROWS
        for tile in range(tiles):
            row = first + tile * ROWS
            start, stride = x.ctypes.data + pixels[row], -1
            if direct.size > 0 and row + ROWS <= pixels.size and start % DEPTH == 0:
                stride = _stride(pixels, row)
            if stride % DEPTH == 0:
                places[tile, 0], places[tile, 1], places[tile, 2] = start, stride, direct.ctypes.data
            else:
                target = gathered + tile * ROWS * size
                _gather(x, pixels, row, segments, length, memory, target, size)
                places[tile, 0], places[tile, 1], places[tile, 2] = memory.ctypes.data + target, size, steps.ctypes.data
        for panel in range(w.shape[0]):
            for tile in range(0, tiles, 2):
                block = panel, tile, min(tiles - tile, 2)
                _block(x, places, steps, w, vectors, block, before, pace, memory, (new, old), channels, output, y)
                before, new, old = (panel, first + tile * ROWS), old, new
    _block(x, places, steps, w, vectors, (0, 0, 0), before, pace, memory, (new, old), channels, output, y)
    release()
