"""A number of things, in words."""


def counted(number: int, one: str, more: str = "") -> str:
    """A number with the noun, of one thing or of several.

    >>> counted(1, "study", "studies"), counted(1200, "trial")
    ('1 study', '1,200 trials')
    """
    return f"{number:,} {one if number == 1 else more or one + 's'}"
