"""Small searches, run in the test's own process: the packs of a spec, trained without Ray."""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from results import OutputFolder
from results.rows import PackResult, TrialRow
from search.planning.search_plan import SearchPlan
from search.saved_search.finished_packs import of_finished_packs
from search.saved_search.provenance import command_line, provenance, to_json
from search.tune.searcher import pack_config
from search.views.guard import View
from spaces import Spec, load_spec
from tests.typed_rows import packed
from trainables import Pack, PackKey
from trainables.pack_rows import PackRows
from trainables.training import train

TINY: Mapping[str, Any] = {
    "name": "tiny",
    "grid": {"dimension": [1, 2]},
    "space": {
        "depth": {"low": 0, "high": 1},
        "width": {"low": 2, "high": 4},
        "learning_rate": {"low": 1e-3, "high": 1e-1, "log": True},
    },
    "fixed": {"multiplication": True, "steps": 4, "batch_size": 8},
    "budget": {"trials": 9, "pack_size": 3},
    "halving": {"grace_period": 2, "reduction_factor": 2, "min_survivors": 1},
    "confirm": {"replicates": 2, "steps_factors": [1, 2]},
}

MEASURED = ["started_at", "train_seconds", "pack_seconds", "device", "worker", "execution"]
"""Columns of trials that differ from run to run."""


def tiny(**changes: Any) -> Spec:
    """`TINY`, some sections changed."""
    return load_spec({**TINY, **changes})


def trained(pack: Pack) -> PackResult:
    """The rows of a pack, really trained."""
    rows = PackRows(
        pack=pack, device="cpu", worker="here", execution=0, started_at=datetime.now(UTC)
    )
    for report in train(pack, device=torch.device("cpu")):
        rows.add(report, 0.0)
    return rows.result()


_trained: dict[str, PackResult] = {}


def train_once(pack: Pack) -> PackResult:
    """The rows of a pack, which are always the same."""
    key = str(pack.to_plain())
    if key not in _trained:
        _trained[key] = trained(pack)
    return _trained[key]


def run_all(
    plan: SearchPlan,
    train_pack: Callable[[Pack], PackResult] = trained,
    *,
    workers: int = 1,
    order: random.Random | None = None,
) -> list[Pack]:
    """Run the search to its end with `workers` packs in flight, finished in any `order`.

    Returns the packs in the order in which they finished.
    """
    in_flight: list[Pack] = []
    done: list[Pack] = []
    while True:
        while len(in_flight) < workers and (pack := plan.next_pack()):
            in_flight.append(pack)
        if not in_flight:
            return done
        pack = in_flight.pop(order.randrange(len(in_flight)) if order else 0)
        plan.finish(pack.key, train_pack(pack))
        done.append(pack)


def written(out: Path, spec: Spec) -> Path:
    """A finished search, trained in this process."""
    folder = OutputFolder(out)
    folder.write_text("provenance.json", to_json([provenance(command_line(), spec)]))
    folder.write_text("spec.yaml", spec.to_yaml())
    for pack in run_all(plan := SearchPlan(spec), train_once):
        folder.write_pack(*pack.key, train_once(pack))
    assert plan.finished
    return out


class RecordedPlan(SearchPlan):
    """A plan that also keeps the rows it has taken in, by their study."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.rows: dict[str, list[TrialRow]] = {name: [] for name in self.studies}

    def finish(self, key: PackKey, result: PackResult) -> None:
        super().finish(key, result)
        self.rows[key.study] += result.trials


def rows_of(plan: RecordedPlan) -> list[TrialRow]:
    """All rows that a plan has taken in."""
    return [row for rows in plan.rows.values() for row in rows]


def resumed(folder: OutputFolder, spec: Spec) -> SearchPlan:
    """The plan of a search with the packs whose rows are in a folder."""
    trials, curves = folder.trials_by_study(), folder.curves_by_study()
    plan = SearchPlan(spec)
    for name in trials.studies:
        plan.restore(name, of_finished_packs(trials.of(name), curves.of(name)))
    return plan


def content(out: Path) -> dict[Path, bytes]:
    """Every file below a folder."""
    return {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def run_packs(plan: SearchPlan, folder: OutputFolder, view: View, most: int = 1000) -> None:
    """Train up to `most` packs here, write their rows, and tell the view as Tune would."""
    while most > 0 and (pack := plan.next_pack()):
        result = trained(pack)
        folder.write_pack(*pack.key, result)
        step = min(row.step for row in result.curves)
        early = packed([], [row for row in result.curves if row.step == step])
        trial: Any = SimpleNamespace(config=pack_config(pack))
        view.on_trial_result(0, [], trial, {"so_far": early.to_arrow()})
        plan.finish(pack.key, result)
        view.on_trial_result(0, [], trial, {"pack_result": result.to_arrow()})
        view.on_trial_complete(0, [], trial)
        most -= 1


def by_identity(packs: Sequence[Pack]) -> dict[PackKey, Pack]:
    """The packs by their keys, each of which must be there once."""
    found = {pack.key: pack for pack in packs}
    assert len(found) == len(packs)
    return found
