"""Elementary functions of vectors, from series and fits.

All keep what is not a number as it is.
"""

import math
from functools import cache

import mpmath
from llvmlite import ir

from .code import INTEGER, Code, Value
from .registers import LANES

LOG_2 = math.log(2.0)
SHEPHERD_LAFRAMBOISE_K = 3.75


def _clamp(code: Code, x: Value, low: float, high: float) -> Value:
    x = code.select(x < low, low, x)
    return code.select(x > high, high, x)


def _reduced(code: Code, x: Value) -> tuple[Value, Value]:
    """(2^n, exp(r) - 1) with x = n log 2 + r and |r| at most half of log 2.

    exp(r) - 1 is its Taylor series, to below the rounding error.
    """
    single = code.number == "float32"
    n = code.intrinsic("rint", x * (1.0 / LOG_2))
    # log 2 in two parts, the first with so few bits that n times it is exact.
    bits = 15 if single else 41
    high = math.floor(LOG_2 * 2**bits) / 2**bits
    r = code.fma(n, -high, x)
    r = code.fma(n, -(LOG_2 - high), r)
    order = 7 if single else 14
    series = code.lift(1.0 / math.factorial(order), x.type)
    for power in reversed(range(1, order)):
        series = code.fma(series, r, 1.0 / math.factorial(power))
    integer, mantissa, bias = (ir.IntType(32), 23, 127) if single else (INTEGER, 52, 1023)
    kind = ir.VectorType(integer, LANES)
    whole = Value(code, code.builder.fptosi(n.llvm, kind))
    exponent = code.builder.shl((whole + bias).llvm, ir.Constant(kind, [mantissa] * LANES))
    return Value(code, code.builder.bitcast(exponent, x.type)), series * r


def exp(code: Code, x: Value) -> Value:
    """e^x, for x up to where it is about to overflow; further out it stays what it is there."""
    bound = 87.0 if code.number == "float32" else 708.0
    power, rest = _reduced(code, _clamp(code, x, -bound, bound))
    return code.fma(power, rest, power)


def sigmoid(code: Code, x: Value) -> tuple[Value, Value]:
    """1 / (1 + e^-x), and what is left of it to 1, precise where that is little."""
    inverse = exp(code, 0.0 - x)
    share = 1.0 / (inverse + 1.0)
    return share, inverse * share


def tanh(code: Code, x: Value) -> Value:
    """By e^(2 |x|) - 1, so that small x keep their relative precision."""
    size = code.intrinsic("fabs", x)
    power, rest = _reduced(code, _clamp(code, size * 2.0, 0.0, 40.0))
    less_one = code.fma(power, rest, power - 1.0)
    return code.intrinsic("copysign", less_one / (less_one + 2.0), x)


@cache
def _scaled_erfc_fit(degree: int) -> tuple[float, ...]:
    """Chebyshev coefficients of (1 + 2 z) e^(z^2) erfc(z) in (z - K) / (z + K), z >= 0.

    Shepherd & Laframboise 1981, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in
    0 <= x < infinity", equation 3. Taken in so many digits that every machine rounds them alike.
    """
    count = degree + 1
    with mpmath.workdps(50):
        angles = [mpmath.pi * (2 * index + 1) / (2 * count) for index in range(count)]
        values = []
        for angle in angles:
            y = mpmath.cos(angle)
            z = SHEPHERD_LAFRAMBOISE_K * (1 + y) / (1 - y)
            values.append((1 + 2 * z) * mpmath.exp(z * z) * mpmath.erfc(z))
        sums = [
            mpmath.fsum(
                value * mpmath.cos(order * angle)
                for value, angle in zip(values, angles, strict=True)
            )
            for order in range(count)
        ]
        return (float(sums[0] / count), *(float(2 * each / count) for each in sums[1:]))


def normal_distribution(code: Code, x: Value) -> tuple[Value, Value]:
    """The standard normal's distribution function at x, and its density."""
    density = exp(code, x * x * -0.5)
    z = code.intrinsic("fabs", x) * math.sqrt(0.5)
    k = SHEPHERD_LAFRAMBOISE_K
    y = (z - k) / (z + k)
    coefficients = _scaled_erfc_fit(13 if code.number == "float32" else 32)
    # Clenshaw's recurrence.
    later, last = code.lift(0.0, x.type), code.lift(0.0, x.type)
    twice = y * 2.0
    for coefficient in reversed(coefficients[1:]):
        later, last = code.fma(twice, later, coefficient) - last, later
    scaled = code.fma(y, later, coefficients[0]) - last
    tail = density * scaled * 0.5 / (z * 2.0 + 1.0)
    distribution = code.select(x > 0.0, 1.0 - tail, tail)
    return distribution, density * (1.0 / math.sqrt(2.0 * math.pi))
