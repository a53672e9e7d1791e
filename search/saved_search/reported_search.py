"""A search in the words of its report, read from its folder."""

import pyarrow

from results import CURVES, TRIALS, OutputFolder
from results.report.reported import Bounds, PlannedStudy, ReportedSearch
from spaces import Choices, Spec, Study, studies
from spaces.domains import Domain

from ..text.study_label import study_label
from .folder_state import folder_state, searched
from .overview import overview
from .sampled_trials import Sample, of_trials, sampled

MOST_TRIALS = 5_000
"""A page with more trials in its figures is slow to open, and none can be told from another."""


def reported_search(folder: OutputFolder) -> ReportedSearch:
    """Read a search, finished or not.

    Raises:
        OutputError: no search is there, or a file can't be read.
    """
    found = searched(folder_state(folder))
    standing, planned = overview(folder), studies(found.spec)
    sample = Sample(
        studies=len(planned),
        trials=max(standing.summary["trials"].to_pylist()),
        most=MOST_TRIALS,
    )
    in_folder, points = folder.trials_by_study(), folder.curves_by_study()
    trials = {name: sampled(in_folder.of(name), sample) for name in in_folder.studies}
    curves = [of_trials(points.of(name), rows) for name, rows in trials.items()]
    return ReportedSearch(
        uri=folder.uri,
        name=found.spec.name,
        seeds=sorted({study.seed for study in planned}),
        studies=[_planned(study) for study in planned],
        replicates=_replicates(found.spec),
        missing=standing.unfinished,
        spec=found.spec.to_yaml(),
        executions=found.records,
        sampled=str(sample),
        trials=pyarrow.concat_tables([TRIALS.empty_table(), *trials.values()]),
        curves=pyarrow.concat_tables([CURVES.empty_table(), *curves]),
        summary=standing.summary,
    )


def _replicates(spec: Spec) -> int:
    return 0 if spec.confirm is None else spec.confirm.replicates


def _planned(study: Study) -> PlannedStudy:
    texts = [pair.partition("=")[2] for pair in study_label(study.name, "\n").split("\n")]
    return PlannedStudy(
        name=study.name,
        label=study_label(study.name),
        grid=study.grid,
        shown=dict(zip(study.grid, texts, strict=False)),  # without a grid the name is the task's
        space={name: _bounds(domain) for name, domain in study.space.items()},
    )


def _bounds(domain: Domain) -> Bounds | None:
    if isinstance(domain, Choices):
        return None
    return Bounds(low=domain.low, high=domain.high, log=domain.log)
