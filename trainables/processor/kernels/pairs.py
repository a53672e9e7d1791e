"""Models on the rows of a table: dot products of pairs, and what goes into an MLP and comes back.

Legend: B pairs in a batch, C columns of a row, a multiple of LANES; of a pair the first row is a
user's, the second an item's. Rows are read where they lie, and gradients are added row by row: a
row may come in any number of pairs, whose order is that of the sum.
"""

from collections.abc import Sequence

from .code import PANEL, Code, Value
from .lanes import lane_sums, transposed
from .prediction_range import RANGE, write_range
from .registers import LANES

PAIRS = (
    "weights_pointer",  # (R, C)
    "columns",
    "indices_pointer",  # (steps, indices_step_stride) integers: the first row of each pair
    "indices_step_stride",
    "second",  # so many integers further lies the second row
    "pairs",
)
DOT_PAIRS = (
    *PAIRS,
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
DOT_PAIRS_RANGED = (*DOT_PAIRS, *RANGE)
GATHER = (
    *PAIRS,
    "factors",  # the first columns, which are the MLP's inputs
    "products",  # 1: the elementwise product too, 0: not
    "inputs_pointer",  # (panels, input_features, PANEL), and more: both rows, 1, and the product
    "input_features",
)
SCATTER = (
    *GATHER[:-2],
    "deltas_pointer",  # (panels, input_features, PANEL), and more: the derivatives of those inputs
    "input_features",
    "scratch_pointer",  # (LANES, C)
    "gradients_pointer",  # (R, C)
)


def write_dot_pairs(module: Code, *, ranged: bool = False) -> None:
    """The kernel `dot_pairs`: predictions, their errors, and the gradients of the rows.

    The prediction of a pair is the dot product of its rows, but for the bias column, of which both
    are added. Of `dot_pairs_ranged` it is kept in a range; where gradients are wanted, its errors
    are multiplied by the derivative of that.
    """
    name, slots = ("dot_pairs_ranged", DOT_PAIRS_RANGED) if ranged else ("dot_pairs", DOT_PAIRS)
    code, slot, step = module.kernel(name, slots)
    pairs, columns = slot["pairs"], slot["columns"]
    labels = slot["labels_pointer"].at(step * slot["labels_step_stride"])
    biases, scratch, errors = (slot[f"{each}_pointer"] for each in ("bias", "scratch", "errors"))

    def rows(pair: Value) -> list[Value]:
        """Where those of a pair begin, counted in numbers."""
        return [first for (first,) in rows_of_pairs(code, slot, step, [pair])]

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
    in_range = write_range(code, slot) if ranged else None

    def compare(first: Value, sums: list[Value]) -> list[Value]:
        vectors = [code.load_vector(scratch.at((first + lane) * LANES)) for lane in range(LANES)]
        prediction = lane_sums(code, vectors)
        factor = None
        if in_range is not None:
            prediction, factor = in_range(prediction)
        inside = code.lanes_from(first) < code.splat(pairs)
        # Chosen, not multiplied by 0: what stands beyond the last pair may be infinite.
        error = code.select(inside, prediction - code.load_vector(labels.at(first)), 0.0)
        scaled = error * scale
        if factor is not None:
            scaled = code.select(inside, scaled * factor, 0.0)
        code.store_vector(scaled, errors.at(first))
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
    """The kernel `gather`: the rows of a batch as the inputs of an MLP, panel by panel.

    Beyond the last pair it comes again: what another model has left there may be infinite. Whole
    vectors of factors are written, and what goes beyond their number is written over by what
    follows; the memory ends LANES features after the last.
    """
    code, slot, step = module.kernel("gather", GATHER)
    factors, features = slot["factors"], slot["input_features"]

    def some(panel: Value, first: Value) -> None:
        pairs = [
            code.least(panel * PANEL + first + lane, slot["pairs"] - 1) for lane in range(LANES)
        ]
        users, items = rows_of_pairs(code, slot, step, pairs)
        inputs = slot["inputs_pointer"].at(panel * features * PANEL + first)

        def vectors(firsts: list[Value], column: Value) -> list[Value]:
            return [code.load_vector(slot["weights_pointer"].at(f + column)) for f in firsts]

        def write(block: list[Value], feature: Value) -> None:
            for lane, vector in enumerate(transposed(code, block)):
                code.store_vector(vector, inputs.at((feature + lane) * PANEL))

        def product(column: Value) -> None:
            both = zip(vectors(users, column), vectors(items, column), strict=True)
            write([user * item for user, item in both], factors * 2 + 1 + column)

        for index, firsts in enumerate((users, items)):

            def rows(column: Value, index: int = index, firsts: list[Value] = firsts) -> None:
                write(vectors(firsts, column), factors * index + column)

            code.each(0, factors, rows, step=LANES)
        code.store_vector(code.lift(1.0, code.vector), inputs.at(factors * 2 * PANEL))
        code.when(slot["products"] > 0, lambda: code.each(0, factors, product, step=LANES))

    def panel(index: Value) -> None:
        code.each(0, code.integer(PANEL), lambda first: some(index, first), step=LANES)

    code.each(0, (slot["pairs"] + PANEL - 1) / PANEL, panel)
    code.end()


def write_scatter(module: Code) -> None:
    """The kernel `scatter`: the derivatives of those inputs, added to the gradients of the rows."""
    code, slot, step = module.kernel("scatter", SCATTER)
    factors, features, columns = slot["factors"], slot["input_features"], slot["columns"]
    weights, gradients = slot["weights_pointer"], slot["gradients_pointer"]
    scratch = slot["scratch_pointer"]

    def some(pair: Value) -> None:
        count = code.least(slot["pairs"] - pair, LANES)
        pairs = [code.least(pair + lane, slot["pairs"] - 1) for lane in range(LANES)]
        both = rows_of_pairs(code, slot, step, pairs)
        panel = pair / PANEL
        deltas = slot["deltas_pointer"].at(panel * features * PANEL + (pair - panel * PANEL))

        def rows_of(feature: Value, column: Value) -> list[Value]:
            """The deltas of some features, a vector for each pair."""
            # Chosen, not multiplied by 0: what stands beyond the last feature may be infinite.
            inside = code.lanes_from(column) < code.splat(factors)
            places = [deltas.at((feature + column + lane) * PANEL) for lane in range(LANES)]
            vectors = transposed(code, [code.load_vector(place) for place in places])
            return [code.select(inside, vector, 0.0) for vector in vectors]

        def read(feature: Value, column: Value) -> None:
            for lane, vector in enumerate(rows_of(feature, column)):
                code.store_vector(vector, scratch.at(columns * lane + column))

        def read_products(others: list[Value], column: Value) -> None:
            vectors = rows_of(factors * 2 + 1, column)
            for lane, (vector, other) in enumerate(zip(vectors, others, strict=True)):
                there = scratch.at(columns * lane + column)
                times = code.load_vector(weights.at(other + column))
                code.store_vector(code.fma(vector, times, code.load_vector(there)), there)

        def add(place: int) -> None:
            start = slot["second"] * place

            def one(lane: Value) -> None:
                indices = _indices(code, slot, step)
                first = code.load(indices.at(pair + lane + start)) * columns

                def vector(column: Value) -> None:
                    there = gradients.at(first + column)
                    more = code.load_vector(scratch.at(lane * columns + column))
                    code.store_vector(code.load_vector(there) + more, there)

                code.each(0, factors, vector, step=LANES)

            code.each(0, count, one)

        for place, others in enumerate(reversed(both)):

            def rows(column: Value, place: int = place) -> None:
                read(factors * place, column)

            def products(others: list[Value] = others) -> None:
                code.each(0, factors, lambda at: read_products(others, at), step=LANES)

            code.each(0, factors, rows, step=LANES)
            code.when(slot["products"] > 0, products)
            add(place)

    code.each(0, slot["pairs"], some, step=LANES)
    code.end()


def _indices(code: Code, slot: dict[str, Value], step: Value) -> Value:
    """Where those of a step's first rows are."""
    return code.integers(slot["indices_pointer"]).at(step * slot["indices_step_stride"])


def rows_of_pairs(
    code: Code, slot: dict[str, Value], step: Value, pairs: Sequence[Value]
) -> tuple[list[Value], list[Value]]:
    """Where the first rows of `pairs` begin, counted in numbers, and their second rows."""
    indices, columns = _indices(code, slot, step), slot["columns"]
    return (
        [code.load(indices.at(pair)) * columns for pair in pairs],
        [code.load(indices.at(pair + slot["second"])) * columns for pair in pairs],
    )
