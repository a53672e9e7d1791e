"""The optimisers' steps over a member's weights, with the running average of the weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ...optimisers.adagrad import ADAGRAD_EPSILON
from ...optimisers.adam import BETA_1, BETA_2
from .code import Code, Value
from .registers import LANES

OPTIMISER = (
    "states_pointer",  # (S, size): weights, the optimiser's own states, their running average
    "gradients_pointer",  # (size,); size is a multiple of LANES
    "size",
    "settings_pointer",  # doubles: the learning rate, then the `settings` of `OptimiserCode`
    "schedule_pointer",  # (steps, SCHEDULE_NUMBERS) doubles, as `schedule_row` gives them
)
OF_WEIGHTS = (*OPTIMISER, "decays_pointer")  # (size,): each number's weight decay, 0 for a bias
SCHEDULE_NUMBERS = 4
"""The numbers of a row of the schedule, one for each step."""


Betas = tuple[float, float]
"""What a step of Adam keeps of each moment."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """What an optimiser reads to change some of the weights: vectors, all of one place.

    `rate` is the learning rate at this step, `numbers` what `OptimiserCode.step_numbers` gave for
    the step, `settings` the member's.
    """

    weight: Value
    gradient: Value
    states: Sequence[Value]
    rate: Value
    numbers: Sequence[Value]
    settings: Sequence[Value]


@dataclass(frozen=True, kw_only=True)
class OptimiserCode:
    """How an optimiser's step is computed.

    `states` counts its own states, `settings` names its settings beside the learning rate, a weight
    decay the last. `update(code, update)` gives the new weight and the new states.
    `step_numbers(step, factor, betas)` gives the factor that the learning rate is multiplied with
    at a step (from 0) where the schedule's is `factor`, and up to two more.
    """

    states: int
    settings: tuple[str, ...] = ()
    step_numbers: Callable[[int, float, Betas], tuple[float, ...]] = lambda step, factor, _: (
        factor,
    )
    update: Callable[[Code, Update], tuple[Value, list[Value]]]


def _adam_numbers(step: int, factor: float, betas: Betas) -> tuple[float, float, float]:
    """With the corrections of both moments; the schedule's own factor is for the decay."""
    count, (beta_1, beta_2) = step + 1, betas
    return factor / (1.0 - beta_1**count), (1.0 - beta_2**count) ** -0.5, factor


def first_share(beta_1: float, rest_1: float) -> float:
    """The share that `faded` takes, of beta_1 and of 1 - beta_1 as the kernel's numbers have it."""
    return rest_1 if rest_1 < 0.5 else -beta_1


def faded(code: Code, mean: Value, gradient: Value, share: Value) -> Value:
    """The new first moment, counted from where it is nearer to: the other may be far larger.

    That is mean + share (gradient - mean) where the share is above 0, else gradient + the same.
    """
    return code.select(share > 0.0, mean, gradient) + (gradient - mean) * share


def _adam(code: Code, at: Update) -> tuple[Value, list[Value]]:
    mean, square = at.states
    _, share_1, beta_2, rest_2, epsilon, *_ = at.settings
    mean = faded(code, mean, at.gradient, share_1)
    square = square * beta_2 + at.gradient * at.gradient * rest_2
    root = code.intrinsic("sqrt", square) * at.numbers[0] + epsilon
    return at.weight - at.rate * (mean / root), [mean, square]


def _adamw(code: Code, at: Update) -> tuple[Value, list[Value]]:
    learning_rate, *_, weight_decay = at.settings
    kept = 1.0 - learning_rate * at.numbers[1] * weight_decay
    decayed = Update(**{**vars(at), "weight": at.weight * kept})
    return _adam(code, decayed)


def _sgd(code: Code, at: Update) -> tuple[Value, list[Value]]:
    (velocity,), (_, momentum) = at.states, at.settings
    velocity = velocity * momentum + at.gradient
    return at.weight - at.rate * velocity, [velocity]


def _adagrad(code: Code, at: Update) -> tuple[Value, list[Value]]:
    (squares,) = at.states
    squares = squares + at.gradient * at.gradient
    root = code.intrinsic("sqrt", squares) + ADAGRAD_EPSILON
    return at.weight - at.rate * (at.gradient / root), [squares]


_ADAM_SETTINGS = ("share_1", "beta_2", "rest_2", "epsilon")
"""`first_share`, and 1 - beta_2: in double precision, as near 1 little is left of it in single."""

OPTIMISER_CODE: Mapping[str, OptimiserCode] = {
    "adam": OptimiserCode(
        states=2, settings=_ADAM_SETTINGS, step_numbers=_adam_numbers, update=_adam
    ),
    "adamw": OptimiserCode(
        states=2,
        settings=(*_ADAM_SETTINGS, "weight_decay"),
        step_numbers=_adam_numbers,
        update=_adamw,
    ),
    "sgd": OptimiserCode(states=1, settings=("momentum",), update=_sgd),
    "adagrad": OptimiserCode(states=1, update=_adagrad),
}
"""The names are those of `trainables.optimisers`."""


def schedule_row(
    optimizer: str,
    step: int,
    factor: float,
    average_weight: float,
    betas: Betas = (BETA_1, BETA_2),
) -> list[float]:
    """What a member's `step` (from 0) needs of the numbers that all of one schedule share.

    `factor` is that on the learning rate, `average_weight` the new weights' share in their average.
    """
    numbers = OPTIMISER_CODE[optimizer].step_numbers(step, factor, betas)
    padding = SCHEDULE_NUMBERS - 1 - len(numbers)
    return [average_weight, *numbers, *[0.0] * padding]


def optimiser_kernel(name: str, *, of_weights: bool, averaging: bool) -> str:
    """The name of an optimiser's kernel, as `write_optimiser` takes it."""
    return f"{name}{'_of_weights' if of_weights else ''}{'_averaging' if averaging else ''}"


def write_optimiser(module: Code, name: str, *, averaging: bool, of_weights: bool = False) -> None:
    """The kernel NAME, or NAME_averaging, which takes the new weights into their average.

    Or NAME_of_weights of an optimiser whose last setting is the weight decay: there each number has
    its own. It leaves zeros in place of the gradients, for the next step's to be added to.
    """
    optimiser = OPTIMISER_CODE[name]
    full_name = optimiser_kernel(name, of_weights=of_weights, averaging=averaging)
    code, slot, step = module.kernel(full_name, OF_WEIGHTS if of_weights else OPTIMISER)
    size, gradients = slot["size"], slot["gradients_pointer"]
    weights, *own, average = (
        slot["states_pointer"].at(size * row) for row in range(optimiser.states + 2)
    )

    def splats(pointer: Value, count: int) -> list[Value]:
        return [
            code.splat(code.from_double(code.load(pointer.at(index)))) for index in range(count)
        ]

    schedule = code.doubles(slot["schedule_pointer"]).at(step * SCHEDULE_NUMBERS)
    average_weight, factor, *numbers = splats(schedule, SCHEDULE_NUMBERS)
    settings = splats(code.doubles(slot["settings_pointer"]), 1 + len(optimiser.settings))
    rate = factor * settings[0]

    def some(index: Value) -> None:
        own_settings = settings
        if of_weights:
            own_settings = [*settings[:-1], code.load_vector(slot["decays_pointer"].at(index))]
        update = Update(
            weight=code.load_vector(weights.at(index)),
            gradient=code.load_vector(gradients.at(index)),
            states=[code.load_vector(state.at(index)) for state in own],
            rate=rate,
            numbers=numbers,
            settings=own_settings,
        )
        weight, states = optimiser.update(code, update)
        code.store_vector(code.zeros(), gradients.at(index))
        code.store_vector(weight, weights.at(index))
        for state, pointer in zip(states, own, strict=True):
            code.store_vector(state, pointer.at(index))
        if averaging:
            running = code.load_vector(average.at(index))
            running = running + (weight - running) * average_weight
            code.store_vector(running, average.at(index))

    code.each(0, size, some, step=LANES)
    code.end()
