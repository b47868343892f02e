"""LLVM's code compiled while the program runs, without numba."""

from __future__ import annotations

import functools

import llvmlite.binding as llvm


@functools.cache
def _engine() -> llvm.ExecutionEngine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2)
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)


def addresses_of(module: object, *names: str) -> list[int]:
    """The addresses of functions of a module: LLVM's assembly, or what prints as such."""
    parsed = llvm.parse_assembly(str(module))
    parsed.triple = llvm.get_default_triple()
    engine = _engine()
    engine.add_module(parsed)
    engine.finalize_object()
    return [engine.get_function_address(name) for name in names]
