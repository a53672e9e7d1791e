"""How many factors an embedding gets where nobody says it."""

MOST_FACTORS = 600


def emb_sz_rule(categories: int) -> int:
    """The factors of an embedding of so many categories: 1.6 n^0.56, at most 600.

    fast.ai's rule of thumb, under its name there. `categories` counts the extra one for what was
    never seen in training (`#na#`): of two sexes it is 3, of three classes of passengers 4.

    Raises ValueError for less than one category.

    >>> emb_sz_rule(3), emb_sz_rule(4), emb_sz_rule(944), emb_sz_rule(10**6)
    (3, 3, 74, 600)
    """
    if categories < 1:
        raise ValueError(
            f"an embedding has at least one category; received {categories}: "
            "count the different values, and one for what was never seen"
        )
    factors: float = 1.6 * categories**0.56
    return min(MOST_FACTORS, round(factors))
