"""What kernels are made for: this CPU, and numba's settings, which its environment variables tell without importing it."""

from __future__ import annotations

import os

import llvmlite.binding as llvm

from .amx_tiles import permitted

SETTINGS = {name: value for name, value in sorted(os.environ.items()) if name.startswith("NUMBA_") and name != "NUMBA_CACHE_DIR"}
NAME = llvm.get_host_cpu_name()
COMPILED = SETTINGS.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
_FEATURES = llvm.get_host_cpu_features() if SETTINGS.get("NUMBA_CPU_NAME", "") in ("", NAME) else {}
WIDE = bool(_FEATURES.get("avx512bw"))  # 32 registers of 16 lanes
QUADS = WIDE and bool(_FEATURES.get("avx512vnni"))  # products of four bytes
SHUFFLES = WIDE and bool(_FEATURES.get("avx512vbmi"))  # any of 128 bytes to each of 64
AMX = WIDE and all(_FEATURES.get(f"amx-{part}") for part in ("tile", "int8")) and permitted()  # products of matrices

LANES = 16
GROUP_BYTES = 4
