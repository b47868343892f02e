"""Drives qref_dut with the transactions of one operator, under cocotb: a test to begin with.

Set QREF_VECTORS to the folder of golden vectors and QREF_OPERATOR to an operator's id, and run with hex/qref_*.sv as sources and
qref_dut as top level. ACC_BITS is that of the operator, see "accumulation" in the manifest.
"""

import os

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge
from qref_vectors import GoldenVectors

CONSTANTS = (
    "bias",
    "input_offset",
    "filter_offset",
    "multiplier",
    "shift",
    "output_offset",
    "output_activation_min",
    "output_activation_max",
)


@cocotb.test()
async def every_element_is_exact(dut):
    """The accumulator and the output of every element are those of the vectors."""
    vectors, operator = GoldenVectors(os.environ["QREF_VECTORS"]), os.environ["QREF_OPERATOR"]
    rules = vectors.operators[operator]["accumulation"]["rules"]
    dut.start.value = dut.valid.value = 0
    cocotb.start_soon(Clock(dut.clk, 10, "ns").start())
    for transaction in vectors.transactions(operator):
        await FallingEdge(dut.clk)
        for name in CONSTANTS:
            getattr(dut, name).value = getattr(transaction, name)
        dut.rule.value = rules.index(transaction.rule)
        dut.start.value = 1
        await FallingEdge(dut.clk)
        dut.start.value, dut.valid.value = 0, 1
        for dut.x.value, dut.w.value in zip(transaction.x, transaction.w):
            await FallingEdge(dut.clk)
        dut.valid.value = 0
        found = dut.acc.value.to_signed(), dut.y.value.to_signed()
        assert found == (transaction.acc, transaction.y), f"{transaction.case} {transaction.element}: {found}"
