"""Write a made-up table of 100,000 ratings, 1 to 5, by 943 users of 1,682 items.

python docs/write_ratings.py ratings.csv

Few users rate much and few items are rated often, as in real ones. A rating is the mean of all,
plus how kind the user is, how good the item is, and how the two go together (the dot product of
vectors of 6 numbers), plus noise, rounded.
"""

import sys

import numpy
import pandas

USERS, ITEMS, RATINGS, NUMBERS = 943, 1682, 100_000, 6


def ratings() -> pandas.DataFrame:
    """The table, always the same."""
    drawn = numpy.random.default_rng(1)
    weights = numpy.outer(drawn.lognormal(0, 1, USERS), drawn.lognormal(0, 1.4, ITEMS)).ravel()
    pairs = drawn.choice(len(weights), RATINGS, replace=False, p=weights / weights.sum())
    users, items = pairs // ITEMS, pairs % ITEMS
    of_users, of_items = (drawn.normal(size=(number, NUMBERS)) for number in (USERS, ITEMS))
    together = (of_users[users] * of_items[items]).sum(1) / NUMBERS**0.5
    exact = 3.53 + 0.43 * drawn.normal(size=USERS)[users] + 0.5 * drawn.normal(size=ITEMS)[items]
    exact += 0.45 * together
    rounded = numpy.rint(exact + 0.85 * drawn.normal(size=RATINGS)).clip(1, 5).astype(int)
    return pandas.DataFrame({"user": users + 1, "item": items + 1, "rating": rounded})


if __name__ == "__main__":
    ratings().to_csv(sys.argv[1], index=False)
