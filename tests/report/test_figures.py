"""The figures: what they show is what was measured; without matplotlib they say what to install."""

import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

import qref
from qref.compare.explain import explain
from qref.debugger import EXPECTED, THRESHOLD
from qref.inputs import inputs_of
from qref.pictures import save_picture, write_picture
from qref.report import figures
from qref.schema import load

INT8 = qref.bundled("digits_cnn_int8")


def explained(operator, element, runtime="litert-reference"):
    model = load(INT8)
    return explain(model, operator, element, inputs_of(model, [], 0), runtime)


def heights(axes):
    return {round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in axes.patches}


def test_bars_are_rmse_over_scale_beside_what_rounding_costs_and_the_threshold(full):
    (axes,) = figures.rmse_over_scale(full.debugged).axes
    wanted = {x.operator: x.rmse_per_scale for x in full.debugged.quantized_layers if x.rmse_per_scale is not None}
    assert heights(axes) == pytest.approx(wanted)
    assert sorted(line.get_ydata()[0] for line in axes.lines) == pytest.approx([EXPECTED, THRESHOLD])


def test_points_are_signal_to_noise_ratios_in_the_order_of_the_graph(full):
    (axes,) = figures.error_along_depth(full.debugged).axes
    lines = {line.get_label(): line for line in axes.lines}
    for layer, own, accumulated in zip(
        full.debugged.quantized_layers, lines["own error"].get_ydata(), lines["accumulated error"].get_ydata()
    ):
        assert own == pytest.approx(layer.own.snr if layer.own.snr is not None else np.nan, nan_ok=True)
        assert accumulated == pytest.approx(layer.accumulated.snr)


def test_the_overview_has_both(full):
    above, below = figures.overview(full.debugged).axes
    assert above.get_ylabel() == "RMSE / scale"
    assert below.get_ylabel() == "signal-to-noise ratio, dB"


def test_histograms_and_channels_show_what_was_counted(full):
    layer = next(layer for layer in full.debugged.layers if layer.channels is not None)
    (axes,) = figures.histogram(layer).axes
    shown = {patch.get_label(): patch.get_data().values for patch in axes.patches}
    np.testing.assert_array_equal(shown["float"], layer.histogram.float_)
    np.testing.assert_array_equal(shown["quantized"], layer.histogram.quantized)
    above, below = figures.channels(layer).axes
    np.testing.assert_array_equal(above.patches[0].get_data().values, layer.channels.magnitude)
    np.testing.assert_array_equal(below.patches[0].get_data().values, layer.channels.snr)


def test_a_confusion_matrix_has_every_count(full):
    row = full.evaluation.rows[1]
    (axes,) = figures.confusion(row).axes
    assert [text.get_text() for text in axes.texts] == [str(count) for line in row.confusion for count in line]
    assert np.array(axes.images[0].get_array()).sum() == pytest.approx(np.count_nonzero(np.sum(row.confusion, axis=1)))


def test_a_number_line_has_the_exact_number_and_where_it_goes():
    element = explained(3, (0, 1, 2, 5))
    values = {step.name: step.value for step in element.steps}
    (axes,) = figures.number_line(element).axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    exact = values["acc"] * values["quantized_multiplier"] * 2.0 ** (values["shift"] - 31) + values["output_offset"]
    assert f"exact: {exact:.9g}" in labels
    assert f"rounded: {values['with_offset']}" in labels
    low, high = axes.get_xlim()
    assert low < exact < high


def test_what_does_not_exist_cannot_be_drawn(full):
    reshape = next(layer for layer in full.debugged.layers if layer.channels is None)
    with pytest.raises(qref.InputError, match="no scale for each channel"):
        figures.channels(reshape)
    with pytest.raises(qref.InputError, match="nothing is rounded"):
        figures.number_line(explained(1, (0, 0, 0, 0)))
    with pytest.raises(qref.InputError, match="no confusion matrix"):
        figures.confusion(qref.evaluation.Row("x", 1, {}))


@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_picture_is_the_same_each_time(full, tmp_path, kind, start):
    files = [tmp_path / f"{number}.{kind}" for number in range(2)]
    for file in files:
        write_picture(figures.overview(full.debugged), file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes().startswith(start)


def test_names_are_drawn_as_they_are_written(tmp_path):
    row = qref.evaluation.Row("$\\frac{1 \x1b[31m日本", 1, {}, ((1, 0), (0, 1)))
    figure = figures.confusion(row)
    assert figure.axes[0].get_title() == r"$\frac{1 \x1b[31m\u65e5\u672c"
    with (tmp_path / "names.png").open("wb") as file:
        save_picture(figure, file, "png")


def test_without_matplotlib_it_is_told_how_to_install_it(full, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for draw in (lambda: figures.overview(full.debugged), full.to_html):
        with pytest.raises(qref.BackendError, match=r"pip install 'qref-tflite\[report\]'"):
            draw()


def test_every_figure_is_one_of_matplotlib(full):
    assert isinstance(figures.rmse_over_scale(full.debugged), Figure)
