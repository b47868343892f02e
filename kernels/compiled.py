"""Compiled functions by their addresses, from the store on disk if they are there: then neither numba nor a kernel is imported.

They are object files. LLVM loads each by itself, so that the names in it meet no others.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from . import Kernel
from .store import load, save
from .symbols import address_of

ENTRY = "qref_entry"

_addresses: dict[tuple[Any, str], int] = {}
_kept: list[Any] = []  # what must live as long as code is called
_numbers = itertools.count()


def kernel_address(function: Callable[..., None], arguments: Sequence[Any]) -> int:
    """The address of a function (slots) -> status that calls a kernel with arguments of these types.

    slots    the address of slots_of all arguments, one after the other
    status   0, or another number if the kernel raised an exception
    """
    kinds = ",".join(map(signature, arguments))
    if (function, kinds) not in _addresses:
        name = _name_of(function)
        code = load(f"{name}({kinds})") if name else None
        if code is None:
            code, lasting = _compile(function, arguments)
            if name and lasting:
                save(f"{name}({kinds})", code)
        (_addresses[function, kinds],) = _link(code, ENTRY)
    return _addresses[function, kinds]


def addresses_of(text: str, *names: str) -> tuple[int, ...]:
    """The addresses of functions that LLVM's language defines."""
    code = load(text)
    if code is None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        module = llvm.parse_assembly(text)
        module.triple = llvm.get_process_triple()
        code = b"\n" + _machine().emit_object(module)
        save(text, code)
    return _link(code, *names)


def signature(value: Any) -> str:
    """What numba's type of an argument follows from."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype.str}[{value.ndim}{'' if value.flags.aligned else 'u'}{'' if value.flags.writeable else 'r'}]"
    if isinstance(value, tuple):
        return f"{type(value).__name__}{getattr(value, '_fields', '')}({','.join(map(signature, value))})"
    return type(value).__name__


def slots_of(value: Any) -> list[int]:
    """An argument as numba's functions take it, in numbers of eight bytes."""
    if isinstance(value, np.ndarray):
        assert value.flags.c_contiguous
        return [0, 0, value.size, value.itemsize, value.ctypes.data, *value.shape, *value.strides]
    if isinstance(value, tuple):
        return [slot for element in value for slot in slots_of(element)]
    if isinstance(value, np.float32):
        return [int.from_bytes(struct.pack("<f4x", value), "little")]
    if isinstance(value, float):
        return [int.from_bytes(struct.pack("<d", value), "little")]
    assert isinstance(value, np.generic) or -(2**63) <= value < 2**63
    return [int(value) % 2**64]


def _name_of(function: Callable[..., None]) -> str | None:
    """The name by which other processes know a kernel; None for a function of someone else's."""
    if isinstance(function, Kernel):
        return f"{function.module}.{function.name}"
    module, name = function.__module__, function.__name__
    ours = module.startswith(f"{Kernel.__module__}.") and getattr(sys.modules[module], name, None) is function
    return f"{module}.{name}" if ours else None


def _compile(function: Callable[..., None], arguments: Sequence[Any]) -> tuple[bytes, bool]:
    """What _link reads, and whether that is of use to other processes: so if they have all that it refers to."""
    from .jit import object_code

    code = object_code(function.function if isinstance(function, Kernel) else function, arguments, ENTRY)
    process = ctypes.CDLL(None)
    imports = [symbol for symbol in code.missing if not hasattr(process, symbol)]
    content = " ".join(imports).encode() + b"\n" + code.code
    return content, code.lasting and all(address_of(symbol) is not None for symbol in imports)


def _link(content: bytes, *names: str) -> tuple[int, ...]:
    """The addresses of functions in an object file, before which stands a line of the names that this process must give it."""
    imports, _, code = content.partition(b"\n")
    library = llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
    for symbol in imports.decode().split():
        address = address_of(symbol) or llvm.address_of_symbol(symbol)
        assert address is not None, f"compiled code needs {symbol}, which is nowhere"
        library.import_symbol(symbol, address)
    for name in names:
        library.export_symbol(name)
    linked = library.link(_linker(), f"library {next(_numbers)}")
    _kept.append(linked)
    return tuple(int(linked[name]) for name in names)


@functools.cache
def _linker() -> llvm.LLJIT:
    return llvm.create_lljit_compiler(_machine(), suppress_errors=True)


def _machine() -> llvm.TargetMachine:
    llvm.initialize_native_target()
    return llvm.Target.from_default_triple().create_target_machine(opt=2, jit=True)
