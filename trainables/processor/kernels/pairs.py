"""Models on the rows of a table: dot products of pairs, and what goes into an MLP and comes back.

Legend: B pairs in a batch, C columns of a row, a multiple of LANES; of a pair the first row is a
user's, the second an item's. Rows are read where they lie, and gradients are added row by row: a
row may come in any number of pairs, whose order is that of the sum.
"""

from collections.abc import Callable

from .code import PANEL, Code, Value
from .lanes import lane_sums
from .registers import LANES

_PAIRS = (
    "weights_pointer",  # (R, C)
    "columns",
    "indices_pointer",  # (steps, indices_step_stride) integers: the first row of each pair
    "indices_step_stride",
    "second",  # so many integers further lies the second row
    "pairs",
)
DOT_PAIRS = (
    *_PAIRS,
    "bias_pointer",  # (C,): 1 in the column that is a row's bias, else 0
    "labels_pointer",  # (steps, B)
    "labels_step_stride",
    "scale",  # the bits of a double
    "scratch_pointer",  # (B + LANES, LANES)
    "errors_pointer",  # (B + LANES,): scale times the error
    "sums_pointer",  # two doubles: the squares of the errors, and their squares, are added there
    "backward",  # 1: the gradients of the rows are wanted, 0: they are not
    "gradients_pointer",  # (R, C)
)
GATHER = (
    *_PAIRS,
    "factors",  # the columns that are the MLP's inputs
    "products",  # 1: the elementwise product too, 0: not
    "inputs_pointer",  # (panels, input_features, PANEL): both rows, 1, and the product
    "input_features",
)
SCATTER = (
    *GATHER[:-2],
    "deltas_pointer",  # (panels, input_features, PANEL): the derivatives of those inputs
    "input_features",
    "gradients_pointer",  # (R, C)
)


def write_dot_pairs(module: Code) -> None:
    """The kernel `dot_pairs`: predictions, their errors, and the gradients of the rows.

    The prediction of a pair is the dot product of its rows, but for the bias column, of which both
    are added.
    """
    code, slot, step = module.kernel("dot_pairs", DOT_PAIRS)
    pairs, columns = slot["pairs"], slot["columns"]
    indices = code.integers(slot["indices_pointer"]).at(step * slot["indices_step_stride"])
    labels = slot["labels_pointer"].at(step * slot["labels_step_stride"])
    biases, scratch, errors = (slot[f"{each}_pointer"] for each in ("bias", "scratch", "errors"))

    def rows(pair: Value) -> list[Value]:
        """Where those of a pair begin, counted in numbers."""
        return [code.load(indices.at(pair + place)) * columns for place in (0, slot["second"])]

    def both(firsts: list[Value], column: Value) -> list[Value]:
        weights = slot["weights_pointer"]
        return [code.load_vector(weights.at(first + column)) for first in firsts]

    def product(pair: Value) -> None:
        firsts = rows(pair)

        def some(column: Value, sums: list[Value]) -> list[Value]:
            user, item = both(firsts, column)
            bias = code.load_vector(biases.at(column))
            # In the bias column user * 1 + item * 1, elsewhere user * item + item * 0.
            times = code.select(bias > 0.0, bias, item)
            return [code.fma(item, bias, code.fma(user, times, sums[0]))]

        (total,) = code.repeat(0, columns, some, [code.zeros()], step=LANES)
        code.store_vector(total, scratch.at(pair * LANES))

    code.each(0, pairs, product)
    scale = code.splat(code.bits_as_double(slot["scale"]))

    def compare(first: Value, sums: list[Value]) -> list[Value]:
        vectors = [code.load_vector(scratch.at((first + lane) * LANES)) for lane in range(LANES)]
        prediction = lane_sums(code, vectors)
        inside = code.lanes_from(first) < code.splat(pairs)
        # Chosen, not multiplied by 0: what stands beyond the last pair may be infinite.
        error = code.select(inside, prediction - code.load_vector(labels.at(first)), 0.0)
        code.store_vector(error * scale, errors.at(first))
        wide = code.to_double(error)
        square = wide * wide
        return [sums[0] + square, sums[1] + square * square]

    doubles = code.to_double(code.zeros())
    totals = lane_sums(code, code.repeat(0, pairs, compare, [doubles, doubles], step=LANES))
    target = code.doubles(slot["sums_pointer"])
    for index in range(2):
        there = target.at(index)
        code.store(code.load(there) + code.lane(totals, index), there)

    def gradients(pair: Value) -> None:
        firsts = rows(pair)
        error = code.splat(code.load(errors.at(pair)))

        def some(column: Value) -> None:
            values = both(firsts, column)
            bias = code.load_vector(biases.at(column))
            for first, other in zip(firsts, reversed(values), strict=True):
                there = slot["gradients_pointer"].at(first + column)
                times = code.select(bias > 0.0, bias, other)
                code.store_vector(code.fma(error, times, code.load_vector(there)), there)

        code.each(0, columns, some, step=LANES)

    def all_gradients() -> None:
        code.each(0, pairs, gradients)

    code.when(slot["backward"] > 0, all_gradients)
    code.end()


def write_gather(module: Code) -> None:
    """The kernel `gather`: the rows of a batch as the inputs of an MLP, panel by panel."""
    code, slot, step = module.kernel("gather", GATHER)
    factors = slot["factors"]

    def pair(firsts: list[Value], inputs: Value) -> None:
        def one(factor: Value) -> None:
            user, item = (code.load(slot["weights_pointer"].at(f + factor)) for f in firsts)
            code.store(user, inputs.at(factor * PANEL))
            code.store(item, inputs.at((factors + factor) * PANEL))

        code.each(0, factors, one)
        code.store(code.lift(1.0, code.scalar), inputs.at(factors * 2 * PANEL))

        def products() -> None:
            def product(factor: Value) -> None:
                user, item = (code.load(slot["weights_pointer"].at(f + factor)) for f in firsts)
                code.store(user * item, inputs.at((factors * 2 + 1 + factor) * PANEL))

            code.each(0, factors, product)

        code.when(slot["products"] > 0, products)

    _each_pair(code, slot, step, "inputs_pointer", pair)
    pairs, features = slot["pairs"], slot["input_features"]

    def nothing(pair: Value) -> None:
        panel = pair / PANEL
        there = slot["inputs_pointer"].at(panel * features * PANEL + (pair - panel * PANEL))
        zero = code.lift(0.0, code.scalar)
        code.each(0, features, lambda feature: code.store(zero, there.at(feature * PANEL)))

    # What another model has left in the rest of the last panel may be infinite.
    code.each(pairs, (pairs + PANEL - 1) / PANEL * PANEL, nothing)
    code.end()


def write_scatter(module: Code) -> None:
    """The kernel `scatter`: the derivatives of those inputs, added to the gradients of the rows."""
    code, slot, step = module.kernel("scatter", SCATTER)
    factors, weights = slot["factors"], slot["weights_pointer"]

    def pair(firsts: list[Value], deltas: Value) -> None:
        def add(first: Value, factor: Value, value: Value) -> None:
            there = slot["gradients_pointer"].at(first + factor)
            code.store(code.load(there) + value, there)

        def one(factor: Value) -> None:
            for first, offset in zip(firsts, (code.integer(0), factors), strict=True):
                add(first, factor, code.load(deltas.at((offset + factor) * PANEL)))

        code.each(0, factors, one)

        def products() -> None:
            def product(factor: Value) -> None:
                delta = code.load(deltas.at((factors * 2 + 1 + factor) * PANEL))
                for first, other in zip(firsts, reversed(firsts), strict=True):
                    add(first, factor, delta * code.load(weights.at(other + factor)))

            code.each(0, factors, product)

        code.when(slot["products"] > 0, products)

    _each_pair(code, slot, step, "deltas_pointer", pair)
    code.end()


def _each_pair(
    code: Code,
    slot: dict[str, Value],
    step: Value,
    panels: str,
    body: Callable[[list[Value], Value], object],
) -> None:
    """`body(rows, column)`: where a pair's rows begin, and where its panel has its column."""
    columns = slot["columns"]
    indices = code.integers(slot["indices_pointer"]).at(step * slot["indices_step_stride"])

    def one(pair: Value) -> None:
        firsts = [code.load(indices.at(pair + place)) * columns for place in (0, slot["second"])]
        panel = pair / PANEL
        column = pair - panel * PANEL
        there = slot[panels].at(panel * slot["input_features"] * PANEL + column)
        body(firsts, there)

    code.each(0, slot["pairs"], one)
