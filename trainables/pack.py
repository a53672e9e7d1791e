"""What the driver sends to a worker: a pack of members to be trained together."""

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

Phase = Literal["search", "confirm"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be learned: the dot product of two random vectors.

    `scale` is the standard deviation of every entry of the inputs, `label_noise_std` that of the
    normal noise on the training labels (evaluation labels carry none).
    """

    dimension: int
    target: str = "dot"
    inputs: str = "normal"
    scale: float = 1.0
    label_noise_std: float = 0.0
    data: str = "stream"


@dataclass(frozen=True, kw_only=True)
class Halving:
    """Successive halving inside a pack.

    At `grace_period * reduction_factor**i` steps the best `1 / reduction_factor` of the members
    alive go on, at least `min_survivors` of them (Jamieson & Talwalkar 2016, arXiv 1502.07943).
    """

    grace_period: int
    reduction_factor: int
    min_survivors: int


@dataclass(frozen=True, kw_only=True)
class Member:
    """One network of a pack: its hyperparameters and its seeds.

    `depth` counts hidden layers (0: one linear layer), `width` the units in each of them.
    Members with equal `data_seed` see the same batches, step by step.
    """

    trial: int
    replicate: int
    multiplication: bool
    depth: int
    width: int
    learning_rate: float
    activation: str
    optimizer: str
    schedule: str
    initialisation_seed: int
    data_seed: int
    evaluation_seed: int

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """The units of each hidden layer, from the input to the output."""
        return (self.width,) * self.depth

    def input_size(self, dimension: int) -> int:
        """The number of inputs: [a, b], or [a, b, a * b] with the multiplication input."""
        return dimension * (3 if self.multiplication else 2)

    def parameters(self, dimension: int) -> int:
        """The number of trainable parameters, weights and biases."""
        sizes = (self.input_size(dimension), *self.layer_sizes, 1)
        return sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(sizes))


@dataclass(frozen=True, kw_only=True)
class Pack:
    """Members of one study that one worker trains together, on `steps` batches."""

    search: str
    study: str
    number: int
    phase: Phase
    steps_factor: int
    task: Task
    batch_size: int
    steps: int
    halving: Halving | None
    tf32: bool = False
    """Whether matrix products in training may round their factors to TF32, on GPUs that can."""
    members: tuple[Member, ...]

    def to_plain(self) -> dict[str, Any]:
        """The pack as dicts, lists and scalars, for a message between processes."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The pack that `to_plain` described."""
        halving = plain["halving"]
        return cls(
            **{
                **plain,
                "task": Task(**plain["task"]),
                "halving": None if halving is None else Halving(**halving),
                "members": tuple(Member(**member) for member in plain["members"]),
            }
        )
