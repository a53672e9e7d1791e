"""The columns of the three tables: names, types, units and meaning.

A search is one run of one spec, a study one combination of its grid values, a trial one
configuration. A part of an older version has nulls for the columns that came later; one of a newer
version is refused.
"""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from spaces.vocabulary import FIELDS, MEMBER_HYPERPARAMETERS, SEED, TASK_COLUMNS

SCHEMA_VERSION = 7
ADDED_COLUMNS: Mapping[int, frozenset[str]] = {
    2: frozenset(
        {
            "weight_decay",
            "momentum",
            "diverged_replicates",
            "execution",
            "initialisation",
            "pairs",
            "shuffle",
        }
    ),
    3: frozenset(
        {
            "users",
            "items",
            "pairs_per_user",
            "flops",
            "nmse_stderr",
            "nmse_first_rung",
            "rmse_excess_test",
            "rmse_excess_fresh",
        }
    ),
    4: frozenset({"seed", "winners_curse", "search_seeds", "nmse_low", "nmse_high"}),
    5: frozenset({"model", "factors", "pearson_r", "pearson_r_max"}),
    6: frozenset(
        {
            "table",
            "user",
            "item",
            "rating",
            "timestamp",
            "split_seed",
            "fingerprint",
            "ranking",
            "rmse",
            "recall_at_10",
            "ndcg_at_10",
        }
    ),
    7: frozenset({"y_range", "dropout", "beta_1", "beta_2", "epsilon"}),
}
"""The columns that a version added; null in rows of the versions before."""

TRIAL_KEY = ("study", "trial", "phase", "replicate", "steps_factor")
"""The columns that name a row of `TRIALS`."""

CURVE_KEY = (*TRIAL_KEY, "step")
"""The columns that name a row of `CURVES`."""

_TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us", tz="UTC"),
}
_KINDS = {
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "name": pa.string(),
    "layers": pa.string(),
    "range": pa.string(),
    "text": pa.string(),
}


def _fields(*columns: tuple[str, str, str]) -> Iterator[pa.Field]:
    """Make a field of each (name, type, description); the type "float?" is a nullable float."""
    for name, kind, description in columns:
        yield pa.field(
            name,
            _TYPES[kind.removesuffix("?")],
            nullable=kind.endswith("?"),
            metadata={"description": description},
        )


def _described(name: str, *, nullable: bool = False) -> pa.Field:
    """Make the field of a hyperparameter or of a field of the task."""
    field = FIELDS[name]
    return pa.field(
        name,
        _KINDS[field.kind],
        nullable=nullable,
        metadata={"description": field.description},
    )


def _schema(*fields: pa.Field) -> pa.Schema:
    return pa.schema(fields, metadata={"schema_version": str(SCHEMA_VERSION)})


_SEARCH = tuple(
    _fields(
        ("search", "text", "Name of the search, from its spec."),
        ("study", "text", "The grid values of the study: dimension=8,multiplication=false."),
    )
)

_KEY = (
    *_SEARCH,
    *_fields(
        ("trial", "integer", "Number of the trial in its study, from 0."),
        ("phase", "text", "search, or confirm: the study's best configuration trained again."),
        ("replicate", "integer", "Number of the confirm replicate; 0 in the search."),
        ("steps_factor", "integer", "How many times as many steps as in the search; 1 there."),
    ),
)

_TASK = tuple(
    _described(name, nullable=bool(FIELDS[name].of_data or FIELDS[name].not_of_data))
    for name in TASK_COLUMNS
)

_BATCH_SIZE = (_described("batch_size"),)


def _configuration(nullable: bool) -> Iterator[pa.Field]:
    """Make the fields of one configuration; in the summary of a study without a best, null."""
    for name, field in MEMBER_HYPERPARAMETERS.items():
        of_some = bool(field.belongs_to or field.of_model or field.of_data)
        yield _described(name, nullable=nullable or of_some)


_SEED = pa.field("seed", pa.int64(), metadata={"description": SEED.description})
"""Null in rows of versions before 3."""

TRIALS = _schema(
    *_KEY,
    _SEED,
    *_fields(
        ("pack", "integer", "Number of the pack, in its study and phase, that trained the trial."),
        ("status", "text", "completed, pruned (left at a rung) or diverged (not finite)."),
    ),
    *_TASK,
    *_configuration(nullable=False),
    *_BATCH_SIZE,
    *_fields(
        ("initialisation_seed", "integer", "Seed of the initial weights, below 2**63."),
        ("data_seed", "integer", "Seed of the stream of training pairs, below 2**63."),
        ("evaluation_seed", "integer", "Seed of the held-out pairs, below 2**63."),
        ("steps", "integer", "Optimizer steps done; fewer than planned unless completed."),
        (
            "schedule_steps",
            "integer",
            "Steps that the learning rate schedule spans: the steps of a completed trial.",
        ),
        ("samples", "integer", "Training pairs seen: steps * batch_size."),
        ("parameters", "integer", "Trainable weights and biases of the network."),
        (
            "flops",
            "float?",
            "Floating-point operations of training: those of the matrix products, forward and "
            "backward, for all samples; null in rows of versions before 3.",
        ),
        (
            "train_loss",
            "float?",
            "Mean squared error on training batches, noise included, as last recorded, in squared "
            "label units; null when diverged.",
        ),
        (
            "loss",
            "float?",
            "Mean squared error on held-out pairs with noise-free labels, in squared label units. "
            "Completed: of the final weights on all 65,536 pairs. Pruned: of the running average "
            "of the weights, at the rung where it was pruned, on the first 8,192 pairs. Of two "
            "modes, always on all pairs, which are those of training. Of a table, always on all "
            "ratings that are held out to choose by, as they are. Null when diverged.",
        ),
        (
            "loss_stderr",
            "float?",
            "Standard error of loss over its pairs, in squared label units; null when diverged.",
        ),
        (
            "nmse",
            "float?",
            "loss divided by the sample variance of the same noise-free labels, which is "
            "1 - R**2; 1: as good as predicting the mean. Null when diverged.",
        ),
        (
            "nmse_stderr",
            "float?",
            "loss_stderr divided by the same variance; null when diverged and in rows of versions "
            "before 3.",
        ),
        (
            "nmse_first_rung",
            "float?",
            "nmse at the first rung, of the running average of the weights on the first 8,192 "
            "pairs: known of every trial, also of those that were pruned later; null where a trial "
            "stopped early by then or diverged, and in rows of versions before 3.",
        ),
        (
            "constructed_nmse",
            "float?",
            "nmse that a network of this size with weights set by hand reaches, as known when the "
            "row was written: what is certainly possible, not a floor; null where unknown.",
        ),
        (
            "rmse_excess_test",
            "float?",
            "Root mean squared error on the pool's test pairs, a tenth of all and with noisy "
            "labels, minus that of the true labels there, in label units; null unless completed on "
            "a pool.",
        ),
        (
            "rmse_excess_fresh",
            "float?",
            "The same on 100,000 pairs of vectors that are in no pool.",
        ),
        (
            "pearson_r",
            "float?",
            "Pearson's R of the final predictions and the noise-free labels of all pairs "
            "of two modes; null with other data, unless completed, and where all predictions are "
            "alike.",
        ),
        (
            "rmse",
            "float?",
            "Root mean squared error of the final weights on the test ratings of a table, in its "
            "units; null with other data, and unless completed.",
        ),
        (
            "recall_at_10",
            "float?",
            "How many of a user's test items are among the first 10 that the final weights rank, "
            "over the most that could be: the mean over at most 1,000 users. Ranked are the items "
            "known from training that the user has rated neither there nor among the ratings to "
            "choose by. Null unless completed on a table with ranking, and where a prediction is "
            "not finite.",
        ),
        (
            "ndcg_at_10",
            "float?",
            "The same where each of these test items counts 1 / log2(1 + rank), over the best sum "
            "that could be; null likewise.",
        ),
        ("started_at", "time", "When the training of the pack began, in UTC."),
        (
            "train_seconds",
            "float",
            "Seconds of training: the pack's time shared among the members alive.",
        ),
        ("pack_seconds", "float", "Seconds that the whole pack took; equal for all its members."),
        ("device", "text", "Kind of processor: cpu or cuda, with its model if known."),
        ("worker", "text", "Which worker trained the pack."),
        (
            "execution",
            "integer?",
            "Which record of provenance.json, from 0, tells of the run or resume that trained the "
            "pack; null in rows of version 1.",
        ),
    ),
)

CURVES = _schema(
    *_KEY,
    *_fields(
        ("step", "integer", "Optimizer steps done when evaluated: a rung, or the last step."),
        ("samples_at_step", "integer", "Training pairs seen by then: step * batch_size."),
        (
            "train_loss_at_step",
            "float?",
            "Mean squared error on training batches, noise included, as last recorded, in squared "
            "label units; null when not finite.",
        ),
        (
            "loss_at_step",
            "float?",
            "Mean squared error on held-out pairs with noise-free labels, in squared label units. "
            "At a rung: of the running average of the weights on the first 8,192 pairs. At the "
            "last step: of the weights themselves on all pairs. Null when not finite.",
        ),
        (
            "nmse_at_step",
            "float?",
            "loss_at_step divided by the sample variance of the same noise-free labels; null "
            "when not finite.",
        ),
        ("scheduled_learning_rate", "float", "Learning rate of the schedule at this step."),
    ),
)

SUMMARY = _schema(
    *_SEARCH,
    _SEED,
    *_TASK,
    *_BATCH_SIZE,
    *_fields(
        ("trials", "integer", "Trials of the search, without the confirm replicates."),
        ("completed", "integer", "Trials that were trained to the last step."),
        ("pruned", "integer", "Trials that left at a rung."),
        ("diverged", "integer", "Trials whose loss or weights became infinite or NaN."),
        (
            "best_trial",
            "integer?",
            "The completed trial of the search with the lowest nmse (the lowest number of equal "
            "ones); null without any, and then all that describes it is null.",
        ),
    ),
    *_configuration(nullable=True),
    *_fields(
        ("parameters", "integer?", "Trainable weights and biases of the best trial."),
        ("steps", "integer?", "Optimizer steps of the best trial."),
        (
            "nmse",
            "float?",
            "The achievable loss: median nmse of the confirm replicates at steps_factor 1; a "
            "diverged one counts as infinite. Null before they are trained, and where the median "
            "is infinite.",
        ),
        ("nmse_min", "float?", "Lowest nmse of the same replicates; null if all diverged."),
        ("nmse_max", "float?", "Highest nmse of the same replicates; null if one diverged."),
        (
            "diverged_replicates",
            "integer?",
            "How many of the same replicates diverged; null before they are trained.",
        ),
        (
            "nmse_search",
            "float?",
            "nmse of the best trial in the search: the lowest of many, hence too low on average.",
        ),
        (
            "winners_curse",
            "float?",
            "nmse minus nmse_search: by how much the search's own lowest was too low.",
        ),
        (
            "search_seeds",
            "integer?",
            "How many studies of this search are alike but in the seed, this one included; null in "
            "rows of versions before 4.",
        ),
        (
            "nmse_low",
            "float?",
            "Lower end of the 95% interval of the nmse that such a search reaches, whatever its "
            "seed (its geometric mean over seeds), from the nmse of these studies; null with fewer "
            "than 3 seeds, and where one has none or an exact one.",
        ),
        ("nmse_high", "float?", "Upper end of the same interval."),
        (
            "nmse_longer",
            "float?",
            "Median nmse of the replicates at the largest steps_factor above 1; null without, and "
            "where it is infinite because most diverged.",
        ),
        ("steps_longer", "integer?", "Planned optimizer steps of those longer replicates."),
        (
            "loss",
            "float?",
            "Median loss of the replicates at steps_factor 1, in squared label units; a diverged "
            "one counts as infinite, and an infinite median is null.",
        ),
        (
            "pearson_r",
            "float?",
            "Median pearson_r of the same replicates, where one without counts as 0: nothing of "
            "the labels is in predictions that are all alike; null with other data than two modes.",
        ),
        ("pearson_r_max", "float?", "Highest pearson_r of the same replicates, likewise."),
        (
            "rmse",
            "float?",
            "Median rmse of the same replicates on the test ratings of a table; a diverged one "
            "counts as infinite, and an infinite median is null, as it is with other data.",
        ),
        (
            "recall_at_10",
            "float?",
            "Median recall_at_10 of the same replicates, where one without counts as 0; null "
            "unless items are ranked.",
        ),
        ("ndcg_at_10", "float?", "Median ndcg_at_10 of the same replicates, likewise."),
        (
            "constructed_nmse",
            "float?",
            "nmse that a network of the best trial's size with weights set by hand reaches; null "
            "where unknown.",
        ),
        ("samples", "integer", "Training pairs seen by all trials and replicates, added up."),
        ("train_seconds", "float", "Seconds of training of all trials and replicates, added up."),
    ),
)
