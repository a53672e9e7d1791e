"""The summary against a second implementation, and by its properties."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from results import SUMMARY, TRIALS, summarise
from results.constructions import Configuration, constructed_nmse
from results.rows import TrialRow, table_of_trials
from results.seed_interval import seed_interval
from tests.typed_rows import changed

MakeRow = Callable[..., TrialRow]

HYPERPARAMETERS = [
    "model",
    "factors",
    "y_range",
    "multiplication",
    "depth",
    "width",
    "layer_sizes",
    "learning_rate",
    "activation",
    "initialisation",
    "dropout",
    "optimizer",
    "weight_decay",
    "momentum",
    "beta_1",
    "beta_2",
    "epsilon",
    "schedule",
]
TASK = ["dimension", "target", "inputs", "scale", "label_noise_std", "data", "shuffle"]
TASK += ["pairs", "users", "items", "pairs_per_user", "table", "user", "item", "rating"]
TASK += ["timestamp", "split_seed", "fingerprint", "ranking"]


def random_result(
    generator: np.random.Generator, statuses: list[str], factor: int = 1
) -> dict[str, Any]:
    status = str(generator.choice(statuses))
    known = status != "diverged"
    return {
        "status": status,
        "nmse": float(generator.integers(1, 20)) / 16 if known else None,  # with ties
        "loss": float(generator.random()) if known else None,
        "depth": int(generator.integers(0, 5)),
        "learning_rate": float(generator.random()),
        "constructed_nmse": 0.0 if generator.random() < 0.5 else None,
        "pearson_r": float(generator.random()) if known and generator.random() < 0.6 else None,
        "rmse": float(generator.random()) if known else None,
        "recall_at_10": float(generator.random()) if known and generator.random() < 0.6 else None,
        "ndcg_at_10": float(generator.random()) if known and generator.random() < 0.6 else None,
        "steps": 4000 * factor if status == "completed" else 500,
        "samples": int(generator.integers(1, 2**40)),
        "train_seconds": float(generator.random()),
    }


def random_trials(trial_row: MakeRow, generator: np.random.Generator) -> list[TrialRow]:
    """Make rows of several studies, some without a completed trial or without replicates."""
    rows: list[TrialRow] = []
    for dimension in (16, 2, 8):
        for multiplication in ("true", "false"):
            study = f"dimension={dimension},multiplication={multiplication}"
            cell = {"study": study, "dimension": dimension}
            statuses = ["completed", "pruned", "diverged"][int(generator.integers(0, 2)) :]
            searched = [
                trial_row(**cell, trial=number, **random_result(generator, statuses))
                for number in range(generator.integers(1, 12))
            ]
            rows += searched
            completed = [row for row in searched if row.status == "completed"]
            if not completed or generator.random() < 0.2:
                continue
            best = min(completed, key=lambda row: (row.nmse, row.trial))
            for factor in [1, 2, 4] if generator.random() < 0.5 else [1]:
                for replicate in range(generator.integers(1, 6)):
                    result = random_result(
                        generator, ["completed", "completed", "diverged"], factor
                    )
                    name = {"phase": "confirm", "replicate": replicate, "steps_factor": factor}
                    rows.append(changed(best, **name, **result))
    return rows


def reference(trials: pd.DataFrame) -> pa.Table:
    """Summarise with groupby and joins on the whole frame."""
    by_study = trials.groupby("study")
    search = trials[trials["phase"] == "search"]
    out = by_study[["search", "seed", *TASK, "batch_size"]].first()
    out["pairs"] = out["pairs"].astype("Int64")
    out["trials"] = search.groupby("study").size()
    for status in ("completed", "pruned", "diverged"):
        out[status] = (search["status"] == status).groupby(search["study"]).sum()
    completed = search[search["status"] == "completed"].sort_values(["study", "nmse", "trial"])
    best = completed.groupby("study").head(1).set_index("study")
    best = best.rename(columns={"trial": "best_trial", "nmse": "nmse_search"})
    columns = ["best_trial", *HYPERPARAMETERS, "parameters", "steps", "nmse_search"]
    out = out.join(best[columns])
    rows = [{str(name): value for name, value in row.items()} for _, row in best.iterrows()]
    known = [constructed_nmse(Configuration.of(row)) for row in rows]
    out["constructed_nmse"] = pd.Series(known, index=best.index, dtype=float)

    confirm = trials[trials["phase"] == "confirm"].copy()
    diverged = confirm["status"] == "diverged"
    confirm["lost"] = diverged.astype(int)
    numbers = ["nmse", "loss", "rmse"]
    confirm[numbers] = confirm[numbers].mask(diverged, math.inf)
    normal = confirm[confirm["steps_factor"] == 1].groupby("study")
    out["nmse"], out["loss"] = normal["nmse"].median(), normal["loss"].median()
    out["rmse"] = normal["rmse"].median()
    of_zero = ["pearson_r", "recall_at_10", "ndcg_at_10"]
    filled = confirm[confirm["steps_factor"] == 1].fillna(dict.fromkeys(of_zero, 0.0))
    for name in of_zero:
        out[name] = filled.groupby("study")[name].median().where(normal[name].count() > 0)
    of_most = filled.groupby("study")["pearson_r"].max()
    out["pearson_r_max"] = of_most.where(normal["pearson_r"].count() > 0)
    out["winners_curse"] = out["nmse"] - out["nmse_search"]
    out["search_seeds"] = 1
    out["nmse_low"] = out["nmse_high"] = None
    out["nmse_min"], out["nmse_max"] = normal["nmse"].min(), normal["nmse"].max()
    out["diverged_replicates"] = normal["lost"].sum()
    longest = confirm.groupby("study")["steps_factor"].transform("max")
    longer = confirm[(confirm["steps_factor"] == longest) & (longest > 1)].groupby("study")
    out["nmse_longer"] = longer["nmse"].median()
    out["steps_longer"] = longer["steps_factor"].first() * out["steps"]
    out["samples"] = by_study["samples"].sum()
    out["train_seconds"] = by_study["train_seconds"].sum()
    out = out.replace(math.inf, None)
    out = out.reset_index().sort_values(["dimension", "study"])
    table = pa.Table.from_pandas(out, schema=SUMMARY, preserve_index=False)
    return table.replace_schema_metadata()  # pandas keeps its own types there


@pytest.mark.parametrize("seed", range(20))
def test_the_summary_equals_a_second_implementation(trial_row: MakeRow, seed: int) -> None:
    generator = np.random.default_rng(seed)
    table = table_of_trials(random_trials(trial_row, generator))
    summary = summarise(table)
    assert summary.schema.equals(SUMMARY, check_metadata=True)
    pd.testing.assert_frame_equal(
        summary.to_pandas(),
        reference(table.to_pandas()).to_pandas(),
        rtol=1e-14,
    )


def test_studies_that_differ_in_the_seed_alone_have_an_interval_together(
    trial_row: MakeRow,
) -> None:
    rows = []
    for width, nmse in (("width=4", 0.1), ("width=8", 0.01)):
        for seed in range(4):
            for phase in ("search", "confirm"):
                study, found = f"{width},seed={seed}", nmse * (1 + seed / 10)
                rows.append(trial_row(study=study, seed=seed, phase=phase, nmse=found))
    rows.append(trial_row(study="width=16,seed=0", nmse=0.5))
    summary = {row["study"]: row for row in summarise(table_of_trials(rows)).to_pylist()}
    for width, nmse in (("width=4", 0.1), ("width=8", 0.01)):
        expected = seed_interval([nmse * (1 + seed / 10) for seed in range(4)])
        for seed in range(4):
            row = summary[f"{width},seed={seed}"]
            assert (row["seed"], row["search_seeds"]) == (seed, 4)
            assert (row["nmse_low"], row["nmse_high"]) == pytest.approx(expected)
    alone = summary["width=16,seed=0"]
    assert (alone["search_seeds"], alone["nmse_low"], alone["nmse_high"]) == (1, None, None)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_rows_does_not_matter(trial_row: MakeRow, seed: int) -> None:
    generator = np.random.default_rng(seed)
    table = table_of_trials(random_trials(trial_row, generator))
    shuffled = table.take(generator.permutation(table.num_rows))
    assert summarise(shuffled).equals(summarise(table))  # bit for bit, sums included


def test_studies_are_ordered_by_dimension_then_name(trial_row: MakeRow) -> None:
    studies = [(16, "b"), (2, "z"), (16, "a"), (8, "c")]
    rows = [trial_row(dimension=dimension, study=study) for dimension, study in studies]
    assert summarise(table_of_trials(rows))["study"].to_pylist() == ["z", "c", "a", "b"]


def test_grid_values_are_ordered_by_size_and_words_follow(trial_row: MakeRow) -> None:
    names = [f"batch_size={size},activation={name}" for size in (8, 16, 128) for name in "ab"]
    rows = [trial_row(study=name) for name in sorted(names)]
    assert summarise(table_of_trials(rows))["study"].to_pylist() == names
    steps = [f"scale={scale}" for scale in ("1e-05", "0.5", "2.0", "1e+20")]
    rows = [trial_row(study=name) for name in sorted(steps)]
    assert summarise(table_of_trials(rows))["study"].to_pylist() == steps


def test_an_order_that_is_known_comes_first(trial_row: MakeRow) -> None:
    rows = [trial_row(study=f"width={width}") for width in (16, 2, 128, 4)]
    summary = summarise(table_of_trials(rows), order=["width=128", "width=4", "not=there"])
    assert summary["study"].to_pylist() == ["width=128", "width=4", "width=2", "width=16"]


def test_no_trials_make_an_empty_summary() -> None:
    summary = summarise(TRIALS.empty_table())
    assert summary.num_rows == 0
    assert summary.schema.equals(SUMMARY, check_metadata=True)


def test_a_study_without_a_completed_trial_has_no_best(trial_row: MakeRow) -> None:
    rows = [
        trial_row(status="pruned", nmse=0.1),
        trial_row(trial=1, status="diverged", nmse=None, loss=None),
    ]
    (row,) = summarise(table_of_trials(rows)).to_pylist()
    assert (row["trials"], row["completed"], row["pruned"], row["diverged"]) == (2, 0, 1, 1)
    nulls = {name for name, value in row.items() if value is None}
    known = {"seed", "search_seeds", "dimension", "target", "inputs", "scale", "label_noise_std"}
    assert nulls == {field.name for field in SUMMARY if field.nullable} - known


def test_of_equal_trials_the_first_is_best(trial_row: MakeRow) -> None:
    rows = [trial_row(trial=number, nmse=0.5, width=number) for number in (7, 3, 5)]
    (row,) = summarise(table_of_trials(rows)).to_pylist()
    assert (row["best_trial"], row["width"], row["nmse_search"]) == (3, 3, 0.5)
    assert row["nmse"] is None


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_what_diverged_replicates_leave_unknown_is_null(trial_row: MakeRow, lost: int) -> None:
    gone: dict[str, Any] = {"status": "diverged", "nmse": None, "loss": None}
    known: list[dict[str, Any]] = [
        {"nmse": 0.25 + replicate, "loss": 2.0 + replicate} for replicate in range(3 - lost)
    ]
    rows = [
        trial_row(),
        *(
            trial_row(phase="confirm", replicate=replicate, **result)
            for replicate, result in enumerate([*known, *[gone] * lost])
        ),
        trial_row(phase="confirm", replicate=0, steps_factor=4, steps=10, **gone),
    ]
    (row,) = summarise(table_of_trials(rows)).to_pylist()
    assert row["diverged_replicates"] == lost
    assert row["nmse_min"] == (0.25 if lost < 3 else None)
    assert row["nmse_max"] == (2.25 if lost == 0 else None)
    assert (row["nmse"], row["loss"]) == ((1.25, 3.0) if lost < 2 else (None, None))
    assert row["nmse_longer"] is None
    assert row["steps_longer"] == 4 * 4000


def test_replicates_to_come_are_told_from_diverged_ones(trial_row: MakeRow) -> None:
    (row,) = summarise(table_of_trials([trial_row()])).to_pylist()
    assert row["nmse"] is None
    assert row["diverged_replicates"] is None
