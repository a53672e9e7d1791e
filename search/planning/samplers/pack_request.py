"""What every sampler is asked, and what it must answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from spaces.domains import Domain
from spaces.vocabulary import Value

from ..outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class PackRequest:
    """The next pack of a study, and all that its suggestions may depend on."""

    space: Mapping[str, Domain]
    """By name, in alphabetical order: the order of keys in the spec changes nothing."""
    first: int
    """The number of the pack's first trial within the study."""
    size: int
    """The number of members."""
    seed: int
    """In [0, 2**32), of this pack alone."""
    sequence_seed: int
    """In [0, 2**63), the same for all packs of the study."""
    finished: Sequence[Outcome] = ()
    """The trials of the packs that are needed, in their order, each with every value of the space.
    None for samplers that don't learn."""
    running: Sequence[Mapping[str, Value]] = ()
    """The hyperparameters of the trials between those and this pack."""


class Sampler(Protocol):
    """Suggests the members of a pack, as a pure function of the request.

    The same request must give the same bits whenever and wherever it is made: nothing is kept from
    one call to the next, no global random state read or changed, no number of threads felt. Neither
    Optuna's log nor a warning reaches the user.
    """

    def __call__(self, request: PackRequest) -> list[dict[str, Value]]:
        """Return `request.size` members, each with a value for every name of the space."""
        ...
