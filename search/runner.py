"""Running a search: from a spec and an output folder to the rows in it."""

import logging
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas
import pyarrow
from rich.console import Console

from cluster.connect import connected
from cluster.resources import (
    Cluster,
    WorkerRequest,
    worker_request,
    workers_at_once,
    workers_of,
    workers_text,
)
from results import OutputError, OutputFolder, OutputUnavailable, load_trials, patiently, summary_of
from results.lease import Lease, OutputInUse
from spaces import Spec, load_spec
from spaces.pack_size import idle_gpu_note

from .forecasting.pack_work import work_of
from .forecasting.size import size_of
from .memory_need import check_memory
from .planning.search_plan import SearchPlan
from .saved_search.folder_state import Searched, folder_state, refuse_unless_free, searched
from .saved_search.provenance import (
    Record,
    command_line,
    environment_changes,
    now,
    provenance,
    to_json,
)
from .saved_search.restored_plan import restored_plan
from .saved_search.resuming_command import resuming_command
from .saved_search.time_used import COLUMNS as TIME_COLUMNS
from .saved_search.time_used import time_used
from .table_facts import with_table_facts
from .text.consoles import MessageConsole
from .text.plain_text import say, say_note
from .views.forgiving import Guard

if TYPE_CHECKING:
    from .views.report import WrittenReport

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SearchResult:
    """A search's output folder, its tables as pandas frames, and what went wrong."""

    uri: str
    failed: Mapping[str, str]
    """Studies that could not be finished, with the reason."""
    report: "WrittenReport | None"
    """None where it could not be made or written."""

    @cached_property
    def trials(self) -> pandas.DataFrame:
        """One row per trial and confirm replicate."""
        return load_trials(self.uri)

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
    resume_if_there: bool = False,
) -> SearchResult:
    """Run a search here or on the cluster at `address`; return its tables.

    `spec` is a preset's name, a YAML file, a mapping or a `Spec`; `out` a local path or a plain
    URI, by default runs/<name>. Progress goes to `console` (default: standard error).
    `resume_if_there`: where this search lies in the folder already, finished or not, go on with it
    (with the resources and the TensorBoard of `spec`), so that the same call may be made again.

    Raises:
        SpecError: the spec or an override is wrong, every fault is named; or its table is.
        OutputError: the folder holds another search, is being written by one, or can't be written.
        ClusterError: Ray can't be reached, or has no node that can hold a worker or a pack.
        SearchInterrupted: SIGINT or SIGTERM came; what had finished is kept.
    """
    console = console or MessageConsole()
    resolved = with_table_facts(
        load_spec(spec, overrides=overrides, name=name), tell=partial(say_note, console)
    )
    folder = OutputFolder(f"runs/{resolved.name}" if out is None else out)
    state = folder_state(folder)
    if resume_if_there and isinstance(state, Searched) and not state.difference(resolved):
        return _resumed(state.carried_out_like(resolved), folder, address, console)
    refuse_unless_free(state, resolved)
    folder.check_writable()
    with folder.leaving_no_empty_folder(), _lease(folder, console) as lease:
        refuse_unless_free(folder_state(folder), resolved)  # nobody has begun one meanwhile
        record = provenance(command_line(), resolved)
        return _run(SearchPlan(resolved), folder, lease, [record], address, console)


def resume_search(
    uri: str,
    *,
    overrides: Sequence[str] = (),
    address: str | None = None,
    console: Console | None = None,
) -> SearchResult:
    """Finish the search in `uri`: packs whose rows are there are not run again.

    `overrides`, such as "budget.trials=200", ask for more than it was begun with: its trials stay,
    the further ones are suggested from them as in a search that asked for all at once, and what is
    the best then is confirmed.

    Raises what `run_search` raises; OutputError if no search is there, or its rows were made from
    another spec than its spec.yaml. Then nothing in the folder is changed.
    """
    folder = OutputFolder(uri)
    found = searched(folder_state(folder), otherwise="start one with `dottune run SPEC --out`")
    shown = console or MessageConsole()
    return _resumed(found.extended(overrides), folder, address, shown)


def _lease(folder: OutputFolder, console: Console) -> Lease:
    return Lease(folder, say=lambda text: say_note(console, text))


def _resumed(
    found: Searched, folder: OutputFolder, address: str | None, console: Console
) -> SearchResult:
    with _lease(folder, console) as lease:
        plan = restored_plan(found, folder)
        if not plan.finished:
            with_table_facts(found.spec)  # which is to hold what it held
        records = [*found.records]
        if plan.time_left is not None:
            plan.time_left -= time_used(records, folder.trials_by_study().all(TIME_COLUMNS))
        if found.out_of_time:
            plan.close()
            time = plan.spec.budget.time
            say_note(console, f"budget.time: {time} are used up: --set budget.time gives it more")
        # A run that was killed at its very end stays one: its time is that of its rows.
        if not plan.finished or not records or records[-1]["finished_at"] is None:
            record = provenance(command_line(), found.spec)
            if plan.closed:
                record["time_up"] = records[-1]["time_up"]
            records.append(record)
        return _run(plan, folder, lease, records, address, console)


def _run(
    plan: SearchPlan,
    folder: OutputFolder,
    lease: Lease,
    records: list[Record],
    address: str | None,
    console: Console,
) -> SearchResult:
    for note in plan.spec.notes():
        say_note(console, note)
    if not plan.finished:
        if changed := environment_changes(records):
            text = f"this search began with {changed}: new rows may differ in their last digits"
            say_note(console, f"{text} (column execution)")
        # Ray must see these before it is imported.
        os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
        os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
        os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
        os.environ.setdefault("TUNE_PRINT_ALL_TRIAL_ERRORS", "0")
        # Its own record of all packs, to go on from: the rows are ours.
        os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "inf")
        logging.getLogger("ray.tune.tune").setLevel(logging.CRITICAL)  # PackFailures says it
        with connected(
            address, meanwhile=_import_the_rest, worker_modules=_WORKER_MODULES
        ) as cluster:
            request = worker_request(
                plan.spec.worker_resources,
                cluster,
                packs=plan.packs_in_flight,
                pack_size=plan.spec.budget.pack_size,
            )
            workers = workers_at_once(
                plan.spec.resources,
                request,
                cluster,
                packs_at_once=plan.packs_at_once,
                waiting=plan.spec.learns,
                timed=plan.spec.budget.time is not None,
            )
            check_memory(plan.spec, request, cluster)
            budget = plan.spec.budget
            idle = idle_gpu_note(
                pack_size=budget.pack_size, trials=budget.trials, gpus=request.gpus
            )
            if idle is not None:
                say_note(console, idle)
            if folder.present(["summary.parquet"]):  # of studies that are to go on
                _write_summary(plan, folder)
            patiently(lambda: folder.write_text("provenance.json", to_json(records)))
            # Last: it makes the folder a search, which must be complete even after a kill.
            patiently(lambda: folder.write_text("spec.yaml", plan.spec.to_yaml()))
            try:
                _tune(plan, folder, lease, records, request, workers, cluster, console)
            except SearchInterrupted:
                Guard("the summary").attempt(lambda: folder.write_summary(_summary(plan)))
                raise
    try:
        _write_outcome(plan, folder, records)
    except OutputError as error:
        raise OutputUnavailable(
            f"{error}; the rows written before are kept: go on with "
            f"`{resuming_command(folder.uri)}`"
        ) from error
    return SearchResult(folder.uri, dict(plan.failed), _write_report(folder))


def _write_outcome(plan: SearchPlan, folder: OutputFolder, records: list[dict[str, Any]]) -> None:
    """Write what is known at the end: the summary, the record of this run."""
    _write_summary(plan, folder)
    if plan.finished:
        patiently(folder.compact)
        patiently(folder.delete_checkpoints)
        records[-1]["finished_at"] = records[-1]["finished_at"] or now()
    patiently(lambda: folder.write_text("provenance.json", to_json(records)))


def _write_summary(plan: SearchPlan, folder: OutputFolder) -> None:
    summary = _summary(plan)
    patiently(lambda: folder.write_summary(summary))


def _summary(plan: SearchPlan) -> pyarrow.Table:
    """Of the studies that have finished."""
    return summary_of(plan.finished_tallies, order=[*plan.studies])


def _write_report(folder: OutputFolder) -> "WrittenReport | None":
    """Write the report, which is no part of the outcome: a failure is said and forgiven."""
    from .views.report import write_report

    written: list[WrittenReport] = []
    Guard("the report").attempt(lambda: written.append(write_report(folder)))
    return written[0] if written else None


def _trials_done(plan: SearchPlan) -> str:
    of_all = "" if plan.trials is None else f" of {plan.trials}"
    return f"{plan.trials_ended}{of_all} trials"


_WORKER_MODULES = ("trainables.pack_trainable", "trainables.pack_rows", "trainables.training")
"""What a worker needs for its first pack: four seconds of imports."""


def _import_the_rest() -> None:
    """Import what `_tune` needs: seconds that Ray's start takes anyway."""
    import scipy.stats  # noqa: F401

    from trainables import pack_trainable  # noqa: F401

    from .tune import interruption, pack_failures, scheduler, searcher  # noqa: F401
    from .views import report, watching  # noqa: F401


def _tune(
    plan: SearchPlan,
    folder: OutputFolder,
    lease: Lease,
    records: list[Record],
    request: WorkerRequest,
    workers: int,
    cluster: Cluster,
    console: Console,
) -> None:
    """Train all packs that are left as Ray Tune trials, on so many `workers` at most."""
    from ray import tune

    from trainables.pack_trainable import PackTrainable

    from .tune.forgotten_packs import ForgottenPacks
    from .tune.interruption import Interrupted, InterruptionFlag
    from .tune.pack_failures import PackFailures
    from .tune.scheduler import PackScheduler
    from .tune.searcher import PackSearcher
    from .tune.time_budget import TimeBudget
    from .tune.worker_environment import environment_kept_here
    from .views.forecast_text import size_line
    from .views.watching import watching

    work = size_line(size_of(plan, work_of(plan.spec)))
    say(console, f"work         {work}")
    bundles = tune.PlacementGroupFactory([request.bundle], **request.placement)
    say(console, f"workers      {workers_text(request, cluster, packs=workers)}")

    def time_is_up() -> None:
        records[-1]["time_up"] = now()
        with suppress(OutputError):  # it is written again at the end
            folder.write_text("provenance.json", to_json(records))
        text = f"budget.time: {plan.spec.budget.time} are up: no further pack of the search begins"
        Guard("a note").attempt(lambda: say_note(console, text))

    interruption = InterruptionFlag()
    lease.when_lost = interruption.raise_soon
    scratch = tempfile.mkdtemp(prefix="dottune-")
    try:
        shown = watching(plan, folder, console, dashboard=cluster.dashboard)
        searcher = PackSearcher(
            plan,
            out=folder.uri,
            execution=len(records) - 1,
            cpus=request.cpus,
            time_budget=TimeBudget(
                plan,
                workers=workers_of(request, cluster, packs=workers),
                when_up=time_is_up,
            ),
        )
        with shown as watchers, interruption.listening(), environment_kept_here():
            tuner = tune.Tuner(
                tune.with_resources(PackTrainable, bundles),
                tune_config=tune.TuneConfig(
                    num_samples=-1,
                    search_alg=searcher,
                    scheduler=PackScheduler(workers),
                    reuse_actors=True,
                    max_concurrent_trials=workers,
                    trial_dirname_creator=lambda trial: trial.trial_id,
                ),
                run_config=tune.RunConfig(
                    name="packs",
                    storage_path=scratch,
                    verbose=0,
                    callbacks=[
                        PackFailures(searcher),
                        *watchers,
                        interruption,
                        ForgottenPacks(),
                    ],
                    failure_config=tune.FailureConfig(max_failures=0),
                    checkpoint_config=tune.CheckpointConfig(
                        checkpoint_frequency=0, checkpoint_at_end=False
                    ),
                ),
            )
            tuner.fit()
    except Interrupted:
        if lease.lost_to is not None:
            raise OutputInUse(
                f"one search at a time can write to an output folder; {folder.uri} has been taken "
                f"over by {lease.lost_to}, as this process didn't renew its lease; that one goes on"
            ) from None
        raise SearchInterrupted(
            f"interrupted with {_trials_done(plan)} done; "
            f"go on with `{resuming_command(folder.uri)}`"
        ) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
