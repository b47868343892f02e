"""numba as the kernels use it, and the code that it makes of them.

numba's own cache does not notice that a function called from another file has changed, so it is put into the folder of store.py.
The logger `qref.kernels` is told when the first kernel of a process is compiled.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba.core import compiler, config, event, types
from numba.core.compiler_lock import global_compiler_lock

from .store import folder
from .symbols import FUNCTIONS_OF_LIBM, LIBM, address_of

for _name in FUNCTIONS_OF_LIBM:  # before numba loads code that calls one from its own cache, without the file that names it
    llvm.add_symbol(f"{LIBM}{_name}", address_of(f"{LIBM}{_name}"))

if not config.CACHE_DIR:
    config.CACHE_DIR = str(folder())
    try:
        with tempfile.TemporaryFile(dir=config.CACHE_DIR) as file:
            file.write(bytes(1 << 20))  # numba does not bear a full disk
    except OSError:
        _temporary = tempfile.TemporaryDirectory(prefix="qref-kernels-")
        config.CACHE_DIR = _temporary.name


class _Compilation(event.Listener):
    """Tells of the first kernel that is compiled, not loaded from the cache."""

    told = False

    def on_start(self, event):
        if not self.told:
            self.told = True
            logging.getLogger(__package__).info("compiling kernels for this CPU, once")

    def on_end(self, event):
        pass


event.register("numba:compile", _Compilation())


@dataclass(frozen=True, slots=True)
class ObjectCode:
    """A compiled kernel as a relocatable object file.

    code      the file's bytes
    missing   names that it refers to and does not define
    lasting   whether another process can use it: no address of this one is in it
    """

    code: bytes
    missing: tuple[str, ...]
    lasting: bool


def object_code(function: Any, arguments: Sequence[Any], name: str) -> ObjectCode:
    """Compile a kernel, which returns nothing, for the types of its arguments, to a function (slots) -> status of that name.

    slots    the address of the arguments as numba's functions take them, eight bytes each: see compiled.py
    status   0, or another number if the kernel raised an exception
    """
    kinds = tuple(numba.typeof(argument) for argument in arguments)
    flags = compiler.Flags()
    function.targetdescr.options.parse_as_flags(flags, function.targetoptions)
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    typing, target = function.targetdescr.typing_context, function.targetdescr.target_context
    details = {"dispatcher": function, "args": kinds, "return_type": None}
    with global_compiler_lock, event.trigger_event("numba:compile", data=details):
        compiled = compiler.compile_extra(typing, target, function.py_func, kinds, None, flags, function.locals)
        assert compiled.signature.return_type == types.none, f"{function} returns {compiled.signature.return_type}"
        module = llvm.parse_assembly(str(_entry(name, target, compiled.fndesc)))
        module.link_in(llvm.parse_bitcode(compiled.library.serialize_using_bitcode()[2]))
        declared = [value for value in (*module.functions, *module.global_variables) if value.is_declaration]
        return ObjectCode(
            target.codegen()._tm.emit_object(module),
            tuple(value.name for value in declared if not value.name.startswith("llvm.")),
            not compiled.library.has_dynamic_globals,
        )


def _entry(name: str, target: Any, description: Any) -> ir.Module:
    """A module with a function that calls one of numba's."""
    module = target.codegen()._create_empty_module(name)
    word = ir.IntType(64)
    entry = ir.Function(module, ir.FunctionType(ir.IntType(32), [word.as_pointer()]), name)
    builder = ir.IRBuilder(entry.append_basic_block())
    function = target.declare_function(module, description)
    result, error, *parameters = function.args
    places = [builder.gep(entry.args[0], [word(i)]) for i in range(len(parameters))]
    values = [builder.load(builder.bitcast(place, p.type.as_pointer())) for place, p in zip(places, parameters)]
    pointers = [builder.alloca(pointer.type.pointee) for pointer in (result, error)]
    builder.ret(builder.call(function, [*pointers, *values]))
    return module
