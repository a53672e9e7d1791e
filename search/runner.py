"""Running a search: from a spec and an output folder to the rows in it."""

import logging
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas
import pyarrow
from rich.console import Console

from cluster.connect import connected
from cluster.resources import Cluster, WorkerRequest, worker_request, workers_at_once
from results import TRIALS, OutputError, OutputFolder, summarise
from spaces import Spec, load_spec
from spaces.yaml_text import read_yaml

from .provenance import command_line, from_json, now, provenance, to_json
from .search_run import SearchRun

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SearchResult:
    """A search's output folder, its tables as pandas frames, and what went wrong."""

    uri: str
    failed: Mapping[str, str]
    """Studies that could not be finished, with the reason."""

    @cached_property
    def trials(self) -> pandas.DataFrame:
        """One row per trial and confirm replicate."""
        return _frame(OutputFolder(self.uri).read_trials())

    @cached_property
    def curves(self) -> pandas.DataFrame:
        """One row per trial and evaluation."""
        return _frame(OutputFolder(self.uri).read_curves())

    @cached_property
    def summary(self) -> pandas.DataFrame:
        """One row per finished study: the achievable loss."""
        return _frame(OutputFolder(self.uri).read_summary())


def _frame(table: pyarrow.Table) -> pandas.DataFrame:
    frame: pandas.DataFrame = table.to_pandas()
    return frame


class SearchInterrupted(Exception):
    """The user stopped the search; `resume_search` finishes it."""


def run_search(
    spec: str | Path | Mapping[str, Any] | Spec,
    out: str | None = None,
    *,
    overrides: Sequence[str] = (),
    name: str | None = None,
    address: str | None = None,
    console: Console | None = None,
) -> SearchResult:
    """Run a search here or on the cluster at `address`; return its tables.

    `spec` is a preset's name, a YAML file, a mapping or a `Spec`; `out` a local path or a plain
    URI, by default runs/<name>. Progress goes to `console` (default: standard error).

    Raises:
        SpecError: the spec or an override is wrong; every fault is named.
        OutputError: the folder holds another search, or can't be written.
        ClusterError: Ray can't be reached, or has no node that can hold a worker.
        SearchInterrupted: SIGINT or SIGTERM came; what had finished is kept.
    """
    resolved = load_spec(spec, overrides=overrides, name=name)
    folder = OutputFolder(out or f"runs/{resolved.name}")
    if folder.exists():
        raise OutputError(
            f"{folder.uri} already holds a search; finish it with `dottune resume {folder.uri}`, "
            "or choose another folder with --out"
        )
    folder.check_writable()
    record = provenance(command_line())
    return _run(SearchRun(resolved), folder, [record], address, console)


def resume_search(
    uri: str, *, address: str | None = None, console: Console | None = None
) -> SearchResult:
    """Finish the search in `uri`: packs whose rows are there are not run again.

    Raises what `run_search` raises; OutputError if no search is there.
    """
    folder = OutputFolder(uri)
    if not folder.exists():
        raise OutputError(
            f"{folder.uri} holds no search (no spec.yaml); start one with `dottune run SPEC --out`"
        )
    where = f"{folder.uri}/spec.yaml"
    run = SearchRun(load_spec(read_yaml(folder.read_text("spec.yaml"), source=where)))
    restore(run, folder)
    records = from_json(folder.read_text("provenance.json"))
    if not run.finished:
        records.append(provenance(command_line()))
    return _run(run, folder, records, address, console)


def restore(run: SearchRun, folder: OutputFolder) -> None:
    """Give `run` the rows of the packs that have finished in `folder`."""
    curves: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    packs: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in folder.read_curves().to_pylist():
        curves.setdefault(_key(row), []).append(row)
    for row in folder.read_trials().to_pylist():
        packs.setdefault((row["study"], row["pack"]), []).append(row)
    for (study, number), trial_rows in sorted(packs.items()):
        curve_rows = [curve for row in trial_rows for curve in curves.get(_key(row), ())]
        run.finish(study, number, trial_rows, curve_rows)


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("study", "trial", "phase", "replicate", "steps_factor"))


def _run(
    run: SearchRun,
    folder: OutputFolder,
    records: list[dict[str, Any]],
    address: str | None,
    console: Console | None,
) -> SearchResult:
    console = console or Console(stderr=True)
    for note in run.spec.notes():
        console.print(f"[yellow]note:[/yellow] {note}", soft_wrap=True)
    if not run.finished:
        # Ray must see these before it is imported.
        os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
        os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
        os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
        os.environ.setdefault("TUNE_PRINT_ALL_TRIAL_ERRORS", "0")
        logging.getLogger("ray.tune.tune").setLevel(logging.CRITICAL)  # PackFailures says it
        with connected(address) as cluster:
            request = worker_request(run.spec.resources, cluster)
            folder.write_text("provenance.json", to_json(records))
            # Last: it makes the folder a search, which must be complete even after a kill.
            folder.write_text("spec.yaml", run.spec.to_yaml())
            _tune(run, folder, request, cluster, console)
    rows = run.finished_rows
    folder.write_summary(summarise(pyarrow.Table.from_pylist(rows, TRIALS)))
    if run.finished:
        folder.compact()
        records[-1]["finished_at"] = records[-1]["finished_at"] or now()
    folder.write_text("provenance.json", to_json(records))
    return SearchResult(folder.uri, dict(run.failed))


def _tune(
    run: SearchRun,
    folder: OutputFolder,
    request: WorkerRequest,
    cluster: Cluster,
    console: Console,
) -> None:
    """Train all packs that are left as Ray Tune trials."""
    from ray import tune

    from trainables.pack_trainable import PackTrainable

    from .interruption import Interrupted, InterruptionFlag
    from .pack_failures import PackFailures
    from .scheduler import PackScheduler
    from .searcher import PackSearcher
    from .summary_writer import SummaryWriter
    from .watching import watching
    from .worker_environment import environment_kept_here

    bundles = tune.PlacementGroupFactory([request.bundle], **request.placement)
    workers = workers_at_once(run.spec.resources, request, cluster, packs_at_once=run.packs_at_once)
    interruption = InterruptionFlag()
    scratch = tempfile.mkdtemp(prefix="dottune-")
    try:
        shown = watching(run, folder, console, dashboard=cluster.dashboard)
        with shown as watchers, interruption.listening(), environment_kept_here():
            tuner = tune.Tuner(
                tune.with_resources(PackTrainable, bundles),
                tune_config=tune.TuneConfig(
                    num_samples=-1,
                    search_alg=PackSearcher(run, out=folder.uri, cpus=request.cpus),
                    scheduler=PackScheduler(),  # type: ignore[no-untyped-call]
                    reuse_actors=True,
                    max_concurrent_trials=workers,
                    trial_dirname_creator=lambda trial: trial.trial_id,
                ),
                run_config=tune.RunConfig(
                    name="packs",
                    storage_path=scratch,
                    verbose=0,
                    callbacks=[
                        SummaryWriter(run, folder),
                        PackFailures(run),
                        *watchers,
                        interruption,
                    ],
                    failure_config=tune.FailureConfig(max_failures=2),
                    checkpoint_config=tune.CheckpointConfig(
                        checkpoint_frequency=0, checkpoint_at_end=False
                    ),
                ),
            )
            tuner.fit()
    except Interrupted:
        raise SearchInterrupted(
            f"interrupted with {run.trials_ended} of {run.trials} trials done; "
            f"go on with `dottune resume {folder.uri}`"
        ) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
