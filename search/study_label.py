"""Short names of studies, for the places where people read them."""

SHORT_KEYS = {"dimension": "d", "multiplication": "mult"}
SHORT_VALUES = {"true": "yes", "false": "no"}


def study_label(study: str, separator: str = " ") -> str:
    """The study's name, shortened.

    >>> study_label("dimension=8,multiplication=false")
    'd=8 mult=no'
    """
    pairs = (pair.split("=", 1) for pair in study.split(","))
    return separator.join(
        f"{SHORT_KEYS.get(key, key)}={SHORT_VALUES.get(value, value)}" for key, value in pairs
    )
