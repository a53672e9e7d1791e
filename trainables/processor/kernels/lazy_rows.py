"""Adam and AdamW over the rows of a table, of which a step reads a few.

Dense Adam moves every row at every step: one whose gradient is zero goes on by its moments, and is
decayed. But its path is known, so it is walked when the row is next read, in registers: j steps
after the last gradient the moments are m b1^j and v b2^j, and sqrt(v b2^j) = sqrt(v) sqrt(b2)^j
takes one square root for all of them. What comes out is dense Adam's up to rounding.

`catch_up` walks the rows that a step reads, up to the step; `row_update` then takes the step for
them. A row may come several times in a step. Legend: R rows, C columns, a multiple of LANES.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .code import Code, Value
from .registers import LANES

ROWS = (
    "states_pointer",  # (S, R, C): weights, first moment, second moment, average of the weights
    "rows",
    "columns",
    "updated_pointer",  # R integers: the steps that each row has behind it
    "indices_pointer",  # (steps, indices_step_stride) integers: the rows that a step reads
    "indices_step_stride",
    "count",  # how many of them
    "decay_pointer",  # (C,): the weight decay of each column
    "settings_pointer",  # doubles: LAZY_SETTINGS
    "schedule_pointer",  # (all steps, LAZY_NUMBERS) doubles, as `lazy_schedule_row` gives them
    "done_pointer",  # an integer: the steps done before step 0 of a call
)
CATCH_UP = (
    *ROWS,
    "lasting",  # steps without a gradient after which a row's moments move it no more
    "decays",  # 1 where a column has a weight decay, else 0
)
ROW_UPDATE = (*ROWS, "gradients_pointer")  # (R, C), which are left zero
LAZY_SETTINGS = ("learning_rate", "beta_1", "beta_2", "root_beta_2", "epsilon")
LAZY_NUMBERS = 4


def lazy_schedule_row(
    step: int, factor: float, average_weight: float, beta_1: float, beta_2: float
) -> tuple[float, float, float, float]:
    """The numbers of a `step` (from 0): `factor` is that on the learning rate then."""
    count = step + 1
    mean_correction, square_correction = 1.0 - beta_1**count, (1.0 - beta_2**count) ** -0.5
    return average_weight, factor / mean_correction, square_correction, factor


@dataclass(frozen=True)
class _Table:
    """What both kernels read of their slots."""

    code: Code
    slot: dict[str, Value]
    step: Value

    def setting(self, name: str) -> Value:
        doubles = self.code.doubles(self.slot["settings_pointer"])
        return self.code.from_double(self.code.load(doubles.at(LAZY_SETTINGS.index(name))))

    @property
    def before(self) -> Value:
        """The steps that are done before this one."""
        return self.code.load(self.code.integers(self.slot["done_pointer"])) + self.step

    def numbers(self, step: Value) -> list[Value]:
        """Of a step: the average's share, the rate, the root's correction, the decay's rate."""
        code = self.code
        row = code.doubles(self.slot["schedule_pointer"]).at(step * LAZY_NUMBERS)
        share, rate, root, decay = (
            code.from_double(code.load(row.at(index))) for index in range(LAZY_NUMBERS)
        )
        learning_rate = self.setting("learning_rate")
        return [share, rate * learning_rate, root, decay * learning_rate]

    def each_row(self, body: Callable[[Value, Value], object]) -> None:
        """`body(row, updated)` for the rows that the step reads, in their order."""
        code, slot = self.code, self.slot
        indices = code.integers(slot["indices_pointer"]).at(self.step * slot["indices_step_stride"])
        updated = code.integers(slot["updated_pointer"])

        def one(index: Value) -> None:
            row = code.load(indices.at(index))
            body(row, updated.at(row))

        code.each(0, slot["count"], one)

    def states(self, row: Value, column: Value) -> list[Value]:
        """Where the row's numbers from `column` on are: of all four states."""
        slot = self.slot
        first = row * slot["columns"] + column
        size = slot["rows"] * slot["columns"]
        return [slot["states_pointer"].at(size * state + first) for state in range(4)]


def write_catch_up(module: Code, *, averaging: bool) -> None:
    """The kernel `catch_up`, or `catch_up_averaging`, which walks the average of the weights too.

    Past `lasting` steps only what is left is walked: the decay, and the average.
    """
    code, slot, step = module.kernel("catch_up_averaging" if averaging else "catch_up", CATCH_UP)
    table = _Table(code, slot, step)
    before = table.before
    beta_1, beta_2 = table.setting("beta_1"), table.setting("beta_2")
    root_beta_2, epsilon = table.setting("root_beta_2"), table.setting("epsilon")
    one, ones = code.lift(1.0, code.scalar), code.lift(1.0, code.vector)

    def walk(row: Value, first: Value, column: Value, vectors: int) -> None:
        lead = code.least(before, first + slot["lasting"])
        places = [table.states(row, column + LANES * v) for v in range(vectors)]
        weights, means, squares, averages = (
            [code.load_vector(place[state]) for place in places] for state in range(4)
        )
        decays = [
            code.load_vector(slot["decay_pointer"].at(column + LANES * v)) for v in range(vectors)
        ]
        roots = [code.intrinsic("sqrt", square) for square in squares]

        def with_moments(at: Value, values: list[Value]) -> list[Value]:
            root, weights, means, averages = _parts(values, vectors)
            share, rate, correction, decay = table.numbers(at)
            root = root * root_beta_2
            scale, rates = code.splat(root * correction), code.splat(rate)
            means = [mean * code.splat(beta_1) for mean in means]
            weights = [
                weight * (ones - code.splat(decay) * of_column)
                - rates * (mean / code.fma(own, scale, code.splat(epsilon)))
                for weight, mean, own, of_column in zip(weights, means, roots, decays, strict=True)
            ]
            if averaging:
                averages = _averaged(code, averages, weights, share)
            return [root, *weights, *means, *averages]

        def without(at: Value, values: list[Value]) -> list[Value]:
            weights, averages = values[:vectors], values[vectors:]
            share, _, _, decay = table.numbers(at)
            weights = [
                weight * (ones - code.splat(decay) * of_column)
                for weight, of_column in zip(weights, decays, strict=True)
            ]
            if averaging:
                averages = _averaged(code, averages, weights, share)
            return [*weights, *averages]

        walked = code.repeat(first, lead, with_moments, [one, *weights, *means, *averages])
        root, weights, means, averages = _parts(walked, vectors)
        last = before if averaging else code.select(slot["decays"] > 0, before, lead)
        rest = code.repeat(lead, last, without, [*weights, *averages])
        weights, averages = rest[:vectors], rest[vectors:]
        left = before - lead
        mean_left = code.splat(_power(code, beta_1, left))
        square_left = code.splat(root * root * _power(code, beta_2, left))
        for v, place in enumerate(places):
            code.store_vector(weights[v], place[0])
            code.store_vector(means[v] * mean_left, place[1])
            code.store_vector(squares[v] * square_left, place[2])
            if averaging:
                code.store_vector(averages[v], place[3])

    def one_row(row: Value, updated: Value) -> None:
        first = code.load(updated)

        def columns() -> None:
            _in_groups(code, slot["columns"], lambda at, size: walk(row, first, at, size))
            code.store(before, updated)

        code.when(first < before, columns)

    table.each_row(one_row)
    code.end()


def write_row_update(module: Code, *, averaging: bool) -> None:
    """The kernel `row_update`, or `row_update_averaging`: the step of rows that are caught up.

    It leaves zeros in place of their gradients.
    """
    name = "row_update_averaging" if averaging else "row_update"
    code, slot, step = module.kernel(name, ROW_UPDATE)
    table = _Table(code, slot, step)
    before = table.before
    rest_1, rest_2 = (code.splat(1.0 - table.setting(each)) for each in ("beta_1", "beta_2"))
    beta_2, epsilon = (code.splat(table.setting(each)) for each in ("beta_2", "epsilon"))
    share, *others = table.numbers(before)
    rate, correction, decay = (code.splat(each) for each in others)
    ones = code.lift(1.0, code.vector)

    def some(row: Value, column: Value, vectors: int) -> None:
        for v in range(vectors):
            at = column + LANES * v
            weights, means, squares, averages = table.states(row, at)
            gradients = slot["gradients_pointer"].at(row * slot["columns"] + at)
            gradient = code.load_vector(gradients)
            mean, square = code.load_vector(means), code.load_vector(squares)
            mean = mean + (gradient - mean) * rest_1
            square = square * beta_2 + gradient * gradient * rest_2
            root = code.fma(code.intrinsic("sqrt", square), correction, epsilon)
            kept = ones - decay * code.load_vector(slot["decay_pointer"].at(at))
            weight = code.load_vector(weights) * kept - rate * (mean / root)
            code.store_vector(code.zeros(), gradients)
            code.store_vector(weight, weights)
            code.store_vector(mean, means)
            code.store_vector(square, squares)
            if averaging:
                average = code.load_vector(averages)
                (average,) = _averaged(code, [average], [weight], share)
                code.store_vector(average, averages)

    def one_row(row: Value, updated: Value) -> None:
        def columns() -> None:
            _in_groups(code, slot["columns"], lambda at, size: some(row, at, size))
            code.store(before + 1, updated)

        # A row that comes again in this step has taken it.
        code.when(code.load(updated) < before + 1, columns)

    table.each_row(one_row)
    code.end()


def _parts(
    values: Sequence[Value], vectors: int
) -> tuple[Value, list[Value], list[Value], list[Value]]:
    """One value, and three times so many."""
    first, *rest = values
    return first, rest[:vectors], rest[vectors : 2 * vectors], rest[2 * vectors :]


def _averaged(
    code: Code, averages: Sequence[Value], weights: Sequence[Value], share: Value
) -> list[Value]:
    """The running averages with the weights taken in."""
    return [
        average + (weight - average) * code.splat(share)
        for average, weight in zip(averages, weights, strict=True)
    ]


def _in_groups(code: Code, columns: Value, body: Callable[[Value, int], object]) -> None:
    """`body(column, vectors)` for all columns, as many vectors at once as registers hold."""
    vectors = code.tile.vectors
    whole = columns / (vectors * LANES) * (vectors * LANES)
    code.each(0, whole, lambda column: body(column, vectors), step=vectors * LANES)
    if vectors > 1:
        code.each(whole, columns, lambda column: body(column, 1), step=LANES)


def _power(code: Code, base: Value, exponent: Value) -> Value:
    """A number to the power of a whole number below 2^32, by squaring."""

    def bit(index: Value, values: list[Value]) -> list[Value]:
        result, square, left = values
        half = left / 2
        odd = left - half * 2
        return [code.select(odd > 0, result * square, result), square * square, half]

    one = code.lift(1.0, code.scalar)
    stop = code.select(exponent > 0, code.integer(32), code.integer(0))
    result, _, _ = code.repeat(0, stop, bit, [one, base, exponent])
    return result
