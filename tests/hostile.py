"""Names that a model may have to do harm where they are shown."""

import dataclasses

from qref.schema import load, save

NAMES = [
    "<script>window.harmed = 1</script>",
    "</style></title><img src=x onerror=\"window.harmed = 1\">' onload='window.harmed = 1",
    "\x1b[31m\x1b]0;title\x07\x00\r\n$\\frac{1",
    "\u202egnp.exe\u2066\u200f{{ 7 * 7 }}",
    "x" * 10_000,
]


def renamed(path, target):
    """The model with hostile names everywhere."""
    model = load(path)
    graph = model.subgraphs[0]
    tensors = tuple(dataclasses.replace(t, name=NAMES[t.index % len(NAMES)]) for t in graph.tensors)
    graph = dataclasses.replace(graph, tensors=tensors, name=NAMES[0])
    save(dataclasses.replace(model, subgraphs=(graph,), description=NAMES[1]), target)
    return target
