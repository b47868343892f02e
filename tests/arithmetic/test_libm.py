"""The C library's functions: the values of direct calls, float32 kept, no warnings."""

import ctypes
import math

import numba
import numpy as np
import pytest

from qref.arithmetic import libm

UNARY = ["expf", "expm1f", "logf", "log1pf", "tanhf", "erff", "erfcf", "sinf", "cosf"]
SPECIAL = np.float32([0.0, -0.0, 1.0, -1.0, 1e-40, 100.0, -100.0, 3e38, np.inf, -np.inf, np.nan])


def c_function(name: str, types: list):
    function = getattr(libm._LIBRARY, name)
    prototype = ctypes.CFUNCTYPE(*types)
    return prototype(ctypes.cast(function, ctypes.c_void_p).value)


def samples(size: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.concatenate([SPECIAL, rng.normal(0, 1, size), rng.normal(0, 30, size), 10.0 ** rng.uniform(-9, 9, size)]).astype(
        "f4"
    )


@pytest.mark.parametrize("name", UNARY)
def test_every_element_is_what_the_c_function_returns(name):
    x, call = samples(2000), c_function(name, [ctypes.c_float, ctypes.c_float])
    y = getattr(libm, name)(x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, np.array([call(value) for value in x.tolist()], np.float32))


@pytest.mark.parametrize("name", ["powf", "atan2f"])
def test_functions_of_two_arguments_broadcast(name):
    x, y = samples(50)[:, None], samples(10)
    call = c_function(name, [ctypes.c_float] * 3)
    z = getattr(libm, name)(x, y)
    assert z.dtype == np.float32
    want = [[call(first, second) for second in y.tolist()] for first in x[:, 0].tolist()]
    np.testing.assert_array_equal(z, np.array(want, np.float32))


@pytest.mark.parametrize("name", ["exp", "log"])
def test_float64_functions(name):
    x = 10.0 ** np.random.default_rng(0).uniform(-9, 2, 2000)
    y = getattr(libm, name)(x)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, [getattr(math, name)(value) for value in x])


def test_float64_functions_of_two_arguments():
    assert libm.pow(np.array([2.0]), 0.5) == math.pow(2.0, 0.5)
    assert libm.atan2(np.array([1.0]), -1.0) == math.atan2(1.0, -1.0)


def test_a_compiled_kernel_gets_the_same_bits():
    @numba.vectorize(["float32(float32)"])
    def tanh(x):
        return math.tanh(x)

    x = samples(20000)
    np.testing.assert_array_equal(libm.tanhf(x), tanh(x))


def test_overflow_and_invalid_arguments_are_silent():
    assert libm.expf(np.float32([1000.0])) == np.inf
    assert np.isnan(libm.logf(np.float32([-1.0])))
    assert libm.logf(np.float32([0.0])) == -np.inf


def test_strided_and_empty_arrays():
    x = np.arange(20, dtype=np.float32).reshape(4, 5)
    np.testing.assert_array_equal(libm.expf(x[:, ::2]), libm.expf(x)[:, ::2])
    assert libm.expf(np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_float32_functions_refuse_to_narrow():
    with pytest.raises(TypeError):
        libm.expf(np.array([1.0]))


def test_a_library_of_another_name_is_found(monkeypatch):
    load = ctypes.CDLL

    def load_all_but(name):
        if name == "libm.so.6":
            raise OSError
        return load("libm.so.6")

    monkeypatch.setattr(ctypes, "CDLL", load_all_but)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: f"other-{name}")
    assert libm._library().expf


def test_a_missing_library_is_named(monkeypatch):
    def refuse(name):
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    with pytest.raises(OSError, match=r"libm\.so\.6"):
        libm._library()
