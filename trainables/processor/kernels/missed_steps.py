"""Some steps that rows have missed, at most LANES of them, as one change of their numbers.

A step without a gradient takes a weight w and the running average a of a row to

    w' = k w - r m / (s c + epsilon),    a' = (1 - q) a + q w',

where m is the first moment, s the root of the second, both before the steps; k is what the decay
leaves, q the weights' share in their average, and r and c fall with the moments. That is linear in
w, a and m, so some steps one after the other are too. What the steps take off w is a sum of
A / (s c + epsilon), with factors A and c that are the same for all numbers of a row. With one c in
the middle, D = s c_middle + epsilon, and d = c / c_middle - 1 for each step, it is the series

    1 / D  sum over n of  (epsilon / D - 1)^n  sum over the steps of  A d^n,

of which `TERMS` reach the last bit where no |d| is above `spread`: one division for all steps.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .code import Code, Value
from .lanes import lane_sums
from .registers import LANES

TERMS: Mapping[str, int] = {"float32": 6, "float64": 12}
_ROUNDING: Mapping[str, float] = {"float32": 2.0**-24, "float64": 2.0**-53}


def spread(number: str) -> float:
    """The most |d| whose power of so many terms is lost in rounding."""
    return math.exp(math.log(_ROUNDING[number]) / TERMS[number])


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Vectors with a lane for each step, in their order; a lane without a step changes nothing.

    There `rates` are 0, `kept` is 1 and `shares`, which are None without an average, are 0.
    """

    code: Code
    rates: Value
    deviations: Value
    kept: Value
    shares: Value | None


@dataclass(frozen=True, kw_only=True)
class Change:
    """What some steps do together.

    w' = weight w - series(moved) m / D, and a' = average a + taken w - series(moved_average) m / D:
    what is moved is a list of the series' coefficients. The last three are None or empty without an
    average.
    """

    weight: Value
    moved: Sequence[Value]
    average: Value | None
    taken: Value | None
    moved_average: Sequence[Value]


def change_of(steps: Steps, scale: Value) -> Change:
    """The change that `steps` make, whose rates are multiplied by the number `scale`."""
    code = steps.code
    weight, average, taken = _to_the_end(steps)
    later_weight = _later(code, weight, 1, 1.0)
    terms = _powers(steps.rates * later_weight, steps.deviations, code)
    if average is None or taken is None or steps.shares is None:
        moved = _scaled_sums(code, terms, scale)
        return Change(
            weight=code.lane(weight, 0), moved=moved, average=None, taken=None, moved_average=()
        )
    later_average = _later(code, average, 1, 1.0)
    reaching = code.fma(later_average, steps.shares, _later(code, taken, 1, 0.0))
    terms_of_average = _powers(steps.rates * reaching, steps.deviations, code)
    return Change(
        weight=code.lane(weight, 0),
        moved=_scaled_sums(code, terms, scale),
        average=code.lane(average, 0),
        taken=code.lane(taken, 0),
        moved_average=_scaled_sums(code, terms_of_average, scale),
    )


def series(code: Code, coefficients: Sequence[Value], x: Value) -> Value:
    """The sum of coefficients[n] x^n, for a vector."""
    *others, total = (code.splat(each) for each in coefficients)
    for coefficient in reversed(others):
        total = code.fma(total, x, coefficient)
    return total


def _to_the_end(steps: Steps) -> tuple[Value, Value | None, Value | None]:
    """In each lane the factors of its step and all later ones: `weight`, `average`, `taken`.

    After each of four rounds those of twice as many steps.
    """
    code, weight = steps.code, steps.kept
    average = taken = None
    if steps.shares is not None:
        average, taken = 1.0 - steps.shares, steps.shares * steps.kept
    for distance in (1, 2, 4, 8):
        if average is not None and taken is not None:
            later_average = _later(code, average, distance, 1.0)
            later_taken = _later(code, taken, distance, 0.0)
            taken = code.fma(later_average, taken, later_taken * weight)
            average = later_average * average
        weight = _later(code, weight, distance, 1.0) * weight
    return weight, average, taken


def _later(code: Code, vector: Value, distance: int, beyond: float) -> Value:
    """What stands so many lanes further, and `beyond` where there is none."""
    lanes = [min(lane + distance, LANES) for lane in range(LANES)]
    return code.shuffle(vector, code.lift(beyond, code.vector), lanes)


def _powers(factors: Value, deviations: Value, code: Code) -> list[Value]:
    terms = [factors]
    for _ in range(1, TERMS[code.number]):
        terms.append(terms[-1] * deviations)
    return terms


def _scaled_sums(code: Code, vectors: Sequence[Value], scale: Value) -> list[Value]:
    sums = lane_sums(code, vectors) * code.splat(scale)
    return [code.lane(sums, index) for index in range(len(vectors))]
