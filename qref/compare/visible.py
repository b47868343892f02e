"""A model whose every computed tensor is an output of its graph, for runtimes that hide what lies between.

What XNNPACK computes does not depend on which tensors are asked for. Constants, which it folds and does not keep, are not.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from qref.interpreter import Interpreter
from qref.schema import Model


def visible(model: Model, fixed: Collection[int], also: Collection[int] = ()) -> Model:
    """The model with what operators write, but for the constants `fixed`, and tensors `also` as its main subgraph's outputs."""
    graph = model.subgraphs[0]
    written = [i for operator in graph.operators for i in operator.outputs if i >= 0 and i not in fixed]
    outputs = tuple(i for i in dict.fromkeys([*written, *also]) if graph.tensors[i].type.dtype is not None)
    return replace(model, subgraphs=(replace(graph, outputs=outputs), *model.subgraphs[1:]), signatures=())


def constants(interpreter: Interpreter) -> dict[int, np.ndarray]:
    """What is known before a model runs, constants and what operators make of them; after allocate_tensors(), before invoke()."""
    graph = interpreter.model.subgraphs[0]
    known = (t.index for t in graph.tensors if t.index not in graph.inputs and not t.is_variable)
    return {i: interpreter.get_tensor(i) for i in known if interpreter.is_held(i)}
