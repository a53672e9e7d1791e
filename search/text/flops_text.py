"""Floating-point operations as people read them."""

_PREFIXES = ((1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP"), (1e3, "kFLOP"))


def flops_text(flops: float) -> str:
    """Floating-point operations in the unit that leaves few digits.

    >>> flops_text(4.2e12), flops_text(950.0)
    ('4.2 TFLOP', '950 FLOP')
    """
    size, unit = next(((size, unit) for size, unit in _PREFIXES if flops >= size), (1.0, "FLOP"))
    return f"{flops / size:.3g} {unit}"
