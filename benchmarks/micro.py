"""Single operators: qref against LiteRT's three kernel sets, and the fraction of this machine's peaks.

python benchmarks/micro.py [--seconds 3] [further options of qref bench]
"""

from __future__ import annotations

import sys

from qref.cli import main
from qref.compare.litert import Litert

OPERATORS = (
    "CONV_2D:112x112x3x32k3s2",
    "CONV_2D:56x56x128x128k1",
    "CONV_2D:28x28x64x64k3",
    "CONV_2D:7x7x512x1024k1",
    "DEPTHWISE_CONV_2D:112x112x64k3s2",
    "DEPTHWISE_CONV_2D:28x28x256k3",
    "TRANSPOSE_CONV:14x14x64x32k3s2",
    "FULLY_CONNECTED:1x1024x1024",
    "FULLY_CONNECTED:64x1024x1024",
    "BATCH_MATMUL:8x64x64x64",
    "ADD:56x56x64",
    "MUL:56x56x64",
    "SOFTMAX:64x1000",
)

if __name__ == "__main__":
    against = [argument for kernel_set in Litert.KERNEL_SETS for argument in ("--against", f"litert:{kernel_set}")]
    main(["bench", *OPERATORS, *against, "--runtime", "litert-reference", "--operators", *sys.argv[1:]])
