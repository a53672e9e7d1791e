"""The columns that other programs rely on."""

import pyarrow as pa
import pytest

import results
from results import CURVES, SUMMARY, TRIALS
from results.schemas import CURVE_KEY, SCHEMA_VERSION, TRIAL_KEY


def test_the_public_names_are_sorted_and_exist() -> None:
    assert results.__all__ == sorted(results.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(results, name) for name in results.__all__)


@pytest.mark.parametrize("schema", [TRIALS, CURVES, SUMMARY])
def test_every_column_is_plain_and_described(schema: pa.Schema) -> None:
    plain = {pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.timestamp("us", tz="UTC")}
    assert schema.metadata == {b"schema_version": str(SCHEMA_VERSION).encode()}
    assert len(set(schema.names)) == len(schema.names)
    for field in schema:
        assert field.type in plain
        assert field.metadata[b"description"].decode().endswith(".")


def test_only_what_can_be_unknown_is_nullable() -> None:
    assert [field.name for field in TRIALS if field.nullable] == [
        "seed",
        *("dimension", "target", "inputs", "scale", "label_noise_std"),
        *("pairs", "users", "items", "pairs_per_user"),
        *("table", "user", "item", "rating", "timestamp", "split_seed", "fingerprint"),
        "ranking",
        "shuffle",
        *("factors", "y_range", "multiplication", "depth", "width", "layer_sizes"),
        "activation",
        "initialisation",
        "dropout",
        "weight_decay",
        "momentum",
        *("beta_1", "beta_2", "epsilon"),
        "flops",
        "train_loss",
        "loss",
        "loss_stderr",
        "nmse",
        "nmse_stderr",
        "nmse_first_rung",
        "constructed_nmse",
        "rmse_excess_test",
        "rmse_excess_fresh",
        "pearson_r",
        "rmse",
        "recall_at_10",
        "ndcg_at_10",
        "execution",
    ]
    assert [field.name for field in CURVES if field.nullable] == [
        "train_loss_at_step",
        "loss_at_step",
        "nmse_at_step",
    ]


def test_keys_come_first_in_order_and_are_shared() -> None:
    assert TRIALS.names[1:6] == list(TRIAL_KEY)
    assert CURVES.names[1:7] == [*TRIAL_KEY, "step"] == list(CURVE_KEY)


def test_a_loss_says_of_which_weights_and_pairs_it_is() -> None:
    loss = TRIALS.field("loss").metadata[b"description"].decode()
    for words in ("final weights on all 65,536 pairs", "running average", "8,192", "diverged"):
        assert words in loss
