"""qref.Interpreter: the methods of tf.lite.Interpreter over graphs whose arithmetic is known to the last bit."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.arena import ALIGNMENT, MemoryPlan
from qref.details import operator_details, tensor_details
from qref.dispatch import check_kernels
from qref.errors import InputError, SpecViolation
from qref.execution import Execution
from qref.ops import Node, Prepared
from qref.ops.session import Session
from qref.runtimes import runtime as find_runtime
from qref.schema import Limits, check, load
from qref.schema.model import Model, Operator, Signature

Observer = Callable[[int, Sequence[np.ndarray | None]], None]


class OpResolverType(enum.Enum):
    """tf.lite's names of its kernel sets, so that scripts which choose one run unchanged."""

    AUTO = 0
    BUILTIN = 1
    BUILTIN_REF = 2
    BUILTIN_WITHOUT_DEFAULT_DELEGATES = 3


class NotReady(InputError, RuntimeError):
    """A method was called before allocate_tensors()."""


class Interpreter:
    """Runs a .tflite model with the arithmetic of one runtime; every intermediate tensor stays readable.

    model_path      path of a .tflite file; or
    model_content   its bytes, or a qref.Model
    runtime         whose arithmetic, one of qref.runtimes.RUNTIMES
    kernels         "numba" (compiled) or "numpy" (the readable form); the results are the same
    limits          bounds for the file, for one tensor and for all together; qref.Limits() by default
    num_threads     that work on an invoke, None for 1; results do not depend on it

    experimental_preserve_all_tensors   whether every tensor can be read after invoke; else only inputs, outputs, constants and
                    variables can, and the others share memory where shapes are known before the graph runs: see memory_plan

    The other experimental_* arguments of tf.lite.Interpreter are accepted and change nothing, since no delegate is applied.
    Raises ModelError for a model that cannot be run and InputError for a wrong argument.

    >>> import qref
    >>> interpreter = qref.Interpreter(qref.bundled("digits_cnn_int8"))
    >>> interpreter.allocate_tensors()
    >>> interpreter.get_input_details()[0]["shape"].tolist()
    [1, 8, 8, 1]
    """

    def __init__(
        self,
        model_path: str | os.PathLike[str] | None = None,
        model_content: bytes | Model | None = None,
        experimental_delegates: Sequence[Any] | None = None,
        num_threads: int | None = None,
        experimental_op_resolver_type: Any = None,
        experimental_preserve_all_tensors: bool = True,
        experimental_disable_delegate_clustering: bool = False,
        experimental_default_delegate_latest_features: bool = False,
        experimental_compress_quantization_zero_points: bool = False,
        experimental_disable_delegate_node_fusion: bool = False,
        experimental_force_delegate_node_profiling: bool = False,
        *,
        runtime: str = "litert-reference",
        kernels: str = "numba",
        limits: Limits | None = None,
    ):
        if (model_path is None) == (model_content is None):
            raise InputError("give either model_path or model_content, and not both")
        if experimental_delegates:
            raise InputError("qref applies no delegates; choose a runtime by name instead, e.g. runtime='litert-reference'")
        if num_threads is not None and (not isinstance(num_threads, int) or num_threads < 1):
            raise InputError(f"num_threads must be an integer of at least 1, found {num_threads!r}")
        check_kernels(kernels)
        rules = find_runtime(runtime)
        self._limits = limits = limits or Limits()
        self._calls = 0  # of subgraphs by operators, in this invoke
        self._observer: Observer | None = None
        source = model_content if model_path is None else model_path
        self._model = source if isinstance(source, Model) else load(source, limits=limits)  # type: ignore[arg-type]
        check(self._model, limits=limits)
        keep_all = experimental_preserve_all_tensors
        self._options = {"runtime": runtime, "kernels": kernels, "limits": limits, "num_threads": num_threads}
        self._options["experimental_preserve_all_tensors"] = keep_all
        session = Session(rules, limits, self._model.subgraphs, self._invoke_subgraph)
        self._executions = [
            Execution(self._model, subgraph, session, kernels, num_threads or 1, keep_all) for subgraph in self._model.subgraphs
        ]
        self._allocated = [False] * len(self._executions)

    @property
    def model(self) -> Model:
        """The model being run."""
        return self._model

    def like_this(self, model: Model) -> Interpreter:
        """An interpreter with the options of this one for another model."""
        return Interpreter(model_content=model, **self._options)  # type: ignore[arg-type]

    @property
    def main(self) -> Execution:
        """The main subgraph being run."""
        return self._executions[0]

    def allocate_tensors(self) -> None:
        """Check every operator and derive its constants for the present input shapes; variables take their initial value."""
        self._allocate(0)

    def _allocate(self, subgraph_index: int) -> None:
        if not self._allocated[subgraph_index]:
            self._executions[subgraph_index].allocate()
            self._allocated[subgraph_index] = True

    def invoke(self) -> None:
        """Evaluate the main subgraph on the inputs that were set."""
        self._invoke(0)

    def _invoke(self, subgraph_index: int) -> None:
        if not self._allocated[subgraph_index]:
            raise NotReady("call allocate_tensors() before invoke(), and again after resize_tensor_input()")
        self._calls = 0
        self._evaluate(subgraph_index)

    def _evaluate(self, subgraph_index: int) -> None:
        self._executions[subgraph_index].invoke()
        if self._observer is not None:
            self._observer(subgraph_index, self._executions[subgraph_index].values)

    def _invoke_subgraph(self, subgraph_index: int, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run a subgraph for an operator of another one: CALL_ONCE, IF, WHILE."""
        self._calls += 1
        if self._calls > self._limits.max_calls:
            raise SpecViolation(f"an invoke called more subgraphs than allowed: Limits.max_calls is {self._limits.max_calls}")
        execution = self._executions[subgraph_index]
        for index, value in zip(execution.subgraph.inputs, inputs, strict=True):
            self._resize(index, value.shape, subgraph_index)
        self._allocate(subgraph_index)
        for index, value in zip(execution.subgraph.inputs, inputs):
            execution.put(index, value.copy())
        self._evaluate(subgraph_index)
        return [self.get_tensor(index, subgraph_index) for index in execution.subgraph.outputs]

    def set_tensor(self, tensor_index: int, value: Any) -> None:
        """Copy `value`, of the tensor's own shape and dtype and without NaN, into a tensor."""
        self._set(tensor_index, value, 0)

    def _set(self, tensor_index: int, value: Any, subgraph_index: int) -> None:
        operand = self._operand(tensor_index, subgraph_index)
        if operand.constant is not None:
            raise InputError(f"{operand} is a constant of the model; only inputs and variables can be set")
        try:
            array = np.array(value)
        except ValueError as error:
            raise InputError(f"{operand} takes {operand.type.name} values; what was given is no array: {error}") from None
        shape = operand.known_shape if operand.known_shape is not None else operand.tensor.shape
        if operand.type.dtype is not None and (array.dtype != operand.dtype or array.shape != shape):
            raise InputError(
                f"{operand} takes {operand.dtype} of shape {list(shape)}; found {array.dtype} of shape {list(array.shape)}"
            )
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise InputError(f"{operand}: the array holds NaN, for which quantized kernels have no defined result; replace it")
        self._executions[subgraph_index].put(operand.tensor.index, array)

    def get_tensor(self, tensor_index: int, subgraph_index: int = 0) -> np.ndarray:
        """A copy of what any tensor holds: an input, a constant, a variable, or a result of the last invoke."""
        return self._get(tensor_index, subgraph_index).copy()

    def _get(self, tensor_index: int, subgraph_index: int) -> np.ndarray:
        operand = self._operand(tensor_index, subgraph_index)
        self.expect_kept(tensor_index, subgraph_index)
        value = self._executions[subgraph_index].values[operand.tensor.index]
        if value is None:
            raise NotReady(f"{operand} holds nothing yet: call allocate_tensors() and invoke() first")
        return value

    def expect_kept(self, tensor_index: int, subgraph_index: int = 0) -> None:
        """Raise InputError if what a tensor holds is not kept for get_tensor."""
        operand = self._operand(tensor_index, subgraph_index)
        if not self._executions[subgraph_index].is_kept(operand.tensor.index):
            raise InputError(
                f"{operand} is not kept, other tensors take its memory: make the interpreter with "
                "experimental_preserve_all_tensors=True, the default, to read every tensor"
            )

    def is_held(self, tensor_index: int, subgraph_index: int = 0) -> bool:
        """Whether get_tensor has something to give: not so before allocate_tensors() and invoke() have made it."""
        index, execution = self._operand(tensor_index, subgraph_index).tensor.index, self._executions[subgraph_index]
        return execution.is_kept(index) and execution.values[index] is not None

    def memory_plan(self, alignment: int = ALIGNMENT) -> MemoryPlan:
        """Where tensors of the main subgraph lie if those that do not live at once share memory; after allocate_tensors().

        alignment  bytes that offsets are multiples of: 64 in TensorFlow Lite and here, 16 in TFLM
        Raises InputError where shapes are known only while the graph runs.

        >>> import qref
        >>> interpreter = qref.Interpreter(qref.bundled("digits_cnn_int8"))
        >>> interpreter.allocate_tensors()
        >>> plan = interpreter.memory_plan()
        >>> plan.bytes, plan.unshared
        (1354, 2196)
        """
        if not self._allocated[0]:
            raise NotReady("call allocate_tensors() before memory_plan()")
        if alignment < 1:
            raise InputError(f"alignment must be at least 1, found {alignment}")
        return self.main.memory_plan(alignment)

    def tensor(self, tensor_index: int) -> Callable[[], np.ndarray]:
        """A function that gives the array of a tensor itself, not a copy: writing to an input's array sets the input."""
        self._operand(tensor_index, 0)
        return lambda: self._get(tensor_index, 0)

    def resize_tensor_input(self, input_index: int, tensor_size: Sequence[int], strict: bool = False) -> None:
        """Give an input another shape; with `strict`, only dimensions that are -1 in its shape_signature may change."""
        operand = self._operand(input_index, 0)
        shape = tuple(int(n) for n in tensor_size)
        if any(n < 0 for n in shape):
            raise InputError(f"{operand} cannot have the shape {list(shape)}: no dimension may be negative")
        if strict:
            signature = operand.tensor.shape_signature or operand.tensor.shape
            if len(shape) != len(signature) or any(old not in (-1, new) for old, new in zip(signature, shape)):
                raise InputError(
                    f"{operand} has the signature {list(signature)}; only its -1 may be resized, asked was {list(shape)}"
                )
        self._resize(input_index, shape, 0)

    def _resize(self, index: int, shape: tuple[int, ...], subgraph_index: int) -> None:
        operand = self._operand(index, subgraph_index)
        if index not in self._executions[subgraph_index].subgraph.inputs:
            raise InputError(f"{operand} is not an input of the graph; only inputs can be resized")
        if operand.known_shape != shape:
            self._executions[subgraph_index].resize_input(index, shape)
            self._allocated[subgraph_index] = False

    def reset_all_variables(self) -> None:
        """Give every variable tensor its initial value again; resource variables keep theirs, as in LiteRT."""
        for execution in self._executions:
            execution.reset_variables()

    def num_subgraphs(self) -> int:
        """How many subgraphs the model has."""
        return len(self._executions)

    def get_input_details(self) -> list[dict[str, Any]]:
        """One dictionary for each input of the main subgraph, in the file's order."""
        return [tensor_details(self._operand(i, 0)) for i in self._executions[0].subgraph.inputs]

    def get_output_details(self) -> list[dict[str, Any]]:
        """One dictionary for each output of the main subgraph, in the file's order."""
        return [tensor_details(self._operand(i, 0)) for i in self._executions[0].subgraph.outputs]

    def get_tensor_details(self, subgraph_index: int = 0) -> list[dict[str, Any]]:
        """One dictionary for each tensor of a subgraph."""
        if not 0 <= subgraph_index < len(self._executions):
            raise InputError(f"subgraph_index is {subgraph_index}; the model has {len(self._executions)} subgraphs")
        return [tensor_details(operand) for operand in self._executions[subgraph_index].operands]

    def _get_ops_details(self) -> list[dict[str, Any]]:
        execution = self._executions[0]
        return [operator_details(operator, execution.operands) for operator in execution.subgraph.operators]

    def prepare_operator(self, operator_index: int, inputs: Sequence[np.ndarray | None]) -> tuple[Node, Prepared]:
        """An operator of the main subgraph by itself, prepared for these values of its inputs, None for an absent one.

        prepared.reference(*node.arguments(inputs), prepared.plan) gives its outputs, and its variable inputs' new values behind
        them; the state of the interpreter stays as it is. The node tells the shapes that its outputs get.
        """
        return self._executions[0].prepare_alone(self.operator(operator_index).index, inputs)

    def operator(self, operator_index: int) -> Operator:
        """The operator of that number in the main subgraph; InputError says which there are."""
        operators = self._executions[0].subgraph.operators
        if not 0 <= operator_index < len(operators):
            raise InputError(f"there is no operator {operator_index}; the model has operators 0 to {len(operators) - 1}")
        return operators[operator_index]

    def evaluated_operators(self) -> list[Node]:
        """The operators of the main subgraph that invoke evaluates, with the shapes of their operands; after an invoke."""
        return self._executions[0].evaluated()

    def run_of(self, operator_index: int) -> Callable[[], None]:
        """A function that evaluates one of these operators alone on what its inputs hold: what measuring it needs.

        Raises InputError where the operator's shapes are known only while the graph runs.
        """
        return self._executions[0].run_of(operator_index)

    def replace_operator(self, operator_index: int, bind: Callable[..., Callable[..., Any] | None]) -> bool:
        """Evaluate an operator of the main subgraph with a function of the caller's, until tensors are allocated anew.

        bind   bind(plan, constants) gives the function of the inputs, or None to leave the operator as it is; constants are the
               inputs that are known before the graph runs, None for the others. The function returns what
               prepared.reference(*inputs, plan) does.
        Returns whether the operator was replaced.
        """
        return self._executions[0].replace(operator_index, bind)

    def observe(self, observer: Observer | None) -> None:
        """Call observer(subgraph_index, values) whenever a subgraph was evaluated, also those of WHILE and IF; None: no longer.

        values   what its tensors hold, None where nothing: the arrays themselves, which must not be changed
        """
        self._observer = observer

    def get_signature_list(self) -> dict[str, dict[str, list[str]]]:
        """Names of the arguments and results of each signature, by its key."""
        return {s.key: {"inputs": list(s.inputs), "outputs": list(s.outputs)} for s in self._model.signatures}

    def get_signature_runner(self, signature_key: str | None = None) -> SignatureRunner:
        """A function of named arguments for a signature; the key may be left out where there is just one."""
        signatures = {s.key: s for s in self._model.signatures}
        if signature_key is None and len(signatures) == 1:
            signature_key = next(iter(signatures))
        if signature_key not in signatures:
            raise InputError(f"the model has no signature {signature_key!r}; it has {', '.join(signatures) or 'none'}")
        return SignatureRunner(self, signatures[signature_key])

    def _operand(self, tensor_index: int, subgraph_index: int) -> Any:
        if not 0 <= subgraph_index < len(self._executions):
            raise InputError(f"subgraph_index is {subgraph_index}; the model has {len(self._executions)} subgraphs")
        operands = self._executions[subgraph_index].operands
        if not 0 <= int(tensor_index) < len(operands):
            raise InputError(f"tensor index {tensor_index} is outside of 0 to {len(operands) - 1}")
        return operands[int(tensor_index)]


class SignatureRunner:
    """Calls a subgraph by the names of one of the model's signatures; made by Interpreter.get_signature_runner."""

    def __init__(self, interpreter: Interpreter, signature: Signature):
        self._interpreter = interpreter
        self._signature = signature

    def __call__(self, **inputs: Any) -> dict[str, np.ndarray]:
        """Run the signature on arrays given by name; inputs take the shapes of the arrays."""
        known, index = self._signature.inputs, self._signature.subgraph_index
        if set(inputs) != set(known):
            raise InputError(
                f"signature {self._signature.key!r} takes {', '.join(known) or 'nothing'}, was given {', '.join(inputs)}"
            )
        arrays = {name: np.asarray(value) for name, value in inputs.items()}
        for name, array in arrays.items():
            self._interpreter._resize(known[name], array.shape, index)
        self._interpreter._allocate(index)
        for name, array in arrays.items():
            self._interpreter._set(known[name], array, index)
        self._interpreter._invoke(index)
        return {name: self._interpreter.get_tensor(tensor, index) for name, tensor in self._signature.outputs.items()}

    def get_input_details(self) -> dict[str, dict[str, Any]]:
        """The details of each argument, by its name."""
        return self._details(self._signature.inputs)

    def get_output_details(self) -> dict[str, dict[str, Any]]:
        """The details of each result, by its name."""
        return self._details(self._signature.outputs)

    def _details(self, names: Any) -> dict[str, dict[str, Any]]:
        index = self._signature.subgraph_index
        return {name: tensor_details(self._interpreter._operand(tensor, index)) for name, tensor in names.items()}
