"""The text of the fused kernels of one shape: Triton has no lists of tensors, so it is written out.

One program of a kernel is one member. Layers are padded to a power of two with zeros, which stay
zero because every activation maps 0 to 0. The weights are read from memory, that is from a cache,
wherever they are needed: kept in registers they would leave no room for their gradients.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

SMALLEST = 16
"""Triton's products have no factor with fewer rows or columns."""


def padded(units: int) -> int:
    """The units of a layer in a kernel: a power of two."""
    return max(SMALLEST, 1 << (units - 1).bit_length())


@dataclass(frozen=True, kw_only=True)
class FusedShape:
    """What a kernel is written for: the padded sizes of a member's layers, and its activation.

    Without a hidden layer the width is that of the inputs.
    """

    depth: int
    width: int
    inputs: int
    activation: str

    @property
    def sizes(self) -> tuple[int, ...]:
        """The inputs and the units of each hidden layer."""
        return (self.inputs, *[self.width] * self.depth)

    @property
    def size(self) -> int:
        """The numbers of a member's weights, one behind the other, and a gap for alignment."""
        return self.offset(self.depth) + self.sizes[-1] + SMALLEST

    def offset(self, layer: int) -> int:
        """Where a layer's weights (outputs, inputs) begin; its biases follow them.

        The output layer's weights are a vector, its bias one number.
        """
        pairs = list(pairwise(self.sizes))[:layer]
        return sum(before * after + after for before, after in pairs)


@dataclass(frozen=True)
class _Weights:
    """Weights or biases of a layer: their variable's name, their shape, and where they lie."""

    name: str
    shape: tuple[int, ...]
    place: str


IMPORTS = """\
import triton
import triton.language as tl

from trainables.gpu.fused_operations import *


"""
# Integers that Triton would compile a kernel anew for, for example where they are divisible by 16,
# are not to be looked at: a member's numbers must not depend on how many others there are.
TRAINING_HEADER = """\
@triton.jit(do_not_specialize=["streams", "steps", "averaging"])
def train_block(
    inputs, labels, states, settings, course, places, sums, streams, steps, averaging,
    VECTORS: tl.constexpr, INPUTS: tl.constexpr, ROWS: tl.constexpr, BATCH: tl.constexpr,
    SLICE: tl.constexpr, PRECISION: tl.constexpr,
):
"""
EVALUATION_HEADER = """\
@triton.jit(do_not_specialize=["streams", "batches", "size", "first"])
def evaluate_batches(
    inputs, labels, states, places, sums, streams, batches, size, first,
    VECTORS: tl.constexpr, INPUTS: tl.constexpr, ROWS: tl.constexpr, BATCH: tl.constexpr,
    SLICE: tl.constexpr, PRECISION: tl.constexpr,
):
"""


def training_source(shape: FusedShape, optimizer: str, states: int) -> str:
    """A module with the kernel `train_block`; a member has `states` of all its weights."""
    return IMPORTS + TRAINING_HEADER + _text(_training(shape, optimizer, states))


def evaluation_source(shape: FusedShape) -> str:
    """A module with the kernel `evaluate_batches`."""
    return IMPORTS + EVALUATION_HEADER + _text(_evaluation(shape))


def _text(lines: Iterator[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)


def _training(shape: FusedShape, optimizer: str, states: int) -> Iterator[str]:
    everything = _all_weights(shape)
    load = [f"{weights.name} = tl.load({weights.name}_place)" for weights in everything]
    store = [f"tl.store({weights.name}_place, {weights.name})" for weights in everything]
    yield "member = tl.program_id(0).to(tl.int64)"
    yield "stream = tl.load(places + 2 * member).to(tl.int64)"
    yield "course += tl.load(places + 2 * member + 1)"
    yield "learning_rate = tl.load(settings + 2 * member)"
    yield "setting = tl.load(settings + 2 * member + 1)"
    yield f"states += member * {states * shape.size}"
    yield from _places(shape, everything)
    yield "total = 0.0"
    yield "for step in range(steps):"
    yield "    batch = (step * streams + stream) * BATCH"
    for weights in everything:
        zero = f"tl.zeros({weights.shape}, tl.float32)" if weights.shape else "0.0"
        yield f"    {weights.name}_gradient = {zero}"
    yield "    for start in range(0, BATCH, SLICE):"
    for line in (*load, *_forward(shape), *_backward(shape)):
        yield f"        {line}"
    for line in (*load, *_optimise(shape, everything, optimizer, states), *store):
        yield f"    {line}"
    # What one thread has stored another may load in the next step.
    yield "    tl.debug_barrier()"
    yield "tl.store(sums + member, tl.load(sums + member) + total.to(tl.float64))"


def _evaluation(shape: FusedShape) -> Iterator[str]:
    everything = _all_weights(shape)
    yield "member = tl.program_id(0).to(tl.int64)"
    yield "stream = tl.load(places + 2 * member).to(tl.int64)"
    yield "states += member * size + first"
    yield from _places(shape, everything)
    for weights in everything:
        yield f"{weights.name} = tl.load({weights.name}_place)"
    yield "squares = tl.zeros((SLICE,), tl.float64)"
    yield "fourths = tl.zeros((SLICE,), tl.float64)"
    yield "for number in range(batches):"
    yield "    batch = (number * streams + stream) * BATCH"
    yield "    for start in range(0, BATCH, SLICE):"
    for line in _forward(shape):
        yield f"        {line}"
    yield "        square = prediction.to(tl.float64) - label.to(tl.float64)"
    yield "        square = square * square"
    yield "        squares += square"
    yield "        fourths += square * square"
    yield "place = sums + 2 * member"
    yield "tl.store(place, tl.load(place) + tl.sum(squares, 0))"
    yield "tl.store(place + 1, tl.load(place + 1) + tl.sum(fourths, 0))"


def _all_weights(shape: FusedShape) -> list[_Weights]:
    """A member's weights and biases, layer by layer."""
    found = []
    for layer, (before, after) in enumerate(pairwise(shape.sizes)):
        offset, units = shape.offset(layer), f"units_{after}"
        place = f"states + {offset} + {units}[:, None] * {before} + units_{before}[None, :]"
        found.append(_Weights(f"weights_{layer}", (after, before), place))
        place = f"states + {offset + before * after} + {units}"
        found.append(_Weights(f"bias_{layer}", (after,), place))
    offset, last = shape.offset(shape.depth), shape.depth
    before = shape.sizes[-1]
    place = f"states + {offset} + units_{before}"
    found.append(_Weights(f"weights_{last}", (before,), place))
    found.append(_Weights(f"bias_{last}", (), f"states + {offset + before}"))
    return found


def _places(shape: FusedShape, everything: Sequence[_Weights]) -> Iterator[str]:
    """Where the weights lie in memory, and the rows of the inputs."""
    for units in sorted(set(shape.sizes)):
        yield f"units_{units} = tl.arange(0, {units})"
    yield "pairs = tl.arange(0, SLICE)"
    for weights in everything:
        yield f"{weights.name}_place = {weights.place}"
    yield f"features = units_{shape.inputs}"
    # Behind the vectors there is the row of ones, which the biases do without.
    yield "rows = (features + (features >= VECTORS)) * BATCH"


def _forward(shape: FusedShape) -> Iterator[str]:
    """The predictions for a slice of a batch."""
    place = "inputs + batch * ROWS + start + rows[:, None] + pairs[None, :]"
    yield f"after_0 = tl.load({place}, mask=(features < INPUTS)[:, None], other=0.0)"
    yield "label = tl.load(labels + batch + start + pairs)"
    last = shape.depth
    for layer in range(last):
        before = f"before_{layer + 1}"
        yield f"{before} = {_product(f'weights_{layer}', f'after_{layer}')}"
        yield f"{before} += bias_{layer}[:, None]"
        yield f"after_{layer + 1} = {shape.activation}({before})"
    yield f"prediction = tl.sum(after_{last} * weights_{last}[:, None], 0) + bias_{last}"


def _backward(shape: FusedShape) -> Iterator[str]:
    """Add what a slice makes to the gradients of the batch's mean squared error."""
    last = shape.depth
    yield "error = prediction - label"
    yield "total += tl.sum(error * error, 0)"
    yield "error = error * (2.0 / BATCH)"
    yield f"bias_{last}_gradient += tl.sum(error, 0)"
    yield f"weights_{last}_gradient += tl.sum(after_{last} * error[None, :], 1)"
    if last:
        yield f"delta_{last} = weights_{last}[:, None] * error[None, :]"
    for layer in reversed(range(last)):
        above = f"delta_{layer + 1}"
        slope = f"{shape.activation}_slope(before_{layer + 1}, after_{layer + 1})"
        yield f"{above} *= {slope}"
        yield f"bias_{layer}_gradient += tl.sum({above}, 1)"
        gradient = f"weights_{layer}_gradient"
        yield f"{gradient} = {_product(above, f'tl.trans(after_{layer})', gradient)}"
        if layer:
            yield f"delta_{layer} = {_product(f'tl.trans(weights_{layer})', above)}"


def _product(left: str, right: str, added_to: str = "") -> str:
    """A matrix product, added to a matrix if there is one."""
    factors = f"{left}, {right}, {added_to}" if added_to else f"{left}, {right}"
    return f"tl.dot({factors}, input_precision=PRECISION)"


def _optimise(
    shape: FusedShape, everything: Sequence[_Weights], optimizer: str, states: int
) -> Iterator[str]:
    """The optimiser's step, and the running average."""
    yield "share = tl.load(course + 4 * step)"
    yield "rate = learning_rate * tl.load(course + 4 * step + 1)"
    yield "first_correction = tl.load(course + 4 * step + 2)"
    yield "second_correction = tl.load(course + 4 * step + 3)"
    numbers = "rate, setting, first_correction, second_correction"
    for weights in everything:
        name = weights.name
        arguments = f"{name}, {name}_gradient, {name}_place, {shape.size}, {numbers}"
        yield f"{name} = {optimizer}({arguments})"
    yield "if averaging != 0:"
    for weights in everything:
        place = f"{weights.name}_place + {(states - 1) * shape.size}"
        yield f"    average({weights.name}, {place}, share)"
