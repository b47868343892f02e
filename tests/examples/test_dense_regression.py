"""examples/dense_regression: int8 bends the plane, the study names an operator's clamp, and a wider range takes the bend away."""

import numpy as np
import pytest
from example_scripts import load_example

from qref.quantizer import calibrate

study = load_example("dense_regression", "study")
network = load_example("dense_regression", "network")


@pytest.fixture(scope="module")
def models():
    original, points = network.train(), network.grid(41)
    below = network.training_points()[: study.SAMPLES, None]
    return study.Models(original, calibrate(original, below), calibrate(original, points[:, None]))


@pytest.fixture(scope="module")
def bend(models):
    points = network.grid(41)
    float_surface, int8 = (study.Surface.of(model, points) for model in (models.original, models.int8))
    return study.Bend.of(float_surface, int8, points)


def test_training_sees_nothing_of_the_plane():
    assert network.surface(network.training_points()).max() < network.SATURATION


def test_the_float_network_goes_on_upwards_where_the_surface_is_saturated(models):
    points = network.grid(41)
    values = study.Surface.of(models.original, points).values
    assert values[network.surface(points) > 1.1 * network.SATURATION].min() > 0.97


def test_int8_bends_the_plane_and_the_right_ranges_do_not(models, bend):
    even = study.Surface.of(study.to_int8(models.original, models.everywhere), bend.point[None])
    assert bend.float_value - bend.int8_value > 0.05
    assert bend.float_value - even.values[0] < 0.02


def test_the_operator_named_clamps_and_with_a_wider_range_of_its_own_bends_less(models, bend):
    clamped = study.clamps(models.int8, bend.point)
    widened = [study.Surface.of(models.widened(o), bend.point[None]).values[0] for o in models.operators]
    bending = int(np.argmax(widened))
    assert widened[bending] - bend.int8_value > 0.3 * (bend.float_value - bend.int8_value)
    assert any(e.operator == bending and study.lost(e) > 0 for e in clamped)


def test_a_formula_is_that_of_the_tensor(models):
    graph = models.int8.subgraphs[0]
    scale = graph.tensors[graph.inputs[0]].quantization.scale[0]
    assert study.formula(graph.tensors[graph.inputs[0]]) == f"0 <= {scale:.9g} * (q - -128) <= {255 * float(scale):.9g}"


def test_the_study_prints_nodes_and_the_clamp_and_plots(models, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(study, "SIZE", 41)
    monkeypatch.setattr(study, "train", lambda: models.original)
    monkeypatch.setattr("sys.argv", ["study.py", "-o", str(tmp_path)])
    study.main()
    printed = capsys.readouterr().out
    assert "type: int32[16], location: " in printed
    assert "clamp(with_offset, output_activation_min, output_activation_max)" in printed
    assert (tmp_path / "surfaces.png").read_bytes().startswith(b"\x89PNG")
