"""The speed: numba kernels; arrays and scalars in, arrays out. Their meaning is in the files of the same name in qref/ops.

Compiled code is cached in a folder named by a hash of all kernel sources, since numba's own cache does not notice that a
function called from another file has changed; nor that bounds checks were asked for. The logger of this module is told when the
first kernel of a process is compiled.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pathlib
import tempfile

from numba import config
from numba.core import event


def _cache_folder() -> str:
    here = pathlib.Path(__file__).parent
    sources = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(here.glob("*.py")))).hexdigest()[:16]
    base = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = base / "qref" / "kernels" / (f"{sources}-boundscheck" if config.BOUNDSCHECK else sources)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except OSError:
        return tempfile.mkdtemp(prefix="qref-kernels-")


if not config.CACHE_DIR:
    config.CACHE_DIR = _cache_folder()


class _Compilation(event.Listener):
    """Tells of the first kernel that is compiled, not loaded from the cache."""

    told = False

    def on_start(self, event):
        if not self.told:
            self.told = True
            logging.getLogger(__name__).info("compiling kernels for this CPU, once")

    def on_end(self, event):
        pass


event.register("numba:compile", _Compilation())
