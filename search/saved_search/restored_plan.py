"""The plan of a search on its way, from the rows in its folder."""

from results import OutputFolder

from ..planning.search_plan import SearchPlan
from .finished_packs import CURVE_COLUMNS, of_finished_packs
from .folder_state import Searched
from .row_check import check_record, misfits, refuse, refuse_older_rows


def restored_plan(found: Searched, folder: OutputFolder) -> SearchPlan:
    """Return a search's plan with all packs whose rows are there, read one study at a time.

    Raises:
        OutputError: the rows can't be read, or were made from another spec than its spec.yaml.
    """
    trials, curves = folder.trials_by_study(), folder.curves_by_study()
    check_record(found, [*trials.studies, *curves.studies])
    plan = SearchPlan(found.spec)
    reasons: dict[str, str] = {}
    for name in trials.studies:
        rows = trials.of(name)
        refuse_older_rows(found, rows)
        reasons = misfits(plan.studies[name], rows) | reasons
        if not reasons:
            plan.restore(name, of_finished_packs(rows, curves.of(name, CURVE_COLUMNS)))
    refuse(found, reasons.values())
    return plan
