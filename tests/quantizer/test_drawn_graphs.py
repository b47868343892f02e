"""Small graphs with branches and what TFLiteConverter made of them, from the same ranges (benchmarks/drawn_graphs.py --keep).

Each is there for a rule: floats before a shared scale (3, 8, 78), results with a fixed scale (9), the order of the inputs (12),
biases too large for their scale (42, 68), an input that is asked for twice (43), who passes on a scale first (84), operators of
their own kind (PRELU, SVDF).
"""

import pathlib

import pytest
from oracle import assert_equals_litert, needs_litert
from quantizer.same_files import differences

import qref
from qref.schema import load

FOLDER = pathlib.Path(__file__).parent / "drawn"
NO_RUNTIME = ("graph_42", "graph_68")  # SUB of equal operands: LiteRT aborts on its scale of nearly nothing
NAMES = sorted(path.name.removesuffix("_ranges.tflite") for path in FOLDER.glob("*_ranges.tflite"))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_file_as_the_converter_s(name):
    ours = load(qref.quantize(FOLDER / f"{name}_ranges.tflite"))
    assert not differences(ours, load(FOLDER / f"{name}_int8.tflite"), options=False)


@needs_litert
@pytest.mark.parametrize("name", [name for name in NAMES if name not in NO_RUNTIME])
def test_it_runs_in_litert_with_equal_bits(name):
    assert assert_equals_litert(load(qref.quantize(FOLDER / f"{name}_ranges.tflite")))
