"""The scale of the inputs at which labels have a given spread."""


def scale_of(label_std: float, dimension: int) -> float:
    """The standard deviation of an entry at which that of the dot product is `label_std`.

    A sum of `dimension` products of independent entries: Var(y) = dimension * scale**4.

    >>> scale_of(0.8, 16) ** 4 * 16  # doctest: +ELLIPSIS
    0.64...
    """
    return float((label_std**2 / dimension) ** 0.25)
