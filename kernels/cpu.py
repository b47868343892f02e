"""What kernels are made for: this CPU, and numba's settings, which its environment variables tell without importing it."""

from __future__ import annotations

import os

import llvmlite.binding as llvm

SETTINGS = {name: value for name, value in sorted(os.environ.items()) if name.startswith("NUMBA_") and name != "NUMBA_CACHE_DIR"}
NAME = llvm.get_host_cpu_name()
COMPILED = SETTINGS.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
_FEATURES = llvm.get_host_cpu_features() if SETTINGS.get("NUMBA_CPU_NAME", "") in ("", NAME) else {}
WIDE = bool(_FEATURES.get("avx512bw"))  # 32 registers of 16 lanes
QUADS = WIDE and bool(_FEATURES.get("avx512vnni"))  # products of four bytes

LANES = 16
GROUP_BYTES = 4
