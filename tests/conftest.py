"""Settings of the whole test run. Compilation makes first examples slow, so no deadline."""

import os
import pathlib
import sys

from hypothesis import HealthCheck, settings

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent / "benchmarks")]

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # commands that tests start need not parse all sources anew

COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}
settings.register_profile("ci", max_examples=100, derandomize=True, **COMMON)
settings.register_profile("nightly", max_examples=2000, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
