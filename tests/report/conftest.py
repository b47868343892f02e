"""Reports of the bundled digits models, made once."""

import numpy as np
import pytest
from hostile import renamed

import qref
from qref.report import report

FLOAT, INT8 = qref.bundled("digits_cnn_float"), qref.bundled("digits_cnn_int8")


@pytest.fixture(scope="session")
def digits():
    """Samples and labels, drawn."""
    rng = np.random.default_rng(3)
    return rng.uniform(0, 1, (30, 1, 8, 8, 1)).astype(np.float32), rng.integers(0, 10, 30)


@pytest.fixture(scope="session")
def full(digits):
    """With everything."""
    return report(INT8, FLOAT, *digits)


@pytest.fixture(scope="session")
def page(full, tmp_path_factory):
    """The page of it, as a file."""
    path = tmp_path_factory.mktemp("report") / "digits.html"
    path.write_text(full.to_html())
    return path


@pytest.fixture(scope="session")
def hostile_page(digits, tmp_path_factory):
    """The page of models whose names would do harm."""
    folder = tmp_path_factory.mktemp("hostile")
    models = [renamed(path, folder / path.name) for path in (INT8, FLOAT)]
    path = folder / "hostile.html"
    path.write_text(report(*models, digits[0], verify_with=()).to_html())
    return path
