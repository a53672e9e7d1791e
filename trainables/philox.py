"""Random words that are a function of where they stand: Philox4x32-10, in plain torch.

Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3. It
has no state: a counter says which words are meant, a key whose they are.
"""

from collections.abc import Sequence

from torch import Tensor

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
WORDS = 4
"""Of a counter, and of what is made of it."""
WORD = 2**32 - 1
"""All bits of a word."""


def philox(counter: Sequence[Tensor], seed: int) -> list[Tensor]:
    """The four random words of a counter of four, each a tensor of int64, all of one shape.

    The key are the two words of `seed`, a number below 2^64, the lower one first.
    """
    a, b, c, d = counter
    keys = [seed & WORD, seed >> 32]
    for _ in range(ROUNDS):
        # A product may be more than a signed number holds: its bits are right all the same.
        product, other = MULTIPLIERS[0] * a, MULTIPLIERS[1] * c
        a, c = (other >> 32) & WORD ^ b ^ keys[0], (product >> 32) & WORD ^ d ^ keys[1]
        b, d = other & WORD, product & WORD
        keys = [(key + more) & WORD for key, more in zip(keys, KEY_STEPS, strict=True)]
    return [a, b, c, d]
