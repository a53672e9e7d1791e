"""The text of the fused kernels of one shape: Triton has no lists of tensors, so it is written out.

One program of a kernel is one member. Its units are cut into tiles, since a product's factors lie
in registers: a layer's weights are tiles of (outputs, inputs), its activations tiles of (units,
pairs), and every tile is a variable. Layers are padded to a power of two with zeros, which stay
zero because every activation maps 0 to 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SMALLEST = 16
"""Triton's products have no factor with fewer rows or columns."""


def padded(units: int) -> int:
    """The units of a layer in a kernel: a power of two."""
    return max(SMALLEST, 1 << (units - 1).bit_length())


@dataclass(frozen=True, kw_only=True)
class FusedShape:
    """What a kernel is written for: the padded sizes of a member's layers, and how it goes about.

    `tile` is the most units of a tile. With `reload` the weights are read from memory for every
    slice of a batch, and needn't stay in registers.
    """

    depth: int
    width: int
    inputs: int
    activation: str
    tile: int
    reload: bool

    @property
    def sizes(self) -> tuple[int, ...]:
        """The inputs and the units of each hidden layer."""
        return (self.inputs, *[self.width] * self.depth)

    @property
    def size(self) -> int:
        """The numbers of a member's weights, one behind the other."""
        return self.offset(self.depth) + _aligned(self.width + 1)

    def offset(self, layer: int) -> int:
        """Where a layer's weights (outputs, inputs) begin; its biases follow them.

        The output layer's weights are a vector, its bias one number.
        """
        pairs = zip(self.sizes, self.sizes[1:], strict=False)
        return sum(before * after + after for before, after in list(pairs)[:layer])

    def tiles(self, units: int) -> range:
        """The numbers of the tiles of a layer of so many units."""
        return range(-(-units // self.tile))

    def tile_size(self, units: int) -> int:
        """The units of each of them."""
        return min(units, self.tile)


def _aligned(size: int) -> int:
    return -(-size // SMALLEST) * SMALLEST


@dataclass(frozen=True)
class _Tile:
    """A piece of a member's weights: its variable's name, its shape, and where it lies."""

    name: str
    shape: tuple[int, ...]
    place: str


HEADER = """\
import triton
import triton.language as tl

from trainables.gpu.fused_operations import *


@triton.jit(do_not_specialize=["streams", "steps", "averaging"])
def train_block(
    inputs, labels, states, settings, course, places, sums, streams, steps, averaging,
    VECTORS: tl.constexpr, INPUTS: tl.constexpr, ROWS: tl.constexpr, BATCH: tl.constexpr,
    SLICE: tl.constexpr, PRECISION: tl.constexpr,
):
"""
EVALUATION_HEADER = """\
import triton
import triton.language as tl

from trainables.gpu.fused_operations import *


@triton.jit(do_not_specialize=["streams", "batches", "size", "first"])
def evaluate_batches(
    inputs, labels, states, places, sums, streams, batches, size, first,
    VECTORS: tl.constexpr, INPUTS: tl.constexpr, ROWS: tl.constexpr, BATCH: tl.constexpr,
    SLICE: tl.constexpr, PRECISION: tl.constexpr,
):
"""


def training_source(shape: FusedShape, optimizer: str, states: int) -> str:
    """A module with the kernel `train_block`; a member has `states` of all its weights."""
    return HEADER + _text(_training(shape, optimizer, states))


def evaluation_source(shape: FusedShape) -> str:
    """A module with the kernel `evaluate_batches`."""
    return EVALUATION_HEADER + _text(_evaluation(shape))


def _text(lines: Iterator[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)


def _training(shape: FusedShape, optimizer: str, states: int) -> Iterator[str]:
    tiles = _weight_tiles(shape)
    load = [f"{tile.name} = tl.load({tile.name}_place)" for tile in tiles]
    store = [f"tl.store({tile.name}_place, {tile.name})" for tile in tiles]
    yield "member = tl.program_id(0).to(tl.int64)"
    yield "stream = tl.load(places + 2 * member).to(tl.int64)"
    yield "course += tl.load(places + 2 * member + 1)"
    yield "learning_rate = tl.load(settings + 2 * member)"
    yield "setting = tl.load(settings + 2 * member + 1)"
    yield f"states += member * {states * shape.size}"
    yield from _places(shape, tiles)
    if not shape.reload:
        yield from load
    yield "total = 0.0"
    yield "for step in range(steps):"
    yield "    batch = (step * streams + stream) * BATCH"
    for tile in tiles:
        zero = f"tl.zeros({tile.shape}, tl.float32)" if tile.shape else "0.0"
        yield f"    {tile.name}_gradient = {zero}"
    yield "    for start in range(0, BATCH, SLICE):"
    slice_of_batch = [*_forward(shape), *_backward(shape)]
    for line in [*load, *slice_of_batch] if shape.reload else slice_of_batch:
        yield f"        {line}"
    step = list(_optimise(shape, tiles, optimizer, states))
    for line in [*load, *step, *store] if shape.reload else step:
        yield f"    {line}"
    # A number may be stored by one thread and loaded by another.
    yield "    tl.debug_barrier()"
    if not shape.reload:
        yield from store
    yield "tl.store(sums + member, tl.load(sums + member) + total.to(tl.float64))"


def _evaluation(shape: FusedShape) -> Iterator[str]:
    tiles = _weight_tiles(shape)
    yield "member = tl.program_id(0).to(tl.int64)"
    yield "stream = tl.load(places + 2 * member).to(tl.int64)"
    yield "states += member * size + first"
    yield from _places(shape, tiles)
    for tile in tiles:
        yield f"{tile.name} = tl.load({tile.name}_place)"
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


def _weight_tiles(shape: FusedShape) -> list[_Tile]:
    """All tiles of a member's weights, layer by layer."""
    found = []
    for layer, (before, after) in enumerate(zip(shape.sizes, shape.sizes[1:], strict=False)):
        offset, rows, columns = shape.offset(layer), shape.tile_size(after), shape.tile_size(before)
        for i in shape.tiles(after):
            top = f"({i * rows} + units_{rows})"
            for j in shape.tiles(before):
                left = f"{offset + j * columns} + units_{columns}[None, :]"
                place = f"states + {top}[:, None] * {before} + ({left})"
                found.append(_Tile(f"weights_{layer}_{i}_{j}", (rows, columns), place))
            place = f"states + {offset + before * after} + {top}"
            found.append(_Tile(f"bias_{layer}_{i}", (rows,), place))
    offset, rows = shape.offset(shape.depth), shape.tile_size(shape.width)
    for i in shape.tiles(shape.width):
        place = f"states + {offset + i * rows} + units_{rows}"
        found.append(_Tile(f"weights_{shape.depth}_{i}", (rows,), place))
    found.append(_Tile(f"bias_{shape.depth}", (), f"states + {offset + shape.width}"))
    return found


def _places(shape: FusedShape, tiles: Sequence[_Tile]) -> Iterator[str]:
    """Where the tiles lie in memory, and the rows of the inputs."""
    for size in sorted({shape.tile_size(units) for units in shape.sizes}):
        yield f"units_{size} = tl.arange(0, {size})"
    yield "pairs = tl.arange(0, SLICE)"
    for tile in tiles:
        yield f"{tile.name}_place = {tile.place}"
    size = shape.tile_size(shape.inputs)
    for j in shape.tiles(shape.inputs):
        yield f"feature_{j} = {j * size} + units_{size}"
        # Behind the vectors there is the row of ones, which the biases do without.
        yield f"row_{j} = (feature_{j} + (feature_{j} >= VECTORS)) * BATCH"


def _forward(shape: FusedShape) -> Iterator[str]:
    """The predictions for a slice of a batch."""
    for j in shape.tiles(shape.inputs):
        place = f"inputs + batch * ROWS + start + row_{j}[:, None] + pairs[None, :]"
        yield f"after_0_{j} = tl.load({place}, mask=(feature_{j} < INPUTS)[:, None], other=0.0)"
    yield "label = tl.load(labels + batch + start + pairs)"
    for layer in range(shape.depth):
        for i in shape.tiles(shape.width):
            before = f"before_{layer + 1}_{i}"
            for j in shape.tiles(shape.sizes[layer]):
                factors = f"weights_{layer}_{i}_{j}, after_{layer}_{j}"
                yield _product(before, factors, first=j == 0)
            yield f"{before} += bias_{layer}_{i}[:, None]"
            yield f"after_{layer + 1}_{i} = {shape.activation}({before})"
    last = shape.depth
    parts = [
        f"tl.sum(after_{last}_{i} * weights_{last}_{i}[:, None], 0)"
        for i in shape.tiles(shape.width)
    ]
    yield f"prediction = {' + '.join(parts)} + bias_{last}"


def _product(result: str, factors: str, *, first: bool) -> str:
    """Set `result` to a product, or add the product to it."""
    accumulator = "" if first else f"{result}, "
    return f"{result} = tl.dot({factors}, {accumulator}input_precision=PRECISION)"


def _backward(shape: FusedShape) -> Iterator[str]:
    """Add what a slice makes to the gradients of the batch's mean squared error."""
    yield "error = prediction - label"
    yield "total += tl.sum(error * error, 0)"
    yield "error = error * (2.0 / BATCH)"
    last = shape.depth
    yield f"bias_{last}_gradient += tl.sum(error, 0)"
    for i in shape.tiles(shape.width):
        yield f"weights_{last}_{i}_gradient += tl.sum(after_{last}_{i} * error[None, :], 1)"
        yield f"delta_{last}_{i} = weights_{last}_{i}[:, None] * error[None, :]"
        yield _through_activation(shape, last, i)
    for layer in reversed(range(shape.depth)):
        for i in shape.tiles(shape.width):
            delta = f"delta_{layer + 1}_{i}"
            yield f"bias_{layer}_{i}_gradient += tl.sum({delta}, 1)"
            for j in shape.tiles(shape.sizes[layer]):
                factors = f"{delta}, tl.trans(after_{layer}_{j})"
                yield _product(f"weights_{layer}_{i}_{j}_gradient", factors, first=False)
        if layer == 0:
            return
        for j in shape.tiles(shape.width):
            for i in shape.tiles(shape.width):
                factors = f"tl.trans(weights_{layer}_{i}_{j}), delta_{layer + 1}_{i}"
                yield _product(f"delta_{layer}_{j}", factors, first=i == 0)
            yield _through_activation(shape, layer, j)


def _through_activation(shape: FusedShape, layer: int, i: int) -> str:
    arguments = f"before_{layer}_{i}, after_{layer}_{i}"
    return f"delta_{layer}_{i} *= {shape.activation}_slope({arguments})"


def _optimise(
    shape: FusedShape, tiles: Sequence[_Tile], optimizer: str, states: int
) -> Iterator[str]:
    """The optimiser's step, and the running average."""
    yield "share = tl.load(course + 4 * step)"
    yield "rate = learning_rate * tl.load(course + 4 * step + 1)"
    yield "first_correction = tl.load(course + 4 * step + 2)"
    yield "second_correction = tl.load(course + 4 * step + 3)"
    numbers = "rate, setting, first_correction, second_correction"
    for tile in tiles:
        arguments = f"{tile.name}, {tile.name}_gradient, {tile.name}_place, {shape.size}, {numbers}"
        yield f"{tile.name} = {optimizer}({arguments})"
    yield "if averaging != 0:"
    for tile in tiles:
        place = f"{tile.name}_place + {(states - 1) * shape.size}"
        yield f"    average({tile.name}, {place}, share)"
