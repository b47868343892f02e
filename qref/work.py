"""How much an operator does, from the shapes of its operands: multiply-adds and bytes."""

from __future__ import annotations

import math
from collections.abc import Callable

from qref.ops import Node, Operand


def macs_of(node: Node) -> int:
    """Multiply-adds of a prepared operator: those of its matrix products; 0 for an operator without any.

    Taps that meet the padding count, as do the products that TRANSPOSE_CONV cuts off at the border.
    """
    count = MACS.get(node.operator.name)
    return 0 if count is None else count(node)


def bytes_of(node: Node) -> int:
    """Bytes of a prepared operator's inputs and outputs, each tensor once: what it must read and write at the least."""
    operands = {operand.tensor.index: operand for operand in (*node.inputs, *node.outputs) if operand is not None}
    return sum(math.prod(operand.shape) * operand.type.bits // 8 for operand in operands.values())


def bits_of(node: Node) -> int:
    """Width of the integers that meet the weights in matrix products; 0 where these are floats."""
    x = node.input(2 if node.operator.name == "TRANSPOSE_CONV" else 0)
    return x.type.bits if x.dtype.kind in "iu" else 0


def has_matrices(node: Node) -> bool:
    """Whether it multiplies several rows by the same weights, as units for products of matrices do."""
    if node.operator.name not in ("CONV_2D", "FULLY_CONNECTED"):
        return False
    w, y = node.input(1).shape, node.output().shape
    return math.prod(y) > w[0] and (len(w) == 2 or w[3] == node.input(0).shape[3])  # without groups


def _size(operand: Operand) -> int:
    return math.prod(operand.shape)


def _conv_2d(node: Node) -> int:
    return _size(node.output()) * math.prod(node.input(1).shape[1:])  # w [O, H, W, I of a group]


def _depthwise_conv_2d(node: Node) -> int:
    return _size(node.output()) * math.prod(node.input(1).shape[1:3])  # w [1, H, W, O]


def _transpose_conv(node: Node) -> int:
    return _size(node.input(2)) * math.prod(node.input(1).shape[:3])  # x [B, H, W, I], w [O, H, W, I]


def _fully_connected(node: Node) -> int:
    return _size(node.input(0)) * node.input(1).shape[0]  # w [O, I]


def _conv_3d(node: Node) -> int:
    return _size(node.output()) * math.prod(node.input(1).shape[:4])  # w [D, H, W, I, O]


def _conv_3d_transpose(node: Node) -> int:
    return _size(node.input(2)) * math.prod(node.input(1).shape[:4])  # x [B, D, H, W, I], w [D, H, W, O, I]


def _svdf(node: Node) -> int:
    return node.input(0).shape[0] * (_size(node.input(1)) + _size(node.input(2)))  # x [B, I], w [F, I], time weights [F, M]


def _rnn(*weights: int) -> Callable[[Node], int]:
    """An RNN whose inputs at these positions are matrices, met by each step of each row."""

    def count(node: Node) -> int:
        stored = [node.inputs[position] for position in weights if position < len(node.inputs)]
        return _size(node.input(0)) // node.input(0).shape[-1] * sum(_size(operand) for operand in stored if operand is not None)

    return count


def _batch_matmul(node: Node) -> int:
    depth = node.input(0).shape[-2 if node.options.get("adj_x", False) else -1]
    return _size(node.output()) * depth


def _lstm(*first_weights: int) -> Callable[[Node], int]:
    """An LSTM whose input, recurrent, projection and auxiliary weights are matrices among the 16 inputs from each position on."""

    def count(node: Node) -> int:
        x = node.input(0)
        stored = [operand for first in first_weights for operand in node.inputs[first : first + 16]]
        matrices = sum(_size(operand) for operand in stored if operand is not None and len(operand.shape) == 2)
        return _size(x) // x.shape[-1] * matrices

    return count


def _one_step_lstm(node: Node) -> int:
    basic = node.options.get("kernel_type", 0) == 1
    return node.input(0).shape[0] * _size(node.input(2)) if basic else _lstm(1)(node)


MACS: dict[str, Callable[[Node], int]] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "TRANSPOSE_CONV": _transpose_conv,
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": _batch_matmul,
    "CONV_3D": _conv_3d,
    "CONV_3D_TRANSPOSE": _conv_3d_transpose,
    "SVDF": _svdf,
    "RNN": _rnn(1, 2),
    "UNIDIRECTIONAL_SEQUENCE_RNN": _rnn(1, 2),
    "BIDIRECTIONAL_SEQUENCE_RNN": _rnn(1, 2, 5, 6, 10, 11),
    "LSTM": _one_step_lstm,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm(1),
    "BIDIRECTIONAL_SEQUENCE_LSTM": _lstm(1, 18, 40),
}
