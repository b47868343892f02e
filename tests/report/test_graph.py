"""The drawn graph: boxes stand below what feeds them, do not overlap, and every line ends at a box."""

import itertools
import random
import re

import numpy as np

import qref
from qref.report import graph as drawing
from qref.report.graph import GAP, draw_graph, kinds_of
from qref.schema import GraphBuilder, TensorType, load


def branching(count, seed):
    """A graph of ADDs that read any earlier two tensors."""
    rng, graph = random.Random(seed), GraphBuilder()
    tensors = [graph.input("x", TensorType.FLOAT32, (4,))]
    for number in range(count):
        tensors.append(graph.tensor(f"t{number}", TensorType.FLOAT32, (4,)))
        graph.operator("ADD", [rng.choice(tensors[:-1]), rng.choice(tensors[:-1])], [tensors[-1]], ("AddOptions", {}))
    return graph.model(outputs=[tensors[-1]]).subgraphs[0]


def test_boxes_stand_below_what_feeds_them_and_do_not_overlap():
    for seed in range(5):
        graph = branching(60, seed)
        found = draw_graph(graph)
        operators = {box.operator: box for box in found.boxes if box.operator is not None}
        assert len(operators) == 60
        writers = {output: operator.index for operator in graph.operators for output in operator.outputs}
        for operator in graph.operators:
            above = [operators[writers[i]].layer for i in operator.inputs if i in writers]
            assert all(layer < operators[operator.index].layer for layer in above)
        for a, b in itertools.combinations(found.boxes, 2):
            assert a.layer != b.layer or abs(a.x - b.x) >= a.width + GAP - 1e-6
        assert all(box.left >= 0 and box.left + box.width <= found.width for box in found.boxes)


def test_a_chain_is_straight_beside_a_line_that_skips_it():
    graph = GraphBuilder()
    x = first = graph.input("x", TensorType.FLOAT32, (4,))
    for number in range(4):
        y = graph.tensor(f"y{number}", TensorType.FLOAT32, (4,))
        graph.operator("ADD", [x, first if number == 3 else x], [y], ("AddOptions", {}))
        x = y
    found = draw_graph(graph.model(outputs=[x]).subgraphs[0])
    assert np.ptp([box.x for box in found.boxes]) < 1e-6
    assert len(found.paths) > len(found.boxes)
    assert all(re.fullmatch(r"M[\d.]+ [\d.]+C([\d.]+ ?){6}( V[\d.]+)?", path) for path in found.paths)


def test_colors_are_given_by_name_the_most_frequent_first():
    kinds = kinds_of(load(qref.bundled("digits_cnn_int8")).subgraphs[0])
    assert len(set(kinds.values())) == len(kinds)
    assert next(iter(kinds)) == "CONV_2D"


def test_a_graph_that_is_too_large_is_not_drawn(monkeypatch):
    monkeypatch.setattr(drawing, "MOST_PLACES", 100)
    assert draw_graph(branching(60, 0)) is None
