"""Numbers in the few characters that a table has for them."""


def short_number(value: float | None) -> str:
    """Two digits of a float, a whole number as it is, a dash for none.

    >>> short_number(0.01234), short_number(2.5e-7), short_number(64), short_number(None)
    ('0.012', '2.5e-07', '64', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, int):
        return str(value)
    return f"{value:.2g}" if value >= 0.001 or value == 0 else f"{value:.1e}"
