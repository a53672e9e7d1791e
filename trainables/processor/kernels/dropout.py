"""Dropout of a layer's outputs, and of the derivatives by them, by words made where they fall.

The words are those of `families.dropout`, the plain module: Philox4x32-10 (`philox`), with the same
counter and key. For the derivatives they are made again: so none are kept.
"""

from collections.abc import Sequence

from ...philox import KEY_STEPS, MULTIPLIERS, ROUNDS, WORD, WORDS
from .code import PANEL, Code, Value
from .registers import LANES

DROPOUT = (
    "inputs_pointer",  # (panels, U, PANEL)
    "outputs_pointer",  # the same; the memory may be that of the inputs
    "units",
    "panels",
    "first",  # the place in the batch of the first pair
    "layer",
    "seed",
    "done_pointer",  # (1,) integers: the steps before the first of a call of `run`
    "threshold",  # a unit is dropped whose word is below it
    "scale",  # the bits of a double: what other units are multiplied with
)


def write_dropout(module: Code) -> None:
    """The kernel `dropout`: outputs = inputs * (0 or scale)."""
    code, slot, step = module.kernel("dropout", DROPOUT)
    units, scale = slot["units"], code.splat(code.bits_as_double(slot["scale"]))
    threshold = code.splat(slot["threshold"])
    keys = _keys(slot["seed"])
    number = code.load(code.integers(slot["done_pointer"])) + step
    fixed = [code.splat(each & WORD) for each in (slot["layer"], number)]

    def vector(panel: Value, group: Value, first: Value) -> None:
        """Of four units in a row the pairs of a panel from `first` on."""
        pairs = code.lanes_from(slot["first"] + panel * PANEL + first) & WORD
        words = _philox(code, [pairs, code.splat(group & WORD), *fixed], keys)
        for word, random in enumerate(words):
            unit = group * WORDS + word
            place = (panel * units + unit) * PANEL + first

            def one(place: Value = place, random: Value = random) -> None:
                factor = code.select(random < threshold, 0.0, scale)
                values = code.load_vector(slot["inputs_pointer"].at(place))
                code.store_vector(values * factor, slot["outputs_pointer"].at(place))

            code.when(unit < units, one)

    def vectors(panel: Value, group: Value) -> None:
        pairs = code.integer(PANEL)
        code.each(0, pairs, lambda first: vector(panel, group, first), step=LANES)

    def groups(panel: Value) -> None:
        code.each(0, (units + WORDS - 1) / WORDS, lambda group: vectors(panel, group))

    code.each(0, slot["panels"], groups)
    code.end()


def _keys(seed: Value) -> list[list[Value]]:
    """The two words of each round's key."""
    keys = [[seed & WORD, seed >> 32]]
    for _ in range(ROUNDS - 1):
        keys.append([(key + more) & WORD for key, more in zip(keys[-1], KEY_STEPS, strict=True)])
    return keys


def _philox(code: Code, counter: Sequence[Value], keys: Sequence[Sequence[Value]]) -> list[Value]:
    """Four random words of a counter of four, each a vector of integers below 2^32."""
    a, b, c, d = counter
    for key, other_key in keys:
        product, other = a * MULTIPLIERS[0], c * MULTIPLIERS[1]
        a, c = (other >> 32) ^ b ^ code.splat(key), (product >> 32) ^ d ^ code.splat(other_key)
        b, d = other & WORD, product & WORD
    return [a, b, c, d]
