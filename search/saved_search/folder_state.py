"""What an output folder is: everyone who writes, resumes or reads one asks `folder_state`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from results import OutputError, OutputFolder
from results.tensorboard import log_folders
from spaces import Spec, SpecError, load_spec, studies
from spaces.yaml_text import read_yaml

from .provenance import Record, from_json, made_from
from .resuming_command import resuming_command
from .spec_changes import grid_changes, growth, row_changes

SPEC, PROVENANCE = "spec.yaml", "provenance.json"
_ADDED = re.compile(
    r"\b(task|grid)\.(target|inputs|data)\b[^;]*must be one of|sampler: must be one of"
)
"""In the reasons: a name that another package may add."""
_WRITTEN = (
    *("trials", "curves", "summary.parquet", log_folders.STUDIES, log_folders.TRIALS),
    "report.html",
)
"""What a search writes once its spec.yaml is there."""


@dataclass(frozen=True, kw_only=True)
class Empty:
    """No search lies here; one may begin. What isn't named like a search's files doesn't matter.

    A run that was killed before it wrote its spec.yaml may have left a provenance.json.
    """

    uri: str


@dataclass(frozen=True, kw_only=True)
class Searched:
    """A search lies here: its spec and the records of its runs (none where that file is gone)."""

    uri: str
    spec: Spec
    records: Sequence[Record]
    made_from: Spec | None
    """What the rows were made from, by the latest record; None if no record says it."""

    def difference(self, spec: Spec) -> list[str]:
        """Return a line for each key that makes `spec` another search than this one."""
        there = self.made_from or self.spec
        return row_changes(there, spec) + grid_changes(there, spec) + growth(there, spec)

    @property
    def out_of_time(self) -> bool:
        """Whether its latest run ended the search because its time, still the same, was up."""
        if not self.records or "time_up" not in self.records[-1] or self.made_from is None:
            return False
        return self.made_from.budget == self.spec.budget

    def carried_out_like(self, spec: Spec) -> "Searched":
        """Return this search with what of `spec` changes no row.

        That is resources, TensorBoard, the time, and where a table of ratings lies.
        """
        budget = self.spec.budget.model_copy(update={"time": spec.budget.time})
        free = {
            "task": self.spec.task.model_copy(update={"table": spec.task.table}),
            "resources": spec.resources,
            "tensorboard": spec.tensorboard,
            "budget": budget,
        }
        return replace(self, spec=self.spec.model_copy(update=free))

    def extended(self, overrides: Sequence[str]) -> "Searched":
        """Return this search with a spec that asks for more.

        Raises:
            SpecError: an override is wrong.
            OutputError: it would change rows that are there, or drop studies; says which may grow.
        """
        from ..table_facts import with_absolute_table  # torch comes with it: not for readers

        spec = with_absolute_table(load_spec(self.spec.to_mapping(), overrides=overrides))
        faults = row_changes(self.spec, spec)
        dropped = {each.name for each in studies(self.spec)} - {each.name for each in studies(spec)}
        faults += [f"grid: without the study {name}" for name in sorted(dropped)]
        if faults:
            raise OutputError(
                "a search can be given more budget.trials, another budget.time, more of confirm, "
                "more values in its grid, other resources, another tensorboard and another place "
                "of its table; "
                f"got {'; '.join(faults)} for {self.uri}; "
                "run what you want instead in another folder (`dottune run SPEC --out`)"
            )
        return replace(self, spec=spec)


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """Files named like a search's, but no spec.yaml: somebody else's, or that file is gone."""

    uri: str
    names: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Damaged:
    """A search lies here, but one of its text files can't be understood."""

    uri: str
    file: str
    reason: str


FolderState = Empty | Searched | Foreign | Damaged


def folder_state(folder: OutputFolder) -> FolderState:
    """Say what the folder is; nothing is written.

    Raises:
        OutputError: it can't be read.
    """
    present = folder.present([SPEC, PROVENANCE, *_WRITTEN])
    records: list[Record] = []
    before, damage = None, ""
    if PROVENANCE in present:
        text = folder.read_text(PROVENANCE)
        try:
            records = from_json(text)
            before = made_from(records)
        except ValueError as error:
            damage = str(error)
    if SPEC not in present:
        theirs = [name for name in present if name != PROVENANCE or damage]
        return Foreign(uri=folder.uri, names=theirs) if theirs else Empty(uri=folder.uri)
    if damage:
        return Damaged(uri=folder.uri, file=PROVENANCE, reason=damage)
    try:
        text = folder.read_text(SPEC)
        spec = load_spec(read_yaml(text, source=f"{folder.uri}/{SPEC}"))
    except SpecError as error:
        return Damaged(uri=folder.uri, file=SPEC, reason="; ".join(error.faults))
    return Searched(uri=folder.uri, spec=spec, records=records, made_from=before)


def refuse_unless_free(state: FolderState, spec: Spec) -> None:
    """Raise OutputError, with what to do, unless the search `spec` may begin there."""
    match state:
        case Empty():
            return
        case Searched(uri=uri) if difference := state.difference(spec):
            raise OutputError(
                f"{uri} already holds a search, another one ({'; '.join(difference)}); "
                "choose another folder with --out, or finish that one with "
                f"`{resuming_command(uri)}`"
            )
        case Searched(uri=uri):
            raise OutputError(
                f"{uri} already holds a search; finish it with `{resuming_command(uri)}`, "
                "or choose another folder with --out"
            )
    raise _no_search(state, "")


def searched(state: FolderState, *, otherwise: str = "check the path") -> Searched:
    """Return the state of a folder that holds a search.

    Raises:
        OutputError: for any other; `otherwise` is the next step where there is nothing.
    """
    if isinstance(state, Searched):
        return state
    raise _no_search(state, otherwise)


def _no_search(state: Empty | Foreign | Damaged, otherwise: str) -> OutputError:
    match state:
        case Empty(uri=uri):
            return OutputError(f"{uri} holds no search (no {SPEC}); {otherwise}")
        case Foreign(uri=uri, names=names):
            return OutputError(
                f"{uri} holds no search (no {SPEC}), but {', '.join(names)}, which a search would "
                f"write to; choose another folder or, if a search's {SPEC} is gone, put it back"
            )
        case Damaged(uri=uri, file=file, reason=reason):
            added = (
                "install the package that adds what is missing here (entry points dottune.*), or "
                if _ADDED.search(reason)
                else ""
            )
            return OutputError(
                f"{uri}/{file} must be as dottune wrote it; {reason}; {added}put that file back "
                f"({PROVENANCE} holds each run's spec), or choose another folder"
            )
