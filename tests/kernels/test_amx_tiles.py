"""Whether a process may use AMX, and how much of a matmul is taken at a time."""

from __future__ import annotations

import ctypes
import sys

import pytest

from qref.kernels import amx_tiles


def test_no_other_system_is_asked(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not amx_tiles.permitted()


@pytest.mark.parametrize(("answer", "permitted"), [(0, True), (-1, False)])
def test_linux_may_refuse(answer, permitted, monkeypatch):
    asked = []

    class Library:
        def __init__(self, name):
            assert name is None

        def syscall(self, *arguments):
            asked.append(arguments)
            return answer

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", Library)
    assert amx_tiles.permitted() == permitted
    assert asked == [(158, 0x1023, 18)]


@pytest.mark.parametrize("depth", [1, 64, 5000, 10**7])
@pytest.mark.parametrize("count", [1, 32, 33, 10**5])
@pytest.mark.parametrize("weights", [1, 1 << 19, 1 << 23])
def test_rows_are_taken_in_whole_blocks(depth, count, weights):
    rows = amx_tiles.rows_of(depth, count, weights)
    assert rows % 32 == 0
    assert 32 <= rows < count + 32
    assert rows == 32 or (weights > amx_tiles.SECOND_CACHE // 2 and rows * depth <= amx_tiles.SECOND_CACHE // 8)
