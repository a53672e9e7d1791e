"""Packs for the tests, and a Hypothesis strategy of members."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies

from spaces.vocabulary import MEMBER_HYPERPARAMETERS, layers_of
from trainables import EarlyStopping, Halving, Member, Pack, Task

ACTIVATIONS = ("relu", "gelu", "silu", "tanh")
SCHEDULES = ("constant", "cosine", "linear", "one_cycle")
OPTIMISERS = ("adam", "adamw", "sgd", "adagrad")
BY_HAND = ("constructed", "folded")
"""Initialisations of ReLU networks without products, for the dot product of normal vectors.

(Others begin without an error: what trains them then is rounding.)
"""
DRAWN = ("torch", "glorot", "he")
INITIALISATIONS = DRAWN + BY_HAND


def make_member(trial: int = 0, **given: object) -> Member:
    """A member with defaults for whatever is not given."""
    seeds = {"initialisation_seed": 100 + trial, "data_seed": 7, "evaluation_seed": 9}
    hyperparameters: dict[str, Any] = {
        "model": "mlp",
        "factors": None,
        "y_range": "none",
        "multiplication": False,
        "depth": 1,
        "width": 8,
        "learning_rate": 1e-2,
        "activation": "relu",
        "initialisation": "torch",
        "dropout": None,
        "optimizer": "adam",
        "weight_decay": 0.3,
        "momentum": 0.9,
        **dict.fromkeys(("beta_1", "beta_2", "epsilon")),
        "schedule": "cosine",
    }
    hyperparameters |= {name: value for name, value in given.items() if name not in seeds}
    # Complete, and with what the optimiser doesn't read: engines must not be misled by it.
    complete = hyperparameters | layers_of(hyperparameters)
    return Member(
        trial=trial,
        replicate=0,
        hyperparameters={name: complete[name] for name in MEMBER_HYPERPARAMETERS},
        **(seeds | {name: value for name, value in given.items() if name in seeds}),  # type: ignore[arg-type]
    )


def make_pack(
    members: Sequence[Member],
    *,
    dimension: int = 2,
    steps: int = 20,
    batch_size: int = 32,
    halving: Halving | None = None,
    early_stopping: EarlyStopping | None = None,
    **task: Any,
) -> Pack:
    """A pack of the search phase."""
    return Pack(
        search="test",
        study="all",
        number=0,
        phase="search",
        steps_factor=1,
        task=Task(dimension=dimension, **task),
        batch_size=batch_size,
        steps=steps,
        halving=halving,
        early_stopping=early_stopping,
        members=tuple(members),
    )


@strategies.composite
def member_lists(draw: strategies.DrawFn) -> list[Member]:
    """Members of mixed depths, widths, learning rates, seeds and kinds, data shared or not."""
    kinds = draw(
        strategies.lists(
            strategies.tuples(
                strategies.booleans(),
                strategies.sampled_from(ACTIVATIONS),
                strategies.sampled_from(SCHEDULES),
                strategies.sampled_from(OPTIMISERS),
            ),
            min_size=1,
            max_size=2,
        )
    )
    shared = draw(strategies.booleans())
    members = []
    for trial in range(draw(strategies.integers(1, 7))):
        multiplication, activation, schedule, optimizer = draw(strategies.sampled_from(kinds))
        members.append(
            make_member(
                trial,
                multiplication=multiplication,
                activation=activation,
                schedule=schedule,
                optimizer=optimizer,
                weight_decay=draw(strategies.floats(0, 1)),
                momentum=draw(strategies.floats(0, 0.95)),
                depth=draw(strategies.integers(0, 4)),
                width=draw(strategies.integers(1, 20)),
                initialisation=draw(
                    strategies.sampled_from(
                        DRAWN if multiplication or activation != "relu" else INITIALISATIONS
                    )
                ),
                learning_rate=draw(strategies.floats(1e-4, 1e-2)),
                initialisation_seed=draw(strategies.integers(0, 2**63 - 1)),
                data_seed=7 if shared else 7 + trial,
                evaluation_seed=9 if shared else 9 + trial,
            )
        )
    return members
