"""The words of a search: every hyperparameter and task field, each described once.

Plain data of the standard library, which all five packages may import. The spec's checks, a pack's
members, the columns of the tables and of TensorBoard, short labels, `reproduce` and the data
dictionary derive from it. A further hyperparameter is one more entry here, and its meaning in the
engines.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, Literal, Protocol, TypeVar, get_args

from .extensions import added_names

Value = bool | int | float | str
Kind = Literal["int", "float", "bool", "name", "layers", "range", "text"]
Scope = Literal["member", "pack", "task", "search"]

Phase = Literal["search", "confirm"]
"""What a pack is for: the trials of the search, or replicates of the study's best."""
PHASES: tuple[Phase, ...] = get_args(Phase)

Status = Literal["completed", "pruned", "diverged"]
"""How a trial ended: at the last step, at a rung, or because it was finite no more."""
STATUSES: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True, kw_only=True)
class Field:
    """A hyperparameter, or a field of the task: what it is, and what values it may have."""

    name: str
    kind: Kind
    description: str
    """One sentence, with the unit where there is one: the column's description."""
    scope: Scope
    """Who may differ in it: the members of a pack, packs (which share it), tasks, or searches."""
    default: Value | None
    """None: there is no default; the spec must say it, but for what stands `instead_of` others."""
    minimum: float = -math.inf
    minimum_excluded: bool = False
    maximum: float = math.inf
    """The maximum itself is excluded where it is finite."""
    names: tuple[str, ...] = ()
    """The allowed names, for kind "name"; of a number those that may stand in its place."""
    instead_of: tuple[str, ...] = ()
    """The hyperparameters that follow from it where it is given, and may not be given then."""
    belongs_to: tuple[str, ...] = ()
    """The optimisers that read it; empty: whatever the optimiser is. Null in other rows."""
    of_model: tuple[str, ...] = ()
    """The models that read it; empty: whatever the model is. Null in other rows."""
    of_data: tuple[str, ...] = ()
    """The sources of data that read it; empty: whatever the source is. Null with others."""
    optional_with: tuple[str, ...] = ()
    """Of these sources those with which it may be left out, default or not."""
    not_of_data: tuple[str, ...] = ()
    """The sources of data that have no such thing, where others have. Null with these."""
    follows: str = ""
    """The field whose value it has where it is not given."""
    why_not_in_space: str = ""
    """The reason, where an optimiser must not choose it; empty where it may."""
    why_not_in_grid: str = ""
    """The reason, where studies must not differ in it; empty where they may."""
    is_column: bool = True
    """Whether the tables have it: not where others say the same there."""
    label: str = ""
    """A short name for studies in narrow places; empty: the name itself."""


_SHARED = "the members of a pack share it; put it in grid or fixed"
_ONE_TASK = "a study has one task; put it in grid or task"
_ONE_TABLE = "a search has one table, and its facts stand beside it; put it in task"

EMB_SZ_RULE = "emb_sz_rule"
"""Stands in a spec for the number of factors that `emb_sz_rule` gives."""
MODELS = ("mlp", "dot", "dot_bias", "neumf")
EMBEDDED_DATA = ("planted", "modes", "table")
"""The sources whose pairs are numbers of users and items: models learn an embedding of each."""

POOLED_DATA = ("pool", "planted")
"""The sources whose pairs are those of users and items that are drawn once."""

LAYERED_MODELS = ("mlp", "neumf")
"""The models with layers, that is an MLP."""

_HYPERPARAMETERS = (
    Field(
        name="dimension",
        kind="int",
        scope="task",
        default=None,
        minimum=1,
        not_of_data=("table",),
        label="d",
        description="Length of each of the two input vectors; null with a table of ratings.",
        why_not_in_space="losses of different dimensions can't be compared, an optimiser would "
        "pick the smallest; put it in grid (a study per dimension) or fixed",
    ),
    Field(
        name="model",
        kind="name",
        scope="member",
        default="mlp",
        names=MODELS,
        why_not_in_space="what an MLP is made of means nothing to a dot product; put it in grid (a "
        "study per model) or fixed",
        description="What joins two vectors: mlp; or, where they are learned embeddings, dot "
        "(their dot product), dot_bias (with a bias of each user and each item) or neumf (an mlp "
        "and, of further factors, a dot product, added up).",
    ),
    Field(
        name="factors",
        kind="int",
        scope="member",
        default=16,
        minimum=1,
        names=(EMB_SZ_RULE,),
        of_data=EMBEDDED_DATA,
        description="Numbers in a learned embedding, beside its bias: written emb_sz_rule, as many "
        "as that rule gives for the users or the items, whichever are more; null where vectors are "
        "given.",
    ),
    Field(
        name="y_range",
        kind="range",
        scope="member",
        default="none",
        of_data=EMBEDDED_DATA,
        description="The numbers between which predictions are kept by a sigmoid: 0.5 to 5.5; "
        "none: they may be any; null where vectors are given.",
    ),
    Field(
        name="multiplication",
        kind="bool",
        scope="member",
        of_model=LAYERED_MODELS,
        default=False,
        label="mult",
        description="Whether the elementwise product of the two vectors is part of the input.",
    ),
    Field(
        name="depth",
        kind="int",
        scope="member",
        of_model=LAYERED_MODELS,
        default=2,
        minimum=0,
        description="Number of hidden layers; 0: one linear layer.",
    ),
    Field(
        name="width",
        kind="int",
        scope="member",
        of_model=LAYERED_MODELS,
        default=32,
        minimum=1,
        description="Units in each hidden layer, as suggested even at depth 0; the most of any "
        "layer where layer_sizes were given.",
    ),
    Field(
        name="parameters",
        kind="int",
        scope="pack",
        default=None,
        minimum=2,
        instead_of=("width",),
        description="The most weights and biases that the network may have: the width is the "
        "largest with which it has no more.",
        why_not_in_space="it is to make unlike depths comparable; put it in grid or fixed, and "
        "depth and multiplication too",
    ),
    Field(
        name="layer_sizes",
        kind="layers",
        scope="member",
        of_model=LAYERED_MODELS,
        default=None,
        instead_of=("depth", "width", "parameters"),
        label="layers",
        description="Units of each hidden layer, in order: 64-64; linear: there is none.",
    ),
    Field(
        name="learning_rate",
        kind="float",
        scope="member",
        default=1e-2,
        minimum=0,
        minimum_excluded=True,
        description="Peak learning rate of the schedule.",
    ),
    Field(
        name="activation",
        kind="name",
        scope="member",
        of_model=LAYERED_MODELS,
        default="relu",
        names=("relu", "gelu", "silu", "tanh"),
        description="Activation of the hidden layers.",
    ),
    Field(
        name="initialisation",
        kind="name",
        scope="member",
        of_model=LAYERED_MODELS,
        default="torch",
        names=("torch", "glorot", "he", "constructed", "folded"),
        label="init",
        description="Initial weights: torch (uniform within 1 / sqrt(inputs), biases too), glorot "
        "(uniform within sqrt(6 / (inputs + outputs)), biases 0), he (normal with variance "
        "2 / inputs, biases 0), constructed (the first hidden layer by hand, its sum carried on, "
        "other units as torch's) or folded (all layers by hand, which begins at constructed_nmse).",
    ),
    Field(
        name="dropout",
        kind="float",
        scope="member",
        of_model=LAYERED_MODELS,
        of_data=EMBEDDED_DATA,
        default=0.0,
        minimum=0,
        maximum=1,
        description="Probability with which a step of training does without a unit of a hidden "
        "layer, for each pair anew; null where vectors are given, and in a dot product.",
    ),
    Field(
        name="optimizer",
        kind="name",
        scope="member",
        default="adam",
        names=("adam", "adamw", "sgd", "adagrad"),
        description="Optimizer: adam, adamw (decoupled weight decay), sgd or adagrad.",
    ),
    Field(
        name="weight_decay",
        kind="float",
        scope="member",
        default=0.0,
        minimum=0,
        belongs_to=("adamw",),
        description="Decoupled weight decay: each step takes this share of the weights and biases, "
        "times the learning rate; in models on learned embeddings not of the biases; null where "
        "the optimizer has none.",
    ),
    Field(
        name="momentum",
        kind="float",
        scope="member",
        default=0.0,
        minimum=0,
        maximum=1,
        belongs_to=("sgd",),
        description="Share of the velocity that a step keeps; null where the optimizer has none.",
    ),
    Field(
        name="beta_1",
        kind="float",
        scope="member",
        default=0.9,
        minimum=0,
        maximum=1,
        belongs_to=("adam", "adamw"),
        of_data=EMBEDDED_DATA,
        description="Share of the first moment that a step of Adam keeps, in models on learned "
        "embeddings; null where the optimizer has none and where vectors are given.",
    ),
    Field(
        name="beta_2",
        kind="float",
        scope="member",
        default=0.999,
        minimum=0,
        maximum=1,
        belongs_to=("adam", "adamw"),
        of_data=EMBEDDED_DATA,
        description="Share of the second moment that a step of Adam keeps; null likewise.",
    ),
    Field(
        name="epsilon",
        kind="float",
        scope="member",
        default=1e-8,
        minimum=0,
        minimum_excluded=True,
        belongs_to=("adam", "adamw"),
        of_data=EMBEDDED_DATA,
        description="What Adam adds to the root of the second moment, by which it divides; null "
        "likewise.",
    ),
    Field(
        name="schedule",
        kind="name",
        scope="member",
        default="cosine",
        names=("constant", "cosine", "linear", "one_cycle"),
        description="Course of the learning rate over the steps: constant, half a cosine down to "
        "0, linear down to 0, or one_cycle (up from 1/25 in three tenths of the steps, then down).",
    ),
    Field(
        name="batch_size",
        kind="int",
        scope="pack",
        default=256,
        minimum=1,
        description="Training pairs in each step.",
        why_not_in_space=_SHARED,
    ),
    Field(
        name="steps",
        kind="int",
        scope="pack",
        default=4000,
        minimum=1,
        description="Optimizer steps of a trial that completes.",
        why_not_in_space=_SHARED,
    ),
    Field(
        name="epochs",
        kind="int",
        scope="pack",
        default=None,
        minimum=1,
        instead_of=("steps",),
        description="Passes over the training pairs of a trial that completes: steps is as many "
        "batches as hold each pair so often.",
        why_not_in_space=_SHARED,
    ),
)

HYPERPARAMETERS: Mapping[str, Field] = {field.name: field for field in _HYPERPARAMETERS}
"""The hyperparameters by name, in the order in which they are shown."""

MEMBER_HYPERPARAMETERS: Mapping[str, Field] = {
    name: field for name, field in HYPERPARAMETERS.items() if field.scope == "member"
}
"""Those in which the members of a pack may differ: what a member is made of."""

_TASK_FIELDS = (
    Field(
        name="target",
        kind="name",
        scope="task",
        not_of_data=("table",),
        default="dot",
        names=("dot", "cosine", *added_names("targets")),
        description="The function to be learned; dot: the dot product, cosine: that of the angle; "
        "null with a table, as the three below.",
        why_not_in_space=_ONE_TASK,
    ),
    Field(
        name="inputs",
        kind="name",
        scope="task",
        not_of_data=("table",),
        default="normal",
        names=("normal", "uniform", "rademacher", *added_names("inputs")),
        description="Distribution of the inputs' components, independent, of mean 0 and variance 1 "
        "before scale: normal, uniform, or rademacher (-1 or 1).",
        why_not_in_space=_ONE_TASK,
    ),
    Field(
        name="scale",
        kind="float",
        scope="task",
        not_of_data=("table",),
        default=1.0,
        minimum=0,
        minimum_excluded=True,
        description="What every input component is multiplied with.",
        why_not_in_space=_ONE_TASK,
    ),
    Field(
        name="label_std",
        kind="float",
        scope="task",
        not_of_data=("table",),
        default=None,
        minimum=0,
        minimum_excluded=True,
        instead_of=("scale",),
        is_column=False,
        description="Standard deviation of the labels without noise: the scale is the one at which "
        "a dot product of that dimension has it.",
        why_not_in_space=_ONE_TASK,
    ),
    Field(
        name="label_noise_std",
        kind="float",
        scope="task",
        not_of_data=("table",),
        default=0.0,
        minimum=0,
        description="Standard deviation of the normal noise added to training labels, in label "
        "units.",
        why_not_in_space=_ONE_TASK,
    ),
    Field(
        name="data",
        kind="name",
        scope="task",
        default="stream",
        names=("stream", "fixed", "pool", "planted", "modes", "table", *added_names("sources")),
        description="Source of the training data; stream: fresh pairs at every step, fixed: a "
        "sample of pairs drawn once, epoch after epoch, pool: pairs of users and items whose "
        "vectors are drawn once, planted: the same without the vectors, to learn embeddings of, "
        "modes: all pairs of the values of two modes, likewise, and evaluated on these, table: a "
        "user's own ratings.",
        why_not_in_space=_ONE_TASK,
    ),
    Field(
        name="pairs",
        kind="int",
        scope="task",
        default=None,
        minimum=1,
        of_data=("fixed", "table"),
        optional_with=("table",),
        description="Training pairs in the sample, nine tenths of all pairs in a pool, all of two "
        "modes, eight tenths of a table; null where every step has fresh ones.",
        why_not_in_space=_ONE_TASK,
    ),
    Field(
        name="users",
        kind="int",
        scope="task",
        default=None,
        minimum=1,
        of_data=(*POOLED_DATA, "table"),
        optional_with=("table",),
        description="Vectors in a pool, of which the first of a pair is one, or values of the "
        "first mode, or users in the training pairs of a table; null without any.",
        why_not_in_space=_ONE_TASK,
    ),
    Field(
        name="items",
        kind="int",
        scope="task",
        default=None,
        minimum=1,
        of_data=(*POOLED_DATA, "table"),
        optional_with=("table",),
        follows="users",
        description="Vectors in a pool, of which the second of a pair is one: as many as users "
        "where not given; or values of the second mode, or items in the training pairs of a "
        "table; null without any.",
        why_not_in_space=_ONE_TASK,
    ),
    Field(
        name="pairs_per_user",
        kind="int",
        scope="task",
        default=None,
        minimum=1,
        of_data=POOLED_DATA,
        description="All pairs of a pool over its users, or values of the second mode; null "
        "without either.",
        why_not_in_space=_ONE_TASK,
    ),
    Field(
        name="values",
        kind="int",
        scope="task",
        default=None,
        minimum=2,
        of_data=("modes",),
        instead_of=("users", "items", "pairs_per_user"),
        is_column=False,
        description="Values of each of two modes, of which all pairs are trained on.",
        why_not_in_space=_ONE_TASK,
    ),
    Field(
        name="rank",
        kind="int",
        scope="task",
        default=None,
        minimum=1,
        of_data=("modes",),
        instead_of=("dimension",),
        is_column=False,
        description="Rank of the labels of two modes: the dimension of the vectors whose dot "
        "products they are.",
        why_not_in_space=_ONE_TASK,
    ),
    Field(
        name="table",
        kind="text",
        scope="task",
        default=None,
        of_data=("table",),
        description="Path or URI of a table of ratings; null with other data, as the seven below.",
        why_not_in_space=_ONE_TASK,
        why_not_in_grid=_ONE_TABLE,
    ),
    Field(
        name="user",
        kind="text",
        scope="task",
        default="user",
        of_data=("table",),
        description="The table's column of the users' ids.",
        why_not_in_space=_ONE_TASK,
        why_not_in_grid=_ONE_TABLE,
    ),
    Field(
        name="item",
        kind="text",
        scope="task",
        default="item",
        of_data=("table",),
        description="The table's column of the items' ids.",
        why_not_in_space=_ONE_TASK,
        why_not_in_grid=_ONE_TABLE,
    ),
    Field(
        name="rating",
        kind="text",
        scope="task",
        default="rating",
        of_data=("table",),
        description="The table's column of the ratings.",
        why_not_in_space=_ONE_TASK,
        why_not_in_grid=_ONE_TABLE,
    ),
    Field(
        name="timestamp",
        kind="text",
        scope="task",
        default=None,
        of_data=("table",),
        optional_with=("table",),
        instead_of=("split_seed",),
        description="The table's column of the times that split it: the oldest ratings are trained "
        "on; null where it is split at random.",
        why_not_in_space=_ONE_TASK,
        why_not_in_grid=_ONE_TABLE,
    ),
    Field(
        name="split_seed",
        kind="int",
        scope="task",
        default=0,
        minimum=0,
        of_data=("table",),
        description="Seed of the random split of the table; null where times split it.",
        why_not_in_space=_ONE_TASK,
        why_not_in_grid=_ONE_TABLE,
    ),
    Field(
        name="fingerprint",
        kind="text",
        scope="task",
        default=None,
        of_data=("table",),
        optional_with=("table",),
        description="SHA-256 of the table's ids, ratings and times.",
        why_not_in_space=_ONE_TASK,
        why_not_in_grid=_ONE_TABLE,
    ),
    Field(
        name="ranking",
        kind="bool",
        scope="task",
        default=False,
        of_data=("table",),
        description="Whether what completes is also judged by how it ranks items for users of the "
        "table: recall_at_10 and ndcg_at_10.",
        why_not_in_space=_ONE_TASK,
        why_not_in_grid="it changes nothing that is trained; put it in task",
    ),
    Field(
        name="shuffle",
        kind="bool",
        scope="task",
        default=True,
        of_data=("fixed", *POOLED_DATA, "modes", "table"),
        description="Whether every epoch takes the pairs in an order of its own; null where every "
        "step has fresh ones.",
        why_not_in_space=_ONE_TASK,
    ),
)

TASK_FIELDS: Mapping[str, Field] = {field.name: field for field in _TASK_FIELDS}
"""The fields of the task beside the dimension."""

TASK_COLUMNS = ("dimension", *(name for name, field in TASK_FIELDS.items() if field.is_column))
"""What says what is learned: the dimension and the fields of the task, but for those that stand in
place of others."""

TABLE_PLACE = ("table", "user", "item", "rating", "timestamp")
"""Where a table lies and what its columns are called: what it holds, its fingerprint says."""

UNSEEDED = (*TABLE_PLACE, "ranking")
"""What of the task changes no seed, as it changes nothing that is trained."""

SEED = Field(
    name="seed",
    kind="int",
    scope="search",
    default=0,
    minimum=0,
    description="Seed of the search, from which all other seeds are derived.",
    why_not_in_space="it is no choice to be made; put it in grid (a search per seed), or leave it "
    "at the top of the spec",
)
"""Stands at the top of a spec, or in its grid: then the same search is made with each."""

FIELDS: Mapping[str, Field] = {**HYPERPARAMETERS, **TASK_FIELDS, SEED.name: SEED}
"""All of them."""


class EndedTrial(Protocol):
    """What a trial came to, wherever it is kept: as much as ranks it among others."""

    @property
    def trial(self) -> int:
        """Its number in its study."""

    @property
    def status(self) -> Status:
        """How it ended."""

    @property
    def nmse(self) -> float | None:
        """None where it diverged."""


_Trial = TypeVar("_Trial", bound=EndedTrial)


def standing_of(trial: EndedTrial) -> tuple[float, int]:
    """The place of a trial of the search among those of its study: the lowest is the best trial.

    The lowest nmse among the completed ones, of equal ones the lowest number. Others are infinite.
    """
    if trial.status == "completed" and trial.nmse is not None:
        return trial.nmse, trial.trial
    return math.inf, trial.trial


def best_trial(trials: Iterable[_Trial]) -> _Trial | None:
    """The best of these trials of one study's search; None where none has completed."""
    best = min(trials, key=standing_of, default=None)
    return None if best is None or math.isinf(standing_of(best)[0]) else best


def unused_hyperparameters(
    optimizers: Sequence[object],
    models: Sequence[object] = LAYERED_MODELS,
    sources: Sequence[object] = (),
) -> tuple[str, ...]:
    """The hyperparameters that none of these optimisers, or models, reads, on data of no source."""

    def of_none(readers: Sequence[str], given: Sequence[object]) -> bool:
        return bool(readers) and not any(each in readers for each in given)

    return tuple(
        name
        for name, field in HYPERPARAMETERS.items()
        if of_none(field.belongs_to, optimizers)
        or of_none(field.of_model, models)
        or of_none(field.of_data, sources)
    )


LINEAR = "linear"
"""The `layer_sizes` of a network without hidden layers."""


def layer_units(layer_sizes: str) -> tuple[int, ...]:
    """The units of each hidden layer, of their text in a row.

    >>> layer_units("64-32-1"), layer_units(LINEAR)
    ((64, 32, 1), ())
    """
    # Empty at depth 0: in rows of releases before the word.
    return () if layer_sizes in (LINEAR, "") else tuple(map(int, layer_sizes.split("-")))


def layers_text(units: Sequence[int]) -> str:
    """The text of the units of each hidden layer, as `layer_units` reads it."""
    return "-".join(map(str, units)) or LINEAR


def short_layers(layer_sizes: str) -> str:
    """The text of the units of each hidden layer, of many equal ones in a row their number.

    >>> short_layers("8-" + 30 * "4-" + "1"), short_layers("61-61-61")
    ('8-4*30-1', '61-61-61')
    """
    runs = [(units, len(list(run))) for units, run in groupby(layer_sizes.split("-"))]
    return "-".join(
        f"{units}*{count}" if count > 3 else "-".join([units] * count) for units, count in runs
    )


NO_RANGE = "none"
"""The `y_range` of a model whose predictions may be any number."""


def range_ends(y_range: str) -> tuple[float, float] | None:
    """The lowest and the highest prediction, of their text in a row; None without a range.

    Raises ValueError for another text.

    >>> range_ends("0.5 to 5.5"), range_ends(NO_RANGE)
    ((0.5, 5.5), None)
    """
    if y_range == NO_RANGE:
        return None
    low, high = map(float, y_range.split(" to "))
    return low, high


def range_text(low: float, high: float) -> str:
    """The text of a range, as `range_ends` reads it: to the last bit."""
    return f"{low!r} to {high!r}"


def input_count(dimension: int, multiplication: bool) -> int:
    """The numbers that a network reads: both vectors, and where they are given their products."""
    return dimension * (3 if multiplication else 2)


def embedding_columns(model: str, factors: int) -> int:
    """The numbers of an embedding: its factors, and a bias or as many factors beside them.

    >>> embedding_columns("dot_bias", 50), embedding_columns("neumf", 50)
    (51, 100)
    """
    return factors + {"dot_bias": 1, "neumf": factors}.get(model, 0)


def embedding_rows(data: object, number: int) -> int:
    """The embeddings of so many users, or items: of a table one more, for all that it lacks."""
    return number + (1 if data == "table" else 0)


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


def parameter_count(*, inputs: int, units: tuple[int, ...]) -> int:
    """The weights and biases of a network: `units` of each hidden layer, then one output.

    >>> parameter_count(inputs=3, units=(1,) * 31)  # as the notebook counts [1] * 30 at d = 1
    66
    """
    sizes = (inputs, *units, 1)
    return sum((below + 1) * above for below, above in pairwise(sizes))


def uniform_parameter_count(*, inputs: int, width: int, depth: int) -> int:
    """That of `depth` hidden layers of `width` units, which may be as absurd as a spec has them.

    >>> uniform_parameter_count(inputs=4, width=5, depth=2)
    61
    """
    if depth == 0:
        return parameter_count(inputs=inputs, units=())
    return (inputs + 1) * width + (depth - 1) * (width + 1) * width + width + 1


def has_construction(
    *,
    target: object,
    inputs: object,
    data: object,
    multiplication: object,
    layer_sizes: Sequence[int],
    activation: object,
) -> bool:
    """Whether weights set by hand are known for a network: see `results/constructions`.

    The sum of given products is, whatever the vectors, and is carried by activations whose odd part
    is linear. Of vectors whose distribution is known also the mean predictor, a sum carried by
    one ReLU, and the products of normal inputs, or of -1 and 1, made of ReLU.
    """
    if data in EMBEDDED_DATA:
        return False
    given = target == "dot" and bool(multiplication)
    if given and (not layer_sizes or min(layer_sizes) > 1):
        return not layer_sizes or activation in ("relu", "gelu", "silu")
    if inputs not in ("normal", "uniform", "rademacher") or data not in ("stream", "fixed", "pool"):
        return False
    if not layer_sizes:
        return target in ("dot", "cosine") and not multiplication
    return target == "dot" and activation == "relu" and (given or inputs != "uniform")


def configuration_of(
    hyperparameters: Mapping[str, Value], data: object = None
) -> dict[str, Value | None]:
    """Every member hyperparameter, in order; null where optimiser, model or data have no use of it.

    `hyperparameters` may hold more, and must hold every one that is used: of the layers either
    `layer_sizes`, from which depth and width follow, or these.
    """
    model = hyperparameters.get("model", HYPERPARAMETERS["model"].default)
    unused = unused_hyperparameters([hyperparameters["optimizer"]], [model], [data])
    complete = {**hyperparameters, "model": model}
    if "layer_sizes" not in unused:
        complete |= layers_of(hyperparameters)
    return {name: None if name in unused else complete[name] for name in MEMBER_HYPERPARAMETERS}


def layers_of(hyperparameters: Mapping[str, Any]) -> dict[str, Value]:
    """Depth and width where layer sizes are given, else the layer sizes of depth and width."""
    if hyperparameters.get("layer_sizes") is not None:
        units = layer_units(str(hyperparameters["layer_sizes"]))
        return {"depth": len(units), "width": max(units, default=0)}
    width, depth = int(hyperparameters["width"]), int(hyperparameters["depth"])
    return {"layer_sizes": layers_text((width,) * depth)}
