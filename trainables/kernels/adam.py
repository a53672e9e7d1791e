"""Adam over a member's weights (Kingma & Ba 2015, arXiv 1412.6980), with their running average."""

from .code import Code, Value
from .registers import LANES

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8

ADAM = (
    "weights_pointer",  # (size,), like all that follow; size is a multiple of LANES
    "gradients_pointer",
    "first_moment_pointer",
    "second_moment_pointer",
    "average_pointer",
    "size",
    "learning_rate",  # the bits of a double
    "schedule_pointer",  # (steps, SCHEDULE_NUMBERS) doubles, as `schedule_row` gives them
)
SCHEDULE_NUMBERS = 3
"""The numbers of a row of the schedule, one for each step."""


def schedule_row(step: int, factor: float, average_weight: float) -> tuple[float, float, float]:
    """What `step` (from 0) needs, corrections of both moments included.

    `factor` is that on the learning rate, `average_weight` the new weights' share in their average.
    """
    count = step + 1
    return factor / (1.0 - BETA_1**count), (1.0 - BETA_2**count) ** -0.5, average_weight


def write_adam(module: Code, *, averaging: bool) -> None:
    """The kernel `adam`, or `adam_averaging`, which takes the new weights into their average.

    It leaves zeros in place of the gradients, for the next step's to be added to.
    """
    name = "adam_averaging" if averaging else "adam"
    code, slot, step = module.kernel(name, ADAM)
    weights, gradients, first, second, average, size, learning_rate, schedule = slot.values()
    row = code.doubles(schedule).at(step * SCHEDULE_NUMBERS)
    factor, correction, average_weight = (
        code.splat(code.from_double(code.load(row.at(index)))) for index in range(SCHEDULE_NUMBERS)
    )
    rate = factor * code.splat(code.bits_as_double(learning_rate))

    def some(index: Value) -> None:
        gradient = code.load_vector(gradients.at(index))
        mean, square = code.load_vector(first.at(index)), code.load_vector(second.at(index))
        mean = mean + (gradient - mean) * (1.0 - BETA_1)
        square = square * BETA_2 + gradient * gradient * (1.0 - BETA_2)
        root = code.intrinsic("sqrt", square) * correction + EPSILON
        weight = code.load_vector(weights.at(index)) - rate * (mean / root)
        code.store_vector(code.zeros(), gradients.at(index))
        code.store_vector(mean, first.at(index))
        code.store_vector(square, second.at(index))
        code.store_vector(weight, weights.at(index))
        if averaging:
            running = code.load_vector(average.at(index))
            running = running + (weight - running) * average_weight
            code.store_vector(running, average.at(index))

    code.each(0, size, some, step=LANES)
    code.end()
