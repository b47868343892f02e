"""The matmul core: tiles of some rows and some vectors of 16 output channels, products and the way to the output in one pass.

What a row is made of lies anywhere in a flat array x: at pixels[m] + segments[s], for each segment, groups[s] times four bytes.
A matrix has one segment, a convolution one for each row of its filter; more of them read again what meets a second weight (see
`pack`). Weights lie as they are read, in panels: for a panel of
V vectors, for each segment and group, V times 16 channels times four bytes (see `pack` in qref.dispatch.tiles). Rows beyond the
last are the last once more, so that there is one size of tile.
"""

from __future__ import annotations

from numba.core import cgutils, types
from numba.extending import intrinsic

from .cpu import GROUP_BYTES, LANES, WIDE
from .jit import numba
from .vector import I32, I64, LANES32, Output, load, multiply_add, splat

ROWS = {1: 14, 2: 12, 4: 6} if WIDE else {1: 4}  # of a tile, by its vectors: as many as there are registers


def _make_tile(single: bool):
    """The tile of one row, or of ROWS[vectors] rows."""

    @intrinsic
    def tile(context, x, pixels, first, segments, groups, w, panel, vectors, channels, output, y):
        count = len(vectors)
        rows = 1 if single else ROWS[count]
        quads = x.dtype == types.uint8

        def emit(context, builder, signature, values):
            def array(position):
                return context.make_array(signature.args[position])(context, builder, values[position])

            starts, offsets, counts = array(1), array(3), array(4)
            last = builder.sub(starts.nitems, I64(1))
            row, source = [], []
            for i in range(rows):
                number = builder.add(values[2], I64(i))
                row.append(builder.select(builder.icmp_signed("<", number, last), number, last))
                source.append(builder.gep(array(0).data, [builder.load(builder.gep(starts.data, [row[i]]))]))
            finish = Output(context, builder, signature.args[8:], values[8:])
            channel = [builder.add(builder.mul(values[6], I64(count * LANES)), I64(v * LANES)) for v in range(count)]
            constants = [finish.constants(c) for c in channel]
            acc = [[cgutils.alloca_once_value(builder, constants[v][0]) for v in range(count)] for _ in range(rows)]
            panels = array(5)
            panel_bytes = cgutils.unpack_tuple(builder, panels.shape, 2)[1]
            weights = cgutils.alloca_once_value(builder, builder.gep(panels.data, [builder.mul(values[6], panel_bytes)]))
            with cgutils.for_range(builder, offsets.nitems) as segment:
                offset = builder.load(builder.gep(offsets.data, [segment.index]))
                inputs = [builder.bitcast(builder.gep(p, [offset]), I32.as_pointer()) for p in source]
                with cgutils.for_range(builder, builder.load(builder.gep(counts.data, [segment.index]))) as group:
                    here = builder.load(weights)
                    each = [load(builder, builder.gep(here, [I64(v * LANES * GROUP_BYTES)]), LANES32) for v in range(count)]
                    builder.store(builder.gep(here, [I64(count * LANES * GROUP_BYTES)]), weights)
                    for i in range(rows):
                        four = splat(builder, load(builder, builder.gep(inputs[i], [group.index]), I32))
                        for v in range(count):
                            builder.store(multiply_add(builder, builder.load(acc[i][v]), four, each[v], quads), acc[i][v])
            finish.store_rows([[builder.load(a) for a in each] for each in acc], constants, row, channel[0])
            return context.get_dummy_value()

        return types.void(x, pixels, types.int64, segments, groups, w, types.int64, vectors, channels, output, y), emit

    return tile


_one_row, _rows = _make_tile(single=True), _make_tile(single=False)


@numba.njit(cache=True, nogil=True)
def matmul(x, pixels, segments, groups, w, vectors, rows, channels, output, y):
    """Write y [M, N] from x, a flat array of uint8 (groups of four) or int16 (groups of two), and packed w [panels, bytes] uint8.

    pixels, segments  int64: where rows, and the segments within a row, begin in x
    groups            int64 [segments]: of four bytes in each segment
    vectors           (0, 1, ..., V - 1): of 16 channels in a panel, known when this is compiled; rows: ROWS[V]
    channels, output  see vector.py
    """
    for panel in range(w.shape[0]):
        if pixels.size == 1:
            _one_row(x, pixels, 0, segments, groups, w, panel, vectors, channels, output, y)
        else:
            for first in range(0, pixels.size, rows):
                _rows(x, pixels, first, segments, groups, w, panel, vectors, channels, output, y)
