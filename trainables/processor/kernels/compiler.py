"""Kernels as machine code for this processor."""

import ctypes
import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

from llvmlite import binding, ir

from .activation_code import ACTIVATION_CODE
from .code import INTEGER, Code, Value
from .dot_beside import (
    DOT_GRADIENTS,
    PRODUCTS,
    REMAINDERS,
    write_dot_gradients,
    write_products,
    write_remainders,
)
from .dropout import DROPOUT, write_dropout
from .gradient import BIAS_GRADIENT, WEIGHT_GRADIENT, write_bias_gradient, write_weight_gradient
from .lazy_rows import CATCH_UP, ROW_UPDATE, write_catch_up, write_row_update
from .linear import (
    BACKWARD,
    FORWARD,
    OUTPUT,
    OUTPUT_RANGED,
    write_backward,
    write_forward,
    write_output,
)
from .optimiser_code import (
    OF_WEIGHTS,
    OPTIMISER,
    OPTIMISER_CODE,
    optimiser_kernel,
    write_optimiser,
)
from .pairs import (
    DOT_PAIRS,
    DOT_PAIRS_RANGED,
    GATHER,
    SCATTER,
    write_dot_pairs,
    write_gather,
    write_scatter,
)
from .registers import Tile, best_tile, host_registers

ACTIVATIONS_WITH_DERIVATIVE = frozenset(
    name for name, code in ACTIVATION_CODE.items() if code.keeps_derivative
)
X86 = ("x86_64", "amd64", "i386", "i686")
LAYER_SLOTS: Mapping[str, tuple[str, ...]] = {
    "forward": FORWARD,
    "output": OUTPUT,
    "backward": BACKWARD,
    "weight_gradient": WEIGHT_GRADIENT,
    "bias_gradient": BIAS_GRADIENT,
}
ROW_SLOTS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("catch_up", "catch_up_averaging"), CATCH_UP),
    **dict.fromkeys(("row_update", "row_update_averaging"), ROW_UPDATE),
}
PAIR_SLOTS: Mapping[str, tuple[str, ...]] = {
    "dot_pairs": DOT_PAIRS,
    "gather": GATHER,
    "scatter": SCATTER,
    "remainders": REMAINDERS,
    "dot_gradients": DOT_GRADIENTS,
    "input_backward": BACKWARD,
    "dropout": DROPOUT,
}
RANGED_SLOTS: Mapping[str, tuple[str, ...]] = {
    "dot_pairs_ranged": DOT_PAIRS_RANGED,
    "products": PRODUCTS,
    "output_ranged": OUTPUT_RANGED,
}
SLOTS: Mapping[str, tuple[str, ...]] = {
    **LAYER_SLOTS,
    **ROW_SLOTS,
    **PAIR_SLOTS,
    **RANGED_SLOTS,
    **{
        optimiser_kernel(name, of_weights=of_weights, averaging=averaging): slots
        for name in OPTIMISER_CODE
        for of_weights, slots in ((False, OPTIMISER), (True, OF_WEIGHTS))
        for averaging in (False, True)
    },
}
ROW = 1 + max(len(slots) for slots in SLOTS.values())
"""The integers of an operation: its kernel's address, and then its slots."""


@dataclass(frozen=True, kw_only=True)
class Processor:
    """What code is made for, in LLVM's names."""

    name: str
    features: str

    @classmethod
    def host(cls) -> Self:
        """The one that this process runs on."""
        features = str(binding.get_host_cpu_features().flatten())
        return cls(name=str(binding.get_host_cpu_name()), features=features)

    def __str__(self) -> str:
        registers, register_bytes = host_registers(self.features)
        return f"{self.name}, {registers} vector registers of {register_bytes * 8} bits"

    @property
    def fused(self) -> bool:
        """Whether it multiplies and adds in one instruction."""
        return platform.machine().lower() not in X86 or "+fma" in self.features

    def tile(self, number: str) -> Tile:
        """What fits into its registers."""
        registers, register_bytes = host_registers(self.features)
        number_bytes = 4 if number == "float32" else 8
        return best_tile(
            registers=registers, register_bytes=register_bytes, number_bytes=number_bytes
        )


def machine_code(module: Any, processor: Processor) -> Any:
    """LLVM's engine that holds the functions of `module`; it must outlive their use."""
    # Without the last feature LLVM keeps to half of each register on some processors.
    machine = _target().create_target_machine(
        cpu=processor.name, features=f"{processor.features},-prefer-256-bit", opt=3
    )
    parsed = binding.parse_assembly(str(module))
    parsed.verify()
    engine = binding.create_mcjit_compiler(parsed, machine)
    engine.finalize_object()
    return engine


class CompiledModule:
    """Compiled functions for one type of numbers, and where they lie in memory."""

    def __init__(
        self, number: str, processor: Processor, names: Iterable[str], write: Callable[[Code], None]
    ) -> None:
        """Compile what `write` writes, in a few tenths of a second; `number`: float32, float64."""
        module = ir.Module()
        module.triple = binding.get_process_triple()
        write(Code(module, number, processor.tile(number)))
        self._engine = machine_code(module, processor)
        self.addresses = {name: int(self._engine.get_function_address(name)) for name in names}


class Kernels:
    """Compiled kernels for one type of numbers."""

    def __init__(self, *modules: CompiledModule) -> None:
        """Take the kernels of some modules, one of which has `run`."""
        self._modules = modules  # their code must outlive its use
        self._addresses = {
            name: address for module in modules for name, address in module.addresses.items()
        }
        integer, pointer = ctypes.c_int64, ctypes.c_void_p
        run = ctypes.CFUNCTYPE(None, pointer, integer, integer)
        self.run = run(self._addresses["run"])
        """`run(operations, count, steps)`: all operations in their order, for each step from 0."""

    def operation(self, kernel: str, **slots: int) -> list[int]:
        """The row of integers that makes `run` call `kernel` with `slots`."""
        names = SLOTS[kernel]
        if set(names) != set(slots):
            raise ValueError(f"{kernel} takes the slots {names}; got {sorted(slots)}")
        row = [self._addresses[kernel], *(slots[name] for name in names)]
        return [*row, *[0] * (ROW - len(row))]


def kernels_for(
    activation: str, optimizer: str, number: str, processor: Processor | None = None
) -> Kernels:
    """The kernels, compiled the first time that they are asked for in this process.

    `number` is float32 or float64; without a `processor` they are for the one at hand.
    """
    processor = processor or Processor.host()
    return Kernels(
        _compiled_layers(activation, number, processor),
        _compiled_optimiser(optimizer, number, processor),
    )


def row_kernels(number: str, processor: Processor | None = None) -> Kernels:
    """The kernels of a table's rows, compiled the first time as above."""
    return Kernels(_compiled_rows(number, processor or Processor.host()))


def embedding_kernels(
    activation: str,
    optimizer: str,
    number: str,
    processor: Processor | None = None,
    *,
    ranged: bool = False,
) -> Kernels:
    """Those of an MLP (`kernels_for`), of a table's rows, and of the models that read these.

    `ranged`: with those that keep predictions in a range.
    """
    processor = processor or Processor.host()
    of_weights = []
    if optimizer == "adamw":
        of_weights.append(_compiled_optimiser(optimizer, number, processor, of_weights=True))
    return Kernels(
        _compiled_layers(activation, number, processor),
        _compiled_optimiser(optimizer, number, processor),
        *of_weights,
        _compiled_rows(number, processor),
        _compiled_pairs(number, processor),
        *([_compiled_ranged(number, processor)] if ranged else []),
    )


@cache
def _compiled_rows(number: str, processor: Processor) -> CompiledModule:
    """The kernels of rows, without and with the running average, and `run`."""

    def write(module: Code) -> None:
        for averaging in (False, True):
            write_catch_up(module, averaging=averaging)
            write_row_update(module, averaging=averaging)
        _write_run(module)

    return CompiledModule(number, processor, (*ROW_SLOTS, "run"), write)


@cache
def _compiled_pairs(number: str, processor: Processor) -> CompiledModule:
    """The kernels of pairs of rows, and what an MLP on them has beside those of layers."""

    def write(module: Code) -> None:
        write_dot_pairs(module)
        write_gather(module)
        write_scatter(module)
        write_remainders(module)
        write_dot_gradients(module)
        write_backward(module, None)
        write_dropout(module)

    return CompiledModule(number, processor, tuple(PAIR_SLOTS), write)


@cache
def _compiled_ranged(number: str, processor: Processor) -> CompiledModule:
    """The kernels that keep predictions in a range, which most members do without."""

    def write(module: Code) -> None:
        write_dot_pairs(module, ranged=True)
        write_products(module)
        write_output(module, ranged=True)

    return CompiledModule(number, processor, tuple(RANGED_SLOTS), write)


@cache
def _compiled_layers(activation: str, number: str, processor: Processor) -> CompiledModule:
    """The kernels of layers with this activation, and `run`."""
    code = ACTIVATION_CODE[activation]

    def write(module: Code) -> None:
        write_forward(module, code)
        write_output(module)
        write_backward(module, code)
        write_weight_gradient(module)
        write_bias_gradient(module)
        _write_run(module)

    return CompiledModule(number, processor, (*LAYER_SLOTS, "run"), write)


@cache
def _compiled_optimiser(
    optimizer: str, number: str, processor: Processor, *, of_weights: bool = False
) -> CompiledModule:
    """The kernels of this optimiser, without and with the running average."""

    def write(module: Code) -> None:
        for averaging in (False, True):
            write_optimiser(module, optimizer, averaging=averaging, of_weights=of_weights)

    names = [
        optimiser_kernel(optimizer, of_weights=of_weights, averaging=averaging)
        for averaging in (False, True)
    ]
    return CompiledModule(number, processor, names, write)


@cache
def _target() -> Any:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple()


def _write_run(module: Code) -> None:
    """`run`: an interpreter of operations, so that a block of steps is one call."""
    kernel = ir.FunctionType(ir.VoidType(), [INTEGER.as_pointer(), INTEGER])
    arguments = [INTEGER.as_pointer(), INTEGER, INTEGER]
    code, (operations, count, steps) = module.function("run", arguments, linkage="external")

    def one(index: Value, step: Value) -> None:
        row = operations.at(index * ROW)
        address = code.builder.inttoptr(code.load(row).llvm, kernel.as_pointer())
        code.builder.call(address, [row.llvm, step.llvm])

    def all_of(step: Value) -> None:
        code.each(0, count, lambda index: one(index, step))

    code.each(0, steps, all_of)
    code.end()
