"""What the tests of the schema share: models of other projects where they are at hand, and LiteRT in a process of its own."""

import importlib.util
import pathlib
import pickle
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session")
def run_litert(tmp_path_factory):
    """A function: the bytes of several models -> for each (tensors by index, signatures), or LiteRT's complaint as a str."""
    if importlib.util.find_spec("ai_edge_litert") is None:
        pytest.skip("ai-edge-litert is not installed")

    def run(contents):
        folder = tmp_path_factory.mktemp("litert")
        paths = [folder / f"{number}.tflite" for number in range(len(contents))]
        for path, content in zip(paths, contents):
            path.write_bytes(content)
        worker = [sys.executable, str(HERE / "litert_worker.py"), str(folder / "reply"), *map(str, paths)]
        subprocess.run(worker, check=True, capture_output=True, timeout=600)
        return pickle.loads((folder / "reply").read_bytes())

    return run
