"""Rows of inputs that calls are run for, one after the other."""

from __future__ import annotations

import numpy as np

from qref.dispatch.cut import Call
from qref.dispatch.rows import RowByRow
from qref.kernels import lookup_table


def test_calls_run_for_each_row_and_states_go_on():
    x, state, y = np.zeros((1, 3), np.int16), np.zeros((1, 3), np.int16), np.zeros((1, 3), np.int16)
    calls = [Call(lookup_table.copy, (state[0], y[0])), Call(lookup_table.copy, (x[0], state[0]))]
    run = RowByRow(calls, {7: x}, {1: y, 2: state}, 4, 1)
    rows = np.arange(12, dtype=np.int16).reshape(4, 1, 3) - 300
    first, second = run({7: rows}), run({7: rows[:2]})
    np.testing.assert_array_equal(first[2], rows)
    np.testing.assert_array_equal(first[1], np.concatenate([np.zeros((1, 1, 3)), rows[:3]]))
    np.testing.assert_array_equal(second[1], np.stack([rows[3], rows[0]]))
