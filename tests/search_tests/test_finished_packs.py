"""A folder's rows, sorted by the packs that gave them."""

from pathlib import Path

import pytest

from results import OutputFolder
from results.rows import PackResult, curves_of, trials_of
from search.planning.search_plan import SearchPlan
from search.saved_search.finished_packs import finished_packs
from tests.search_tests.studies import tiny, trained
from trainables import PackKey


@pytest.fixture(scope="module")
def results() -> dict[PackKey, PackResult]:
    """What each pack of a small search gave."""
    plan = SearchPlan(tiny())
    found = {}
    while pack := plan.next_pack():
        found[pack.key] = trained(pack)
        plan.finish(pack.key, found[pack.key])
    return found


def test_each_pack_has_what_it_gave(results: dict[PackKey, PackResult], tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    for key, result in results.items():
        folder.write_pack(*key, result)
    found = finished_packs(trials_of(folder.read_trials()), curves_of(folder.read_curves()))
    assert found.keys() == results.keys()
    for key, result in results.items():
        assert found[key].trials == result.trials
        assert set(found[key].curves) == set(result.curves)
        assert len(found[key].curves) == len(result.curves)


def test_a_pack_without_trials_has_not_finished(results: dict[PackKey, PackResult]) -> None:
    lost, *_ = results
    trials = [row for key, result in results.items() if key != lost for row in result.trials]
    curves = [row for result in results.values() for row in result.curves]
    assert finished_packs(trials, curves).keys() == results.keys() - {lost}
