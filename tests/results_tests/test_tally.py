"""What a study's rows come to, however they come."""

import math
import random
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from results.rows import TrialRow, table_of_trials
from results.tally import StudyTally
from spaces.vocabulary import STATUSES, best_trial
from tests.typed_rows import changed

MakeTrial = Callable[..., TrialRow]


@given(
    ended=st.lists(
        st.tuples(st.sampled_from(STATUSES), st.sampled_from([0.25, 0.5, 0.5, 1e-20, 3.0])),
        min_size=1,
        max_size=30,
    ),
    confirms=st.lists(st.tuples(st.integers(0, 29), st.integers(0, 3)), max_size=8, unique=True),
    draw=st.randoms(use_true_random=False),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_tally_is_that_of_the_rows(
    ended: list[tuple[str, float]],
    confirms: list[tuple[int, int]],
    draw: random.Random,
    trial_row: MakeTrial,
) -> None:
    searched = [
        changed(
            trial_row(),
            trial=trial,
            status=status,
            nmse=None if status == "diverged" else nmse,
            steps=trial + 1,
            train_seconds=0.1 * trial,
        )
        for trial, (status, nmse) in enumerate(ended)
    ]
    confirmed = [
        changed(trial_row(), trial=trial, phase="confirm", replicate=replicate)
        for trial, replicate in confirms
    ]
    rows = [*searched, *confirmed]
    draw.shuffle(rows)
    tally = StudyTally()
    left = list(rows)
    while left:
        taken = draw.randint(1, len(left))
        tally.take(table_of_trials(left[:taken]))
        left = left[taken:]
    assert tally.best == best_trial(searched)
    assert tally.rows == len(rows)
    assert tally.trials == len(searched)
    for status in STATUSES:
        assert tally.statuses[status] == sum(row.status == status for row in searched)
    assert tally.member_steps == sum(row.steps for row in rows)
    assert tally.samples == sum(row.samples for row in rows)
    assert tally.train_seconds == math.fsum(row.train_seconds for row in rows)
    lowest: list[float] = []
    improved: list[bool] = []
    for row in (row for row in rows if row.phase == "search"):
        before = lowest[-1] if lowest else math.inf
        nmse = row.nmse if row.status == "completed" and row.nmse is not None else math.inf
        lowest.append(min(before, nmse))
        improved.append(nmse < before)
    assert list(tally.best_nmse) == lowest
    assert tally.improved.tolist() == improved
    best = tally.best
    of_best = [row for row in confirmed if best is not None and row.trial == best.trial]
    assert tally.replicates == sorted(of_best, key=lambda row: row.replicate)
