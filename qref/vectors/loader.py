"""Reads the golden vectors that lie beside this file's folder, and gives them as transactions; needs NumPy alone.

    vectors = GoldenVectors("DIR")
    for t in vectors.transactions("op000_conv_2d"):
        ...                     # drive t.x and t.w tap by tap, then compare with t.acc and t.y

A transaction is one output element of an operator that accumulates: over its taps,
acc = bias + sum of (x + input_offset) * (w + filter_offset), and y = clamp(requantize(acc) + output_offset).
Taps outside of an image contribute nothing and are left away.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Transaction:
    """One output element: what goes in, and what must come out. All integers."""

    case: str  # "unit/0"
    element: tuple[int, ...]  # index in the output
    channel: int  # of the constants
    x: list[int]
    w: list[int]
    bias: int
    input_offset: int
    filter_offset: int
    rule: str  # a name in the manifest's "rules"
    multiplier: int
    shift: int
    output_offset: int
    output_activation_min: int
    output_activation_max: int
    acc: int  # before it is wrapped to acc_bits
    y: int


class GoldenVectors:
    """A folder of golden vectors."""

    def __init__(self, folder: str | pathlib.Path):
        self.folder = pathlib.Path(folder)
        self.manifest: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text())
        self.operators: dict[str, dict[str, Any]] = {o["id"]: o for o in self.manifest["operators"]}

    def arrays(self, operator: str) -> dict[str, np.ndarray]:
        """Every array of an operator: "unit/0/input/0", "layer/0/output/0", "unit/0/acc", "constant/1", "requantize/shift"..."""
        with np.load(self.folder / self.operators[operator]["file"]) as archive:
            return {name: archive[name] for name in archive.files}

    def transactions(self, operator: str) -> Iterator[Transaction]:
        """All output elements of all cases of an operator that accumulates, in order."""
        described, arrays = self.operators[operator], self.arrays(operator)
        if "accumulation" not in described:
            raise ValueError(f"{operator} ({described['name']}) has no accumulator; read its arrays() instead")
        for case in case_names(described):
            yield from transactions(described, arrays, case, np.ndindex(arrays[f"{case}/output/0"].shape))


def case_names(operator: dict[str, Any]) -> list[str]:
    """The prefixes of the operator's cases in its arrays."""
    return [f"{kind}/{number}" for kind, count in operator["cases"].items() for number in range(count)]


def operand(operator: dict[str, Any], arrays: dict[str, np.ndarray], case: str, role: str) -> np.ndarray | None:
    """The operand of that role, "x", "w" or "b", in a case; None where it is absent."""
    position = operator["accumulation"]["operands"][role]
    return next((arrays[name] for name in (f"{case}/input/{position}", f"constant/{position}") if name in arrays), None)


def transactions(operator: dict[str, Any], arrays: dict[str, np.ndarray], case: str, elements: Any) -> Iterator[Transaction]:
    """These output elements of one case of an operator that accumulates."""
    fields = operator["accumulation"]
    x, w, b = (operand(operator, arrays, case, role) for role in "xwb")
    acc, y = arrays[f"{case}/acc"], arrays[f"{case}/output/0"]
    assert x is not None
    assert w is not None
    for element in elements:
        x_taps, w_taps = taps(operator, x.shape, w.shape, element)
        channel = element[-1]
        yield Transaction(
            case=case,
            element=tuple(element),
            channel=channel,
            x=x.ravel()[x_taps].tolist(),
            w=w.ravel()[w_taps].tolist(),
            bias=0 if b is None else int(b.ravel()[channel]),
            rule=fields["rules"][arrays["requantize/rule"][channel]],
            multiplier=int(arrays["requantize/multiplier"][channel]),
            shift=int(arrays["requantize/shift"][channel]),
            acc=int(acc[element]),
            y=int(y[element]),
            **{name: fields[name] for name in OFFSETS},
        )


OFFSETS = ("input_offset", "filter_offset", "output_offset", "output_activation_min", "output_activation_max")


def taps(
    operator: dict[str, Any], x_shape: Sequence[int], w_shape: Sequence[int], element: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Which elements of x and w, as flat positions, meet in an output element; in the order of the filter's memory."""
    return TAPS[operator["name"]](operator["accumulation"], tuple(x_shape), tuple(w_shape), tuple(element))


def _fully_connected(fields: dict[str, Any], x: tuple[int, ...], w: tuple[int, ...], element: tuple[int, ...]):
    depth = np.arange(w[1])
    row = int(np.ravel_multi_index(element[:-1], fields["output_shape"][:-1])) if len(element) > 1 else 0
    return row * w[1] + depth, element[-1] * w[1] + depth


def _inside(axis: dict[str, int], position: int) -> tuple[np.ndarray, np.ndarray]:
    """Which taps of a window at an output position lie inside the image, and where."""
    tap = np.arange(axis["filter_size"])
    image = position * axis["stride"] + tap * axis["dilation"] - axis["padding"]
    inside = (image >= 0) & (image < axis["image_size"])
    return tap[inside], image[inside]


def _reaching(axis: dict[str, int], position: int) -> tuple[np.ndarray, np.ndarray]:
    """Which taps of a transposed window reach a position of its image, and from which input positions."""
    tap = np.arange(axis["filter_size"])
    scaled = position + axis["padding"] - tap * axis["dilation"]
    source = scaled // axis["stride"]
    reaching = (scaled % axis["stride"] == 0) & (source >= 0) & (source < axis["output_size"])
    return tap[reaching], source[reaching]


def _grid(shape: tuple[int, ...], *indices: Any) -> np.ndarray:
    return np.ravel_multi_index(np.ix_(*map(np.atleast_1d, indices)), shape).ravel()


def _conv_2d(fields: dict[str, Any], x: tuple[int, ...], w: tuple[int, ...], element: tuple[int, ...]):
    batch, row, column, channel = element
    (tap_y, y), (tap_x, x_) = (_inside(axis, position) for axis, position in zip(fields["axes"], (row, column)))
    depth = np.arange(w[3])
    first = channel // (w[0] // fields["groups"]) * w[3]
    return _grid(x, batch, y, x_, first + depth), _grid(w, channel, tap_y, tap_x, depth)


def _depthwise_conv_2d(fields: dict[str, Any], x: tuple[int, ...], w: tuple[int, ...], element: tuple[int, ...]):
    batch, row, column, channel = element
    (tap_y, y), (tap_x, x_) = (_inside(axis, position) for axis, position in zip(fields["axes"], (row, column)))
    return _grid(x, batch, y, x_, channel // fields["depth_multiplier"]), _grid(w, 0, tap_y, tap_x, channel)


def _transpose_conv(fields: dict[str, Any], x: tuple[int, ...], w: tuple[int, ...], element: tuple[int, ...]):
    batch, row, column, channel = element
    (tap_y, y), (tap_x, x_) = (_reaching(axis, position) for axis, position in zip(fields["axes"], (row, column)))
    depth = np.arange(w[3])
    return _grid(x, batch, y, x_, depth), _grid(w, channel, tap_y, tap_x, depth)


def _batch_matmul(fields: dict[str, Any], x: tuple[int, ...], w: tuple[int, ...], element: tuple[int, ...]):
    *batch, row, column = element
    depth = np.arange(x[-2 if fields["adj_x"] else -1])
    x_last = (depth, row) if fields["adj_x"] else (row, depth)
    w_last = (column, depth) if fields["adj_y"] else (depth, column)
    return _grid(x, *_own(batch, x), *x_last), _grid(w, *_own(batch, w), *w_last)


def _own(batch: list[int], shape: tuple[int, ...]) -> list[int]:
    """The batch indices that an operand of that shape has, 0 where it is broadcast."""
    sizes = shape[:-2]
    return [0 if size == 1 else index for size, index in zip(sizes, batch[len(batch) - len(sizes) :])]


TAPS = {
    "FULLY_CONNECTED": _fully_connected,
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "TRANSPOSE_CONV": _transpose_conv,
    "BATCH_MATMUL": _batch_matmul,
}
