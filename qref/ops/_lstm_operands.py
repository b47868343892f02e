"""The operands of the LSTM operators: where the tensors of each gate stand, which variant they make, and that they fit together.

The gates are called input, forget, cell and output, as in the schema. Without input weights the input gate is one minus the
forget gate (CIFG). Peephole weights let gates see the cell state, a projection shortens the output, layer normalization
scales what each gate sums.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qref.schema.enums import ActivationFunctionType, TensorType

from .node import Node, Operand

GATES = ("input", "forget", "cell", "output")
EIGHT_BITS = (TensorType.INT8, TensorType.UINT8)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one LSTM's tensors stand among its operator's inputs.

    weights   input weights of the four gates, four recurrent weights, peephole weights of input, forget and output gate, four
              biases, projection weights and projection bias, one after the other
    """

    weights: int
    output_state: int
    cell_state: int
    layer_norm: int | None = None
    aux_weights: int | None = None


@dataclass(frozen=True, slots=True)
class GateInputs:
    """Input positions of one gate's tensors; None where the variant has none."""

    input_weights: int
    recurrent_weights: int
    bias: int
    peephole: int | None
    layer_norm: int | None
    aux_weights: int | None


@dataclass(frozen=True, slots=True)
class LstmInputs:
    """Input positions of one LSTM's tensors, and its sizes."""

    gates: Mapping[str, GateInputs]  # by name, in the order of GATES; without the input gate with CIFG
    projection: int | None
    projection_bias: int | None
    output_state: int
    cell_state: int
    batch: int
    depth: int  # of the input
    cells: int
    outputs: int

    @property
    def cifg(self) -> bool:
        """Whether the input gate is one minus the forget gate."""
        return "input" not in self.gates

    @property
    def peephole(self) -> bool:
        """Whether gates see the cell state."""
        return self.gates["output"].peephole is not None

    @property
    def layer_norm(self) -> bool:
        """Whether gates are normalized."""
        return self.gates["output"].layer_norm is not None


def read_lstm(node: Node, layout: Layout, batch: int, depth: int, *, diagonal: bool = False, aux_depth: int = 0) -> LstmInputs:
    """Find the tensors of one LSTM and check their presence, types and shapes.

    diagonal   whether recurrent weights of one dimension are allowed, which stand for a diagonal matrix
    """
    x, last_weights, last_recurrent = node.input(0), node.input(layout.weights + 3), node.input(layout.weights + 7)
    node.expect_type(x, TensorType.FLOAT32, TensorType.INT8)
    node.expect_type(last_weights, *(EIGHT_BITS[:1] if x.type == TensorType.INT8 else (TensorType.FLOAT32, *EIGHT_BITS)))
    node.expect(
        len(last_weights.shape) == 2,
        f"input weights {last_weights} have shape {list(last_weights.shape)}; expected [cells, {depth}]",
    )
    cells = last_weights.shape[0]
    node.expect(
        len(last_recurrent.shape) in (1, 2),
        f"recurrent weights {last_recurrent} have {len(last_recurrent.shape)} dimensions; expected 2",
    )
    outputs = last_recurrent.shape[-1]
    node.expect(
        min(cells, outputs, depth) > 0,
        f"an LSTM of {cells} cells, {outputs} outputs and input depth {depth}; expected at least one each",
    )
    present = _positions(node, layout)
    inputs = LstmInputs(present, *_projection(node, layout), layout.output_state, layout.cell_state, batch, depth, cells, outputs)
    for gate in present.values():
        _check_gate(node, gate, inputs, last_weights.type, diagonal, aux_depth)
    _check_projection(node, inputs, last_weights.type)
    _check_states(node, inputs)
    return inputs


def _positions(node: Node, layout: Layout) -> dict[str, GateInputs]:
    def has(position: int | None) -> bool:
        return position is not None and node.input(position, optional=True) is not None

    first = layout.weights
    cifg = not has(first)
    node.expect(
        has(first + 4) != cifg, "input weights and recurrent weights of the input gate must be both there, or neither (CIFG)"
    )
    node.expect(has(first + 11) != cifg, "the bias of the input gate must be there if and only if its weights are")
    peephole = has(first + 10)
    wanted = (peephole and not cifg, peephole, peephole)
    node.expect(
        tuple(has(first + 8 + i) for i in range(3)) == wanted,
        "peephole weights must be there for all gates but the cell gate, or for none",
    )
    norm = layout.layer_norm if layout.layer_norm is not None and has(layout.layer_norm + 1) else None
    aux = layout.aux_weights if layout.aux_weights is not None and has(layout.aux_weights + 1) else None
    if norm is not None:
        node.expect(has(norm) != cifg, "layer normalization of the input gate must be there if and only if its weights are")
    peepholes = (first + 8, first + 9, None, first + 10) if peephole else (None,) * 4
    return {
        GATES[i]: GateInputs(
            input_weights=first + i,
            recurrent_weights=first + 4 + i,
            bias=first + 11 + i,
            peephole=peepholes[i],
            layer_norm=None if norm is None else norm + i,
            aux_weights=None if aux is None else aux + i,
        )
        for i in range(cifg, 4)
    }


def _projection(node: Node, layout: Layout) -> tuple[int | None, int | None]:
    weights, bias = (
        position if node.input(position, optional=True) is not None else None
        for position in (layout.weights + 15, layout.weights + 16)
    )
    node.expect(weights is not None or bias is None, "there is a projection bias but no projection weights")
    return weights, bias


def _check_gate(
    node: Node, gate: GateInputs, inputs: LstmInputs, weights_type: TensorType, diagonal: bool, aux_depth: int
) -> None:
    integer = node.input(0).type == TensorType.INT8
    cells, outputs = inputs.cells, inputs.outputs
    expect_tensor(node, gate.input_weights, weights_type, (cells, inputs.depth))
    recurrent = node.input(gate.recurrent_weights)
    if diagonal and len(recurrent.shape) == 1:
        node.expect(outputs == cells, f"diagonal recurrent weights need as many outputs as cells, found {outputs} and {cells}")
        expect_tensor(node, gate.recurrent_weights, TensorType.FLOAT32, (cells,))
    else:
        expect_tensor(node, gate.recurrent_weights, weights_type, (cells, outputs))
    expect_tensor(node, gate.bias, TensorType.INT32 if integer else TensorType.FLOAT32, (cells,))
    if gate.peephole is not None:
        expect_tensor(node, gate.peephole, TensorType.INT16 if integer else weights_type, (cells,))
    if gate.layer_norm is not None:
        expect_tensor(node, gate.layer_norm, TensorType.INT16 if integer else TensorType.FLOAT32, (cells,))
    if gate.aux_weights is not None:
        expect_tensor(node, gate.aux_weights, weights_type, (cells, aux_depth))


def _check_projection(node: Node, inputs: LstmInputs, weights_type: TensorType) -> None:
    if inputs.projection is None:
        node.expect(
            inputs.outputs == inputs.cells,
            f"without a projection the {inputs.cells} cells need as many outputs, found {inputs.outputs}",
        )
        return
    expect_tensor(node, inputs.projection, weights_type, (inputs.outputs, inputs.cells))
    if inputs.projection_bias is not None:
        bias_type = TensorType.INT32 if node.input(0).type == TensorType.INT8 else TensorType.FLOAT32
        expect_tensor(node, inputs.projection_bias, bias_type, (inputs.outputs,))


def _check_states(node: Node, inputs: LstmInputs) -> None:
    integer = node.input(0).type == TensorType.INT8
    expect_state(node, inputs.output_state, node.input(0).type, inputs.batch * inputs.outputs)
    expect_state(node, inputs.cell_state, TensorType.INT16 if integer else TensorType.FLOAT32, inputs.batch * inputs.cells)


def expect_tensor(node: Node, position: int, type: TensorType, shape: tuple[int, ...]) -> Operand:
    """The operand at `position`, which must have that type and shape."""
    operand = node.input(position)
    node.expect_type(operand, type)
    node.expect(operand.shape == shape, f"input {position}, {operand}, has shape {list(operand.shape)}; expected {list(shape)}")
    return operand


def expect_state(node: Node, position: int, type: TensorType, size: int) -> Operand:
    """The operand at `position`, which must be a variable tensor of that type and number of elements."""
    state = node.input(position)
    node.expect(state.tensor.is_variable, f"state {state} is no variable tensor; set is_variable")
    node.expect_type(state, type)
    node.expect(math.prod(state.shape) == size, f"state {state} has shape {list(state.shape)}; expected {size} elements")
    return state


def read_clips(node: Node) -> tuple[np.float32, np.float32]:
    """Limits of cell state and projection; 0 stands for none."""
    clips = np.float32(node.options.get("cell_clip", 0.0)), np.float32(node.options.get("proj_clip", 0.0))
    node.expect(
        all(clip >= 0 for clip in clips), f"cell_clip and proj_clip must not be negative, found {clips[0]} and {clips[1]}"
    )
    return clips


def read_activation(node: Node, *names: str) -> str:
    """The fused activation function, one of `names`."""
    code = node.options.get("fused_activation_function", 0)
    name = ActivationFunctionType(code).name if code in set(ActivationFunctionType) else str(code)
    if name not in names:
        node.unsupported(f"fused activation function {name}; expected {' or '.join(names)}")
    return name


def expect_counts(node: Node, inputs: tuple[int, ...], outputs: int) -> None:
    """The operator must have one of these numbers of inputs, and so many outputs."""
    node.expect(len(node.inputs) in inputs, f"expected {' or '.join(map(str, inputs))} inputs, found {len(node.inputs)}")
    node.expect(len(node.outputs) == outputs, f"expected {outputs} output{'s' * (outputs > 1)}, found {len(node.outputs)}")
