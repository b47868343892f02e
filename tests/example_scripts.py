"""Modules of examples/, whose folders are no packages: a script there finds its neighbours beside it."""

import importlib.util
import pathlib
import sys
from types import ModuleType

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"


def load_example(folder: str, name: str) -> ModuleType:
    """The module `name` of an example, its neighbours importable while it is loaded and afterwards."""
    path = str(EXAMPLES / folder)
    if path not in sys.path:
        sys.path.append(path)
    spec = importlib.util.spec_from_file_location(f"{folder}_{name}", EXAMPLES / folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
