"""Writing kernels: values with arithmetic, loops and vectors, emitted as LLVM's code."""

from collections.abc import Callable, Sequence
from typing import Any, Self

from llvmlite import ir

from .registers import LANES, Tile

PANEL = 64
"""Pairs in a panel."""
PANEL_VECTORS = PANEL // LANES

INTEGER = ir.IntType(64)
DOUBLE = ir.DoubleType()
NUMBERS: dict[str, Any] = {"float32": ir.FloatType(), "float64": DOUBLE}


class Value:
    """An integer, a number, a vector or a pointer within a kernel; its operators emit code.

    Python numbers beside a value become constants of its type.
    """

    def __init__(self, code: "Code", llvm: Any) -> None:
        """`llvm` is the value as llvmlite has it."""
        self.code, self.llvm = code, llvm

    @property
    def type(self) -> Any:
        """The type as llvmlite has it."""
        return self.llvm.type

    def _with(self, other: "Value | float", integer: str, floating: str) -> "Value":
        name = integer if _is_integer(self.type) else floating
        both = (self.llvm, self.code.lift(other, self.type).llvm)
        return Value(self.code, getattr(self.code.builder, name)(*both))

    def __add__(self, other: "Value | float") -> "Value":
        return self._with(other, "add", "fadd")

    def __sub__(self, other: "Value | float") -> "Value":
        return self._with(other, "sub", "fsub")

    def __mul__(self, other: "Value | float") -> "Value":
        return self._with(other, "mul", "fmul")

    def __truediv__(self, other: "Value | float") -> "Value":
        return self._with(other, "sdiv", "fdiv")

    def __and__(self, other: "Value | int") -> "Value":
        return self._with(other, "and_", "")

    def __xor__(self, other: "Value | int") -> "Value":
        return self._with(other, "xor", "")

    def __rshift__(self, other: "Value | int") -> "Value":
        """Zeros come in."""
        return self._with(other, "lshr", "")

    def __rsub__(self, other: float) -> "Value":
        return self.code.lift(other, self.type) - self

    def __rtruediv__(self, other: float) -> "Value":
        return self.code.lift(other, self.type) / self

    def __lt__(self, other: "Value | float") -> "Value":
        """Ordered, so false where either is not a number."""
        compare = "icmp_signed" if _is_integer(self.type) else "fcmp_ordered"
        right = self.code.lift(other, self.type).llvm
        return Value(self.code, getattr(self.code.builder, compare)("<", self.llvm, right))

    def __gt__(self, other: "Value | float") -> "Value":
        return self.code.lift(other, self.type) < self

    def at(self, index: "Value | int") -> "Value":
        """The pointer `index` elements further."""
        return Value(
            self.code, self.code.builder.gep(self.llvm, [self.code.lift(index, INTEGER).llvm])
        )


def _is_integer(kind: Any) -> bool:
    return isinstance(getattr(kind, "element", kind), ir.IntType)


class Code:
    """The body of one function as it is written, for one type of numbers."""

    def __init__(self, module: Any, number: str, tile: Tile) -> None:
        """Without a function yet: `kernel` and `function` begin one."""
        self.module, self.number, self.tile = module, number, tile
        self.scalar = NUMBERS[number]
        self.vector = ir.VectorType(self.scalar, LANES)
        self.pointer = self.scalar.as_pointer()
        self.builder: Any = None

    def function(
        self, name: str, arguments: Sequence[Any], *, linkage: str = "internal"
    ) -> tuple[Self, list[Value]]:
        """Begin a function; only this module calls it unless its linkage is "external"."""
        code = type(self)(self.module, self.number, self.tile)
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), arguments), name)
        function.linkage = linkage
        code.builder = ir.IRBuilder(function.append_basic_block())
        return code, [Value(code, argument) for argument in function.args]

    def kernel(self, name: str, slots: Sequence[str]) -> tuple[Self, dict[str, Value], Value]:
        """Begin a kernel: its slots by their names, and the step that it is called for.

        A slot whose name ends with `_pointer` is an address of numbers, any other an integer.
        """
        arguments = [INTEGER.as_pointer(), INTEGER]
        code, (row, step) = self.function(name, arguments, linkage="external")
        values = {}
        for index, slot in enumerate(slots, start=1):
            value = code.load(row.at(index))
            values[slot] = code.address(value) if slot.endswith("_pointer") else value
        return code, values, step

    def end(self) -> None:
        """End the function."""
        self.builder.ret_void()

    def call(self, name: str, arguments: Sequence[Value]) -> None:
        """Call a function of this module."""
        self.builder.call(self.module.get_global(name), [each.llvm for each in arguments])

    def intrinsic(self, name: str, *arguments: Value) -> Value:
        """One of LLVM's vector functions, such as `fma` or `sqrt`; all arguments of one type."""
        kind = arguments[0].type
        suffix = {"float": "f32", "double": "f64"}[str(kind.element)]
        full = f"llvm.{name}.v{kind.count}{suffix}"
        function = self.module.globals.get(full) or ir.Function(
            self.module, ir.FunctionType(kind, [kind] * len(arguments)), full
        )
        return Value(self, self.builder.call(function, [each.llvm for each in arguments]))

    def fma(self, left: Value, right: Value | float, plus: Value | float) -> Value:
        """left * right + plus, rounded once."""
        return self.intrinsic("fma", left, self.lift(right, left.type), self.lift(plus, left.type))

    def lift(self, value: Value | float, kind: Any) -> Value:
        """A Python number as a constant of `kind`; a value as it is."""
        if isinstance(value, Value):
            return value
        if isinstance(kind, ir.VectorType):
            return Value(self, ir.Constant(kind, [value] * kind.count))
        return Value(self, ir.Constant(kind, value))

    def integer(self, value: int) -> Value:
        """A constant integer."""
        return self.lift(value, INTEGER)

    def zeros(self) -> Value:
        """A vector of zeros."""
        return self.lift(0.0, self.vector)

    def address(self, value: Value) -> Value:
        """An integer as a pointer to numbers."""
        return Value(self, self.builder.inttoptr(value.llvm, self.pointer))

    def doubles(self, pointer: Value) -> Value:
        """The same address as a pointer to double precision."""
        return Value(self, self.builder.bitcast(pointer.llvm, DOUBLE.as_pointer()))

    def integers(self, pointer: Value) -> Value:
        """The same address as a pointer to integers."""
        return Value(self, self.builder.bitcast(pointer.llvm, INTEGER.as_pointer()))

    def load(self, pointer: Value) -> Value:
        """The integer or number at `pointer`."""
        return Value(self, self.builder.load(pointer.llvm))

    def store(self, value: Value, pointer: Value) -> None:
        """Write an integer or number."""
        self.builder.store(value.llvm, pointer.llvm)

    def load_vector(self, pointer: Value, lanes: int = LANES) -> Value:
        """The numbers from `pointer` on."""
        kind = ir.VectorType(self.scalar, lanes)
        there = self.builder.bitcast(pointer.llvm, kind.as_pointer())
        return Value(self, self.builder.load(there, align=self._bytes))

    def store_vector(self, value: Value, pointer: Value) -> None:
        """Write all lanes from `pointer` on."""
        there = self.builder.bitcast(pointer.llvm, value.type.as_pointer())
        self.builder.store(value.llvm, there, align=self._bytes)

    def prefetch(self, pointer: Value) -> None:
        """Bring what is at `pointer`, which is soon to be changed, into the cache; any address."""
        integer, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        name = "llvm.prefetch.p0"
        function = self.module.globals.get(name) or ir.Function(
            self.module, ir.FunctionType(ir.VoidType(), [byte, *[integer] * 3]), name
        )
        there = self.builder.bitcast(pointer.llvm, byte)
        self.builder.call(function, [there, *(ir.Constant(integer, each) for each in (0, 3, 1))])

    @property
    def _bytes(self) -> int:
        return 8 if self.number == "float64" else 4

    def splat(self, value: Value) -> Value:
        """A vector with `value` in every lane."""
        kind = ir.VectorType(value.type, LANES)
        undefined = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(undefined, value.llvm, ir.Constant(ir.IntType(32), 0))
        return self.shuffle(Value(self, first), Value(self, undefined), [0] * LANES)

    def shuffle(self, left: Value, right: Value, lanes: Sequence[int]) -> Value:
        """The vector of `lanes`, counted through `left` and then `right`."""
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), list(lanes))
        return Value(self, self.builder.shuffle_vector(left.llvm, right.llvm, mask))

    def lane(self, value: Value, index: int) -> Value:
        """One lane of a vector."""
        there = ir.Constant(ir.IntType(32), index)
        return Value(self, self.builder.extract_element(value.llvm, there))

    def select(self, condition: Value, yes: Value | float, no: Value | float) -> Value:
        """`yes` where the condition holds, else `no`; one of them must be a value."""
        kind = yes.type if isinstance(yes, Value) else no.type  # type: ignore[union-attr]
        both = (self.lift(yes, kind).llvm, self.lift(no, kind).llvm)
        return Value(self, self.builder.select(condition.llvm, *both))

    def least(self, left: Value, right: Value | int) -> Value:
        """The smaller of two integers."""
        return self.select(left < right, left, right)

    def to_double(self, value: Value) -> Value:
        """A vector in double precision."""
        if self.number == "float64":
            return value
        return Value(self, self.builder.fpext(value.llvm, ir.VectorType(DOUBLE, LANES)))

    def from_double(self, value: Value) -> Value:
        """A number in double precision rounded to this code's."""
        if self.number == "float64":
            return value
        return Value(self, self.builder.fptrunc(value.llvm, self.scalar))

    def bits_as_double(self, value: Value) -> Value:
        """The number whose bits an integer holds, rounded to this code's precision."""
        return self.from_double(Value(self, self.builder.bitcast(value.llvm, DOUBLE)))

    def repeat(
        self,
        start: Value | int,
        stop: Value,
        body: Callable[[Value, list[Value]], Sequence[Value]],
        initial: Sequence[Value] = (),
        step: int = 1,
    ) -> list[Value]:
        """A loop: `body(index, values)` gives the next values; the last ones are returned."""

        def next_step(index: Value, values: list[Value]) -> tuple[Value, Sequence[Value]]:
            return index + step, body(index, values)

        return self.advance(start, stop, next_step, initial)

    def advance(
        self,
        start: Value | int,
        stop: Value,
        body: Callable[[Value, list[Value]], tuple[Value, Sequence[Value]]],
        initial: Sequence[Value] = (),
    ) -> list[Value]:
        """As `repeat`, but `body(index, values)` gives the next index too."""
        first = self.lift(start, INTEGER)
        before = self.builder.block
        loop = self.builder.append_basic_block()
        after = self.builder.append_basic_block()
        self.builder.cbranch((first < stop).llvm, loop, after)
        self.builder.position_at_end(loop)
        index = self._phi(INTEGER, first, before)
        values = [self._phi(value.type, value, before) for value in initial]
        following, new = body(index, values)
        last = self.builder.block
        for phi, value in zip([index, *values], [following, *new], strict=True):
            phi.llvm.add_incoming(value.llvm, last)
        self.builder.cbranch((following < stop).llvm, loop, after)
        self.builder.position_at_end(after)
        results = []
        for value, ended in zip(initial, new, strict=True):
            phi = self._phi(value.type, value, before)
            phi.llvm.add_incoming(ended.llvm, last)
            results.append(phi)
        return results

    def each(
        self, start: Value | int, stop: Value, body: Callable[[Value], object], step: int = 1
    ) -> None:
        """A loop that carries no values: `body(index)`."""

        def without_values(index: Value, _: list[Value]) -> list[Value]:
            body(index)
            return []

        self.repeat(start, stop, without_values, step=step)

    def _phi(self, kind: Any, value: Value, block: Any) -> Value:
        phi = self.builder.phi(kind)
        phi.add_incoming(value.llvm, block)
        return Value(self, phi)

    def when(self, condition: Value, body: Callable[[], object]) -> None:
        """`body()` where the condition holds, else nothing."""
        with self.builder.if_then(condition.llvm):
            body()

    def choose(self, value: Value, cases: Sequence[int], body: Callable[[int], object]) -> None:
        """`body(case)` for the case that `value` equals; nothing if it is none of them."""
        builder = self.builder
        after = builder.append_basic_block()
        switch = builder.switch(value.llvm, after)
        for case in cases:
            block = builder.append_basic_block()
            switch.add_case(ir.Constant(value.type, case), block)
            builder.position_at_end(block)
            body(case)
            builder.branch(after)
        builder.position_at_end(after)

    def lanes_from(self, first: Value) -> Value:
        """The integers first, first + 1, ... in a vector."""
        kind = ir.VectorType(INTEGER, LANES)
        return self.splat(first) + Value(self, ir.Constant(kind, list(range(LANES))))
