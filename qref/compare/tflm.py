"""TFLM as an oracle: the PyPI package tflite-micro, which is built with the reference kernels."""

from __future__ import annotations

from qref.compare.oracle import Oracle


class Tflm(Oracle):
    """A TFLM process; its only kernel set is "tflm"."""

    NAME, MODULE, EXTRA = "TFLM", "tflite_micro", "tflm"
    KERNEL_SETS = ("tflm",)

    def __init__(self, kernel_set: str = "tflm", timeout: float = 300.0):
        super().__init__(kernel_set, timeout)
