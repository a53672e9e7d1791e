"""Seeds that come from content: equal content, equal seed, on any machine and in any order."""

import hashlib
import json
from collections.abc import Iterable, Iterator

from spaces import Study
from spaces.vocabulary import FIELDS, UNSEEDED

_DIGEST_BITS = 256


def derive_seed(*, seed: int, study: Study, purpose: str, number: int, bits: int = 63) -> int:
    """Return a seed in [0, 2**bits) for one `purpose` (a word) and its `number` within a study.

    It is the head of the SHA-256 of the canonical JSON of seed, grid values, task, purpose and
    number, so it depends neither on the order of keys nor on what other studies there are. What of
    the task has its default, or is null, is left out: a field that a later release adds changes no
    seed. So is the place of a table, whose fingerprint says what it holds, and what else changes
    nothing that is trained.

    Raises:
        ValueError: if `bits` is not between 1 and 256, or a value is NaN or infinite.
        TypeError: if a value has no JSON form (a NumPy number, say).
    """
    return next(derive_seeds(seed=seed, study=study, purpose=purpose, numbers=[number], bits=bits))


def derive_seeds(
    *, seed: int, study: Study, purpose: str, numbers: Iterable[int], bits: int = 63
) -> Iterator[int]:
    """Give the seed that `derive_seed` returns for each of many numbers, in a microsecond each."""
    if not 1 <= bits <= _DIGEST_BITS:
        raise ValueError(f"bits must be between 1 and {_DIGEST_BITS}; got {bits}")
    # The same with a seed in the grid as with that seed at the top of the spec.
    grid = {name: value for name, value in study.grid.items() if name != "seed"}
    task = {
        name: value
        for name, value in study.task.items()
        if value is not None and value != FIELDS[name].default and name not in UNSEEDED
    }
    # The canonical JSON of all of it, whose keys are sorted, up to the number and after it.
    begun = hashlib.sha256(f'{{"grid":{_canonical(grid)},"number":'.encode())
    rest = f',"purpose":{_canonical(purpose)},"seed":{_canonical(seed)},"task":{_canonical(task)}}}'
    for number in numbers:
        digest = begun.copy()
        digest.update(f"{number:d}{rest}".encode())
        yield int.from_bytes(digest.digest(), "big") >> (_DIGEST_BITS - bits)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
