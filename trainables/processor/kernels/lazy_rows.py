"""Adam and AdamW over the rows of a table, of which a step reads a few.

Dense Adam moves every row at every step: one whose gradient is zero goes on by its moments, and is
decayed. But its path is known, so it is walked when the row is next read, many steps at once: j
steps after the last gradient the moments are m b1^j and v b2^j, and sqrt(v b2^j) is
sqrt(v) sqrt(b2)^j (`missed_steps.py`). What comes out is dense Adam's up to rounding.

`catch_up` walks the rows that a step reads, up to the step; `row_update` then takes the step for
them. A row may come several times in a step. The last columns may be biases, which are not decayed.
Legend: R rows, C columns, a multiple of LANES.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from .code import Code, Value
from .missed_steps import Change, Steps, change_of, series, spread
from .optimiser_code import faded
from .registers import LANES

ROWS = (
    "states_pointer",  # (S, R, C): weights, first moment, second moment, average of the weights
    "rows",
    "columns",
    "updated_pointer",  # R integers: the steps that each row has behind it
    "indices_pointer",  # (steps, indices_step_stride) integers: the rows that a step reads
    "indices_step_stride",
    "count",  # how many of them
    "settings_pointer",  # doubles: LAZY_SETTINGS
    "schedule_pointer",  # (LAZY_NUMBERS, all steps and more), as `lazy_schedule_row` gives them
    "schedule_stride",  # all steps and LANES more
    "done_pointer",  # an integer: the steps done before step 0 of a call
    "decayed",  # the first columns, which are decayed: C where all are
)
CATCH_UP = (
    *ROWS,
    "powers_pointer",  # (2, LANES): beta_1, and the root of beta_2, to the power of 1, 2, ...
    "lasting",  # steps without a gradient after which a row's moments move it no more
    "together",  # the most steps that are walked at once: their factors of the root are near
)
ROW_UPDATE = (*ROWS, "gradients_pointer")  # (R, C), which are left zero
LAZY_SETTINGS = (
    "learning_rate",
    "beta_1",
    "beta_2",
    "share_1",  # `first_share`
    "rest_2",  # what a step takes of the new gradient's square: 1 - beta_2
    "epsilon",
    "weight_decay",
)
LAZY_NUMBERS = 4
AHEAD = 4
"""A row is asked for while so many before it are walked: few, as misses in flight are few."""


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
        """Where those of a step are, before those of later ones.

        The average's share, the rate's factor, the root's correction, the factor of the decay.
        """
        slot = self.slot
        first, stride = slot["schedule_pointer"].at(step), slot["schedule_stride"]
        return [first.at(stride * index) for index in range(LAZY_NUMBERS)]

    def each_row(
        self,
        body: Callable[[Value, Value], object],
        ahead: Callable[[Value], object] = lambda row: None,
    ) -> None:
        """`body(row, updated)` for the rows that the step reads, in their order.

        And `ahead(row)` for a row that comes soon.
        """
        code, slot = self.code, self.slot
        indices = code.integers(slot["indices_pointer"]).at(self.step * slot["indices_step_stride"])
        updated = code.integers(slot["updated_pointer"])

        def one(index: Value) -> None:
            ahead(code.load(indices.at(code.least(index + AHEAD, slot["count"] - 1))))
            row = code.load(indices.at(index))
            body(row, updated.at(row))

        code.each(0, slot["count"], one)

    def states(self, row: Value, column: Value) -> list[Value]:
        """Where the row's numbers from `column` on are: of all four states."""
        slot = self.slot
        first = row * slot["columns"] + column
        size = slot["rows"] * slot["columns"]
        return [slot["states_pointer"].at(size * state + first) for state in range(4)]

    @property
    def wholly_decayed(self) -> Value:
        """The columns in vectors that are decayed in every lane."""
        decayed, columns = self.slot["decayed"], self.slot["columns"]
        return self.code.select(decayed < columns, decayed / LANES * LANES, columns)

    def where_decayed(self, column: Value, yes: Value, no: Value | float) -> Value:
        """A vector from `column` on: `yes` in the columns that are decayed, `no` in others."""
        code = self.code
        inside = code.lanes_from(column) < code.splat(self.slot["decayed"])
        return code.select(inside, yes, no)


def write_catch_up(module: Code, *, averaging: bool) -> None:
    """The kernel `catch_up`, or `catch_up_averaging`, which walks the average of the weights too.

    Past `lasting` steps only what is left is walked: the decay, and the average.
    """
    code, slot, step = module.kernel("catch_up_averaging" if averaging else "catch_up", CATCH_UP)
    table = _Table(code, slot, step)
    before, columns, whole = table.before, slot["columns"], table.wholly_decayed
    beta_1, beta_2 = table.setting("beta_1"), table.setting("beta_2")
    learning_rate, epsilon = table.setting("learning_rate"), table.setting("epsilon")
    decay = learning_rate * table.setting("weight_decay")
    powers_1 = slot["powers_pointer"]
    powers_2 = powers_1.at(LANES)
    one, nothing = code.lift(1.0, code.scalar), code.zeros()

    def steps_from(at: Value, count: Value, middle: Value) -> Steps:
        """`count` steps from `at` on, whose factor of the root is `middle` in their middle."""
        inside = code.lanes_from(code.integer(0)) < code.splat(count)
        shares, rates, corrections, decays = (
            code.select(inside, code.load_vector(place), nothing) for place in table.numbers(at)
        )
        roots = corrections * code.load_vector(powers_2)
        return Steps(
            code=code,
            rates=rates * code.load_vector(powers_1),
            deviations=code.fma(roots, code.splat(one / middle), -1.0),
            kept=1.0 - decays * code.splat(decay),
            shares=shares if averaging else None,
        )

    def without_decay(steps: Steps) -> Steps:
        return replace(steps, kept=code.lift(1.0, code.vector))

    def changed(
        row: Value, column: Value, change: Change, root_factor: Value | None
    ) -> tuple[Value, Value | None]:
        """A vector of weights, and of their average, after `change`."""
        weights, means, squares, averages = table.states(row, column)
        weight = code.load_vector(weights)
        new = weight * code.splat(change.weight)
        average = None
        if change.average is not None and change.taken is not None:
            kept = code.load_vector(averages) * code.splat(change.average)
            average = code.fma(weight, code.splat(change.taken), kept)
        if root_factor is not None:
            root = code.intrinsic("sqrt", code.load_vector(squares))
            epsilons = code.splat(epsilon)
            inverse = 1.0 / code.fma(root, code.splat(root_factor), epsilons)
            x = code.fma(epsilons, inverse, -1.0)
            mean = 0.0 - code.load_vector(means) * inverse
            new = code.fma(mean, series(code, change.moved, x), new)
            if average is not None:
                average = code.fma(mean, series(code, change.moved_average, x), average)
        return new, average

    def put(row: Value, column: Value, new: Value, average: Value | None) -> None:
        weights, _, _, averages = table.states(row, column)
        code.store_vector(new, weights)
        if average is not None:
            code.store_vector(average, averages)

    def apply(row: Value, steps: Steps, scale: Value, root_factor: Value | None) -> None:
        """Take a row `steps` on; without a factor of the root, its moments don't move it."""
        change = change_of(steps, scale)

        def some(column: Value) -> None:
            put(row, column, *changed(row, column, change, root_factor))

        def others() -> None:
            undecayed = change_of(without_decay(steps), scale)

            def mixed(column: Value) -> None:
                new, average = changed(row, column, change, root_factor)
                other, other_average = changed(row, column, undecayed, root_factor)
                if average is not None and other_average is not None:
                    average = table.where_decayed(column, average, other_average)
                put(row, column, table.where_decayed(column, new, other), average)

            code.each(whole, columns, mixed, step=LANES)

        code.each(0, whole, some, step=LANES)
        code.when(whole < columns, others)

    def walk(row: Value, first: Value, lead: Value) -> list[Value]:
        """By the moments; what is left of both, the second's root, is returned."""

        def some(at: Value, left: list[Value]) -> tuple[Value, list[Value]]:
            left_1, left_2 = left
            corrections = table.numbers(at)[2]
            most = code.least(lead - at, slot["together"])
            begin = code.load(corrections) * code.load(powers_2)
            end = code.load(corrections.at(most - 1)) * code.load(powers_2.at(most - 1))
            middle = (begin + end) * 0.5
            near = begin - end < middle * (2 * spread(code.number))
            count = code.select(near, most, code.integer(1))
            middle = code.select(near, middle, begin)
            steps = steps_from(at, count, middle)
            apply(row, steps, learning_rate * left_1, middle * left_2)
            last = count - 1
            return at + count, [
                left_1 * code.load(powers_1.at(last)),
                left_2 * code.load(powers_2.at(last)),
            ]

        return code.advance(first, lead, some, [one, one])

    def drift(row: Value, lead: Value) -> None:
        """Without the moments."""

        def some(at: Value, _: list[Value]) -> tuple[Value, list[Value]]:
            count = code.least(before - at, LANES)
            apply(row, steps_from(at, count, one), one, None)
            return at + count, []

        code.advance(lead, before, some)

    def ahead(row: Value) -> None:
        """Ask for a row that comes soon: it has been out of the cache for long."""

        def some(column: Value) -> None:
            for place in table.states(row, column)[: 4 if averaging else 3]:
                code.prefetch(place)

        code.each(0, columns, some, step=LANES)

    def one_row(row: Value, updated: Value) -> None:
        first = code.load(updated)

        def late() -> None:
            lead = code.least(before, first + slot["lasting"])
            left_1, left_2 = walk(row, first, lead)
            if averaging:
                drift(row, lead)
            else:
                code.when(decay > 0.0, lambda: drift(row, lead))
            left = before - lead
            mean_left = code.splat(left_1 * _power(code, beta_1, left))
            square_left = code.splat(left_2 * left_2 * _power(code, beta_2, left))

            def moments(column: Value) -> None:
                _, means, squares, _ = table.states(row, column)
                code.store_vector(code.load_vector(means) * mean_left, means)
                code.store_vector(code.load_vector(squares) * square_left, squares)

            code.each(0, columns, moments, step=LANES)
            code.store(before, updated)

        code.when(first < before, late)

    table.each_row(one_row, ahead)
    code.end()


def write_row_update(module: Code, *, averaging: bool) -> None:
    """The kernel `row_update`, or `row_update_averaging`: the step of rows that are caught up.

    It leaves zeros in place of their gradients.
    """
    name = "row_update_averaging" if averaging else "row_update"
    code, slot, step = module.kernel(name, ROW_UPDATE)
    table = _Table(code, slot, step)
    before = table.before
    share_1, rest_2 = (code.splat(table.setting(each)) for each in ("share_1", "rest_2"))
    beta_2, epsilon = (code.splat(table.setting(each)) for each in ("beta_2", "epsilon"))
    share, rate, correction, decay = (code.load(each) for each in table.numbers(before))
    learning_rate = table.setting("learning_rate")
    rates, corrections = code.splat(rate * learning_rate), code.splat(correction)
    kept = code.splat(1.0 - decay * (learning_rate * table.setting("weight_decay")))
    shares, whole = code.splat(share), table.wholly_decayed

    def some(row: Value, column: Value, kept: Value) -> None:
        weights, means, squares, averages = table.states(row, column)
        gradients = slot["gradients_pointer"].at(row * slot["columns"] + column)
        gradient = code.load_vector(gradients)
        mean, square = code.load_vector(means), code.load_vector(squares)
        mean = faded(code, mean, gradient, share_1)
        square = square * beta_2 + gradient * gradient * rest_2
        root = code.fma(code.intrinsic("sqrt", square), corrections, epsilon)
        weight = code.load_vector(weights) * kept - rates * (mean / root)
        code.store_vector(code.zeros(), gradients)
        code.store_vector(weight, weights)
        code.store_vector(mean, means)
        code.store_vector(square, squares)
        if averaging:
            average = code.load_vector(averages)
            code.store_vector(average + (weight - average) * shares, averages)

    def mixed(row: Value, column: Value) -> None:
        some(row, column, table.where_decayed(column, kept, 1.0))

    def one_row(row: Value, updated: Value) -> None:
        def columns() -> None:
            code.each(0, whole, lambda column: some(row, column, kept), step=LANES)
            code.each(whole, slot["columns"], lambda column: mixed(row, column), step=LANES)
            code.store(before + 1, updated)

        # A row that comes again in this step has taken it.
        code.when(code.load(updated) < before + 1, columns)

    table.each_row(one_row)
    code.end()


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
