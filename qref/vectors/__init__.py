"""Golden vectors of every operator of a model, for people who build hardware and firmware.

For each operator there are two sets of cases: `layer`, the values as they occur when the whole model runs, and `unit`, inputs
built for the operator by itself, which hit rounding ties, both ends of the output's range, extreme accumulators and the like.

    manifest.json     the model's sha256, runtime, seed, version; for each operator:
        plan              what the runtime derives before the first inference, as JSON; arrays lie in the .npz under "plan/..."
        accumulation      of one that sums products: offsets, limits, geometry, names of the rounding rules
        coverage          for each corner case how many elements hit it, in which cases, examples; or why none does
        ranges            least and greatest value of each operand and accumulator
    npz/<id>.npz      "constant/P", "unit/N/input/P", "unit/N/output/P", "unit/N/acc", "layer/...", and of one that sums products
                      "requantize/rule", "requantize/multiplier", "requantize/shift" by channel, and "derived/folded_bias":
                      bias + input_offset * sum of the weights, for windows with no tap outside of the image
    c/                C99: arrays, reference kernels, a main() that compares; see qref_vectors.h
    hex/              $readmemh files, a SystemVerilog bench for each operator, a device to try it on; see qref_dut.sv
    python/           a loader that needs NumPy alone, and a test for cocotb

An output behind those of the operator is the new value of a variable input, listed in "updated_inputs".
"""

from __future__ import annotations

from .generate import FORMATS, Request, generate

__all__ = ["FORMATS", "Request", "generate"]
