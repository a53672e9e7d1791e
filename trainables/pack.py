"""What the driver sends to a worker: a pack of members to be trained together."""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

from spaces.vocabulary import Phase


class PackKey(NamedTuple):
    """What names a pack of a search."""

    study: str
    phase: Phase
    number: int
    """Of the pack among those of its phase, from 0."""

    def __str__(self) -> str:
        """The pack within its study, in words."""
        return f"{'' if self.phase == 'search' else 'confirm '}pack {self.number}"


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be learned: a function of two random vectors, or a table of ratings.

    `scale` is the standard deviation of every entry of the inputs, `label_noise_std` that of the
    normal noise on the training labels (evaluation labels carry none). What vectors are like, from
    `dimension` to `label_noise_std`, is None with a table, where nothing asks for it.
    """

    dimension: int
    target: str = "dot"
    inputs: str = "normal"
    scale: float = 1.0
    label_noise_std: float = 0.0
    data: str = "stream"
    pairs: int | None = None
    """That all epochs go through; None where every step has fresh pairs."""
    users: int | None = None
    """Vectors of a pool that are the first of its pairs, or users in a table's training pairs;
    None without either, as the next."""
    items: int | None = None
    pairs_per_user: int | None = None
    """All pairs of a pool over its users, those to test on among them."""
    table: str | None = None
    """Path or URI of a table; None with other data, as the seven below."""
    user: str | None = None
    """The name of the table's column, as in the next three."""
    item: str | None = None
    rating: str | None = None
    timestamp: str | None = None
    """None where the table is split at random."""
    split_seed: int | None = None
    fingerprint: str | None = None
    """Of what the table holds."""
    ranking: bool | None = None
    """Whether members that complete are also judged by how they rank items."""
    shuffle: bool | None = None

    def steps_per_epoch(self, batch_size: int) -> int | None:
        """The batches that hold every pair at least once; None where the pairs never end."""
        return None if self.pairs is None else -(-self.pairs // batch_size)


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """Ends a member whose train loss has not fallen: what `early_stops.EarlyStops` follows."""

    patience: int
    min_delta: float


@dataclass(frozen=True, kw_only=True)
class Halving:
    """Successive halving inside a pack: what `stop_rules.SuccessiveHalving` follows."""

    grace_period: int
    reduction_factor: int
    min_survivors: int


@dataclass(frozen=True, kw_only=True)
class Member:
    """One network of a pack: its hyperparameters and its seeds.

    `hyperparameters` holds every one that the members of a pack need not share, by its name; those
    of the model are read by its family, those of training here. Members with equal `data_seed` see
    the same batches, step by step.
    """

    trial: int
    replicate: int
    hyperparameters: Mapping[str, Any] = field(hash=False)
    initialisation_seed: int
    data_seed: int
    evaluation_seed: int

    @property
    def optimizer(self) -> str:
        """The optimiser's name."""
        return str(self.hyperparameters["optimizer"])

    @property
    def schedule(self) -> str:
        """The name of the learning rate's course over the steps."""
        return str(self.hyperparameters["schedule"])

    @property
    def learning_rate(self) -> float:
        """The peak learning rate of the schedule."""
        return float(self.hyperparameters["learning_rate"])


@dataclass(frozen=True, kw_only=True)
class Pack:
    """Members of one study that one worker trains together, on `steps` batches."""

    search: str
    study: str
    seed: int = 0
    """Of the search, for its rows: the members have their own."""
    phase: Phase
    number: int
    steps_factor: int
    task: Task
    batch_size: int
    steps: int
    halving: Halving | None
    early_stopping: EarlyStopping | None = None
    tf32: bool = False
    """Whether matrix products in training may round their factors to TF32, on GPUs that can."""
    members: tuple[Member, ...]

    @property
    def key(self) -> PackKey:
        """What names the pack in its search."""
        return PackKey(self.study, self.phase, self.number)

    def to_plain(self) -> dict[str, Any]:
        """The pack as dicts, lists and scalars."""
        return asdict(self)

    def to_text(self) -> str:
        """The pack for a message between processes: compressed, as Tune keeps several copies."""
        plain = json.dumps(self.to_plain(), separators=(",", ":"))
        return base64.b64encode(zlib.compress(plain.encode())).decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The pack that `to_text` wrote."""
        plain = json.loads(zlib.decompress(base64.b64decode(text)))
        halving, early_stopping = plain["halving"], plain["early_stopping"]
        return cls(
            **{
                **plain,
                "task": Task(**plain["task"]),
                "halving": None if halving is None else Halving(**halving),
                "early_stopping": early_stopping and EarlyStopping(**early_stopping),
                "members": tuple(Member(**member) for member in plain["members"]),
            }
        )
