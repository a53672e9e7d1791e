"""The sentences of a report: each rule of their wording, by cases and by properties."""

import math
import random
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from results.report.conclusion import conclusion
from results.report.findings import Findings, findings_of
from results.report.limits import limits, notes
from results.report.reported import Bounds
from results.report.study_table import study_table
from tests.results_tests.reported_searches import MadeStudy, search, study

NO_BOUNDS = {"learning_rate": None}


def sentences(*studies: MadeStudy, **changes: object) -> list[str]:
    return conclusion(findings_of(search(*studies, **changes)))


def text(*studies: MadeStudy, **changes: object) -> str:
    return "\n".join(sentences(*studies, **changes))


def found_limits(*studies: MadeStudy) -> str:
    return "\n".join(limits(findings_of(search(*studies))))


def over_d(*replicates: Sequence[float | None], **more: object) -> list[MadeStudy]:
    """Studies at d = 1, 2, 4, ... with these replicates."""
    return [
        study({"dimension": 2**index}, *values, **more) for index, values in enumerate(replicates)
    ]


def test_the_best_that_was_trained_is_not_called_achievable_where_by_hand_is_lower() -> None:
    said = text(study({"dimension": 8}, 0.0089, 0.0096, 0.01, by_hand=0.0057))
    assert "achievable" not in said
    assert (
        "At dime=8 the search reached 0.0096 (3 replicates, 0.0089 to 0.010); weights set by hand "
        "reach 0.0057: this budget, not the size, limits it."
    ) in said


@pytest.mark.parametrize("by_hand", [None, 0.0088, 0.0095, 0.02])
def test_by_hand_is_lower_only_where_it_is_clearly_below_every_replicate(
    by_hand: float | None,
) -> None:
    assert "by hand" not in text(study({"dimension": 8}, 0.0089, 0.0096, 0.01, by_hand=by_hand))


def test_weights_by_hand_may_be_exact() -> None:
    said = text(study({"dimension": 8}, 0.1, 0.2, 0.3, by_hand=0.0))
    assert "weights set by hand are exact" in said


def test_the_study_with_the_highest_loss_tells_of_weights_by_hand() -> None:
    made = [
        study({"dimension": 1}, 0.1, 0.1, by_hand=1e-6),
        study({"dimension": 2}, 0.3, 0.3, by_hand=0.1),
        study({"dimension": 4}, 0.2, 0.2, by_hand=0.19),
    ]
    said = text(*made)
    assert "At d = 2 the search reached 0.30" in said
    assert "by hand is lower in 2 of 3 studies where it is known" in said


def test_a_trend_is_claimed_where_all_neighbouring_ranges_are_disjoint() -> None:
    lead = sentences(*over_d([0.1, 0.12], [0.2, 0.21], [0.3, 0.4]))[0]
    assert lead == (
        "The nmse of the best that was trained grows with d: 0.11 at d = 1, 0.35 at d = 4."
    )
    lead = sentences(*over_d([0.3, 0.4], [0.1, 0.12]))[0]
    assert "trained falls with d: 0.35 at d = 1, 0.11 at d = 2." in lead


def test_the_pairs_that_overlap_are_named() -> None:
    lead = sentences(*over_d([0.1, 0.15], [0.14, 0.2], [0.3, 0.4]))[0]
    assert "grows with d" in lead
    assert lead.endswith("; nothing is shown between 1 and 2 (the replicates' ranges overlap).")


def test_many_pairs_that_overlap_are_counted() -> None:
    lead = sentences(*over_d(*([0.1, 0.2] for _ in range(8)), [0.5, 0.6]))[0]
    assert "nothing is shown between 7 of 8 pairs of neighbours (the replicates'" in lead


def test_no_trend_where_all_overlap_or_none_was_trained_twice() -> None:
    lead = sentences(*over_d([0.1, 0.3], [0.2, 0.4]))[0]
    assert lead.startswith("No change of the nmse")
    lead = sentences(*over_d([0.1], [0.4]))[0]
    assert lead.startswith("No change of the nmse")
    assert "nothing is shown between 1 and 2 (fewer than two replicates)" in lead


def test_the_ends_count_too() -> None:
    """One step up, undone by a slow fall whose neighbours overlap, is no growth."""
    undone = over_d([0.1, 0.11], [0.2, 0.5], [0.15, 0.25], [0.05, 0.18], [0.03, 0.06])
    lead = sentences(*undone)[0]
    assert "neither grows nor falls with d throughout" in lead
    assert "0.045 at d = 16, 0.35 at d = 2" in lead
    slow = over_d([0.1, 0.14], [0.13, 0.18], [0.17, 0.24], [0.22, 0.32])
    assert sentences(*slow)[0].startswith(
        "The nmse of the best that was trained is higher at the last d than at the first: 0.12 at "
        "d = 1, 0.27 at d = 8; nothing is shown between 1 and 2, 2 and 4, 4 and 8"
    )


def test_a_trend_that_turns_is_none() -> None:
    lead = sentences(*over_d([0.1, 0.1], [0.4, 0.4], [0.2, 0.2]))[0]
    assert "neither grows nor falls with d throughout" in lead
    assert "0.10 at d = 1, 0.40 at d = 2" in lead


SPANS = st.lists(
    st.tuples(st.floats(1e-3, 1.0), st.floats(1.0, 1.5)).map(lambda p: (p[0], p[0] * p[1])),
    min_size=2,
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(SPANS)
def test_grows_only_with_disjoint_neighbours(spans: list[tuple[float, float]]) -> None:
    lead = sentences(*over_d(*spans))[0]
    pairs = [*pairwise(spans)]
    up = [before[1] < after[0] for before, after in pairs]
    down = [before[0] > after[1] for before, after in pairs]
    rises_in_all, falls_in_all = (spans[0][1] < spans[-1][0], spans[0][0] > spans[-1][1])
    assert ("trained grows with d" in lead) == (any(up) and not any(down) and rises_in_all)
    assert ("trained falls with d" in lead) == (any(down) and not any(up) and falls_in_all)
    assert ("is higher at the last d" in lead) == (rises_in_all and not any(up) and not any(down))
    assert ("is lower at the last d" in lead) == (falls_in_all and not any(up) and not any(down))
    assert lead.startswith("No change") == (
        not any(up) and not any(down) and not rises_in_all and not falls_in_all
    )
    for index, (rises, falls) in enumerate(zip(up, down, strict=True)):
        named = f"{2**index} and {2 ** (index + 1)}" in lead
        assert named == (not rises and not falls)


def test_exact_from_1e_12_down_and_never_a_number_below() -> None:
    made = [study({"dimension": 1}, 1e-12, 9.1e-25), study({"dimension": 2}, 1.1e-12, 1.2e-12)]
    findings = findings_of(search(*made))
    assert [outcome.exact for outcome in findings.outcomes] == [True, False]
    assert "exact at d = 1, 1.1e-12 at d = 2" in sentences(*made)[0]
    said = "\n".join([*conclusion(findings), study_table(findings)])
    assert not re.search(r"e-(1[3-9]|[2-9]\d)", said)


def test_a_search_of_exact_studies() -> None:
    lead = sentences(*over_d([0.0, 0.0], [1e-20, 1e-15]))[0]
    assert lead == "The best that was trained is exact (nmse at most 1e-12) in both studies."


def test_the_series_are_told_apart_and_the_exact_one_is_one_sentence() -> None:
    made = [
        study({"dimension": d, "multiplication": given}, *nmse)
        for d, nmse in ((1, (0.1, 0.1)), (2, (0.2, 0.2)))
        for given, nmse in ((False, nmse), (True, (1e-20, 1e-19)))
    ]
    first, second, *_ = sentences(*made)
    assert first.startswith("Without the product as an input the nmse of the best that was trained")
    assert second == (
        "With the product as an input it is exact (nmse at most 1e-12): 2 of 4 studies."
    )


@pytest.mark.parametrize(("noise", "shown"), [(0.05, "0.0096"), (0.2, "0.01 ")])
def test_two_digits_and_one_where_the_second_is_noise(noise: float, shown: str) -> None:
    lead = sentences(study({"dimension": 8}, 0.0096, 0.0096, noise=noise))[0]
    assert f"nmse {shown.strip()} (" in lead


def test_one_notation_in_a_column() -> None:
    table = study_table(findings_of(search(*over_d([0.1, 0.1], [2e-5, 2e-5], [1e-20, 1e-20]))))
    column = re.findall(r"<tr><th scope=row>[^<]*</th><td class=number>([^<]*)</td>", table)
    assert column == ["1.0e-01", "2.0e-05", "exact"]


def test_what_test_ratings_say_has_columns_where_it_is_known() -> None:
    plain = study_table(findings_of(search(*over_d([0.1, 0.1], [0.2, 0.2]))))
    assert not any(word in plain for word in ("rmse", "recall", "ndcg"))
    known = {"rmse": 0.91234, "recall_at_10": 0.0, "ndcg_at_10": 0.0254}
    made = [study({"dimension": 1}, 0.1, 0.1, columns=known), study({"dimension": 2}, 0.2, 0.2)]
    table = study_table(findings_of(search(*made)))
    headings = re.findall(r"<th scope=col[^>]*>([^<]*)</th>", table)
    rows = re.findall(r"<tr><th scope=row>.*</tr>", table)
    cells = [re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", row) for row in rows]
    first, second = (dict(zip(headings, row, strict=True)) for row in cells)
    for heading, text in {"test: rmse": "0.912", "recall@10": "0", "ndcg@10": "0.0254"}.items():
        assert (first[heading], second[heading]) == (text, "-")
    assert headings[-2:] == ["network", "status"]


def test_the_best_word_and_those_that_it_does_not_beat() -> None:
    made = [
        study({"optimizer": name}, *nmse)
        for name, nmse in {
            "adam": (0.1, 0.2),
            "adamw": (0.15, 0.3),
            "sgd": (0.5, 0.6),
        }.items()
    ]
    lead = sentences(*made)[0]
    assert "the best that was trained has optimizer = adam" in lead.lower()
    assert "which is not shown to be better than adamw" in lead
    assert re.search(r"sgd leaves 3\.\d times as much", lead)


def test_many_series_of_words_are_counted() -> None:
    made = [
        study({"dimension": d, "activation": name}, nmse, nmse * 1.2)
        for d in (1, 2, 4)
        for name, nmse in {
            "relu": 0.2,
            "gelu": 0.1 if d > 1 else 0.3,
            "silu": 0.5,
            "tanh": 0.6,
        }.items()
    ]
    lead, second, *_ = sentences(*made)
    assert lead == (
        "The lowest nmse has activation = gelu in 2 of 3 comparisons and relu in 1; in 3 of the 3 "
        "its replicates' range lies below all others."
    )
    assert second.startswith("The nmse of the best that was trained lies between 0.11 (")


def test_rounding_wins_no_comparison() -> None:
    """Of exact studies none is better than another."""
    made = [
        study({"activation": name, "dimension": d, "multiplication": given}, nmse, nmse)
        for d in (1, 2, 4)
        for given in (False, True)
        for name, nmse in (
            {"relu": 3e-15, "gelu": 2e-15, "silu": 4e-15, "tanh": 1e-15}
            if given
            else {"relu": 0.1, "gelu": 0.2, "silu": 0.3, "tanh": 0.4}
        ).items()
    ]
    assert "The lowest nmse has activation = relu in 3 of 3 comparisons;" in text(*made)


def test_many_series_of_numbers_are_counted() -> None:
    made = [
        study({"optimizer": name, "dimension": d}, factor * d, factor * d * 1.1)
        for name, factor in {"adam": 0.1, "sgd": 0.2, "adagrad": 0.3}.items()
        for d in (1, 2, 4, 8)
    ]
    assert sentences(*made)[0] == (
        "With d the nmse of the best that was trained grows in 3 of 3 series of studies."
    )


def test_what_more_steps_did_is_said_and_nothing_beyond() -> None:
    made = over_d([0.1, 0.1], [0.4, 0.4], longer=[0.05, 0.05])
    assert (
        "4 times the steps lower the nmse further in both studies, most at d = 2: from 0.40 to "
        "0.050."
    ) in text(*made)


def test_more_steps_that_don_t_help() -> None:
    assert "4 times the steps lower the nmse in no study." in text(
        study({"dimension": 8}, 0.1, 0.12, longer=[0.11, 0.13])
    )


def test_still_falling_is_the_last_halving_per_doubling() -> None:
    """The rungs of these curves halve the nmse; 4000 steps follow the rung at 1000."""
    said = text(study({"dimension": 8}, 0.1, 0.1, rungs=[500, 1000]))
    factor = f"{2 ** (1 / math.log2(4000 / 1000)):.1f}"
    assert (
        "Where training ended the loss was still falling in the only study: a doubling of the "
        f"steps divided it by {factor}, from the averaged weights at the last rung to the final "
        "ones."
    ) in said


def test_without_rungs_nothing_is_known_of_the_fall() -> None:
    assert "falling" not in text(study({"dimension": 8}, 0.1, 0.1))


def test_more_steps_may_bring_a_study_to_exactly_0() -> None:
    made = [
        study({"dimension": 8}, 0.1, 0.2, longer=[0.0, 0.0]),
        study({"dimension": 4}, 0.1, 0.2, longer=[0.05, 0.05]),
    ]
    (said,) = (each for each in sentences(*made) if " times the steps " in each)
    assert "further in both studies, most at d = 8: from" in said
    assert said.endswith("to exact.")


def test_a_study_whose_longer_replicates_diverged_was_tried_too() -> None:
    made = [
        study({"dimension": 2}, 0.1, 0.12, longer=[0.05, 0.06]),
        study({"dimension": 4}, 0.2, 0.22, longer=[None, None]),
    ]
    assert "4 times the steps lower the nmse further in 1 of 2 studies, most at" in text(*made)


def test_of_a_sample_it_may_be_the_sample_that_limits() -> None:
    fixed = {"data": "fixed", "pairs": 64}
    said = text(study({"dimension": 8}, 0.4, 0.5, by_hand=0.0057, columns=fixed))
    assert "reach 0.0057: this sample or the budget, not the size, limits it." in said


def test_how_many_seeds_there_were() -> None:
    assert sentences(study({"dimension": 8}, 0.1, 0.2), seeds=[7])[-1] == (
        "This is one search, of one seed (7): the ranges are those of retraining one network, not "
        "of searching again."
    )
    made = [study({"dimension": 8, "seed": seed}, 0.1, 0.2) for seed in (0, 1)]
    assert sentences(*made, seeds=[0, 1])[-1] == (
        "These are searches of 2 seeds (0, 1): the ranges are those of retraining one network; 3 "
        "and more would tell what another seed reaches."
    )


def over_seeds(**middles: float) -> list[MadeStudy]:
    """Three seeds at each of these dimensions (d1, d2, ...) with an nmse near the given one."""
    return [
        study({"dimension": int(name[1:]), "seed": seed}, middle * factor, middle * factor)
        for name, middle in middles.items()
        for seed, factor in enumerate((0.9, 1.0, 1.1))
    ]


SEEDS = {"seeds": [0, 1, 2]}


def ends_over_seeds(middle: float) -> str:
    """SciPy's interval of the mean of the logarithms, as the sentence writes it."""
    logarithms = numpy.log([0.9 * middle, middle, 1.1 * middle])
    ends = stats.t.interval(0.95, 2, loc=logarithms.mean(), scale=stats.sem(logarithms))
    return " to ".join(f"{end:.2g}" for end in numpy.exp(ends))


def test_what_one_search_reaches_with_other_seeds() -> None:
    assert sentences(*over_seeds(d8=0.033), **SEEDS)[-1] == (
        "These are searches of 3 seeds (0, 1, 2): the ranges are those of retraining one network; "
        f"of searching again, the 95% interval is {ends_over_seeds(0.033)}."
    )


@pytest.mark.parametrize(
    ("replicates", "columns"),
    [
        ([()] * 3, {"replicates": 0}),
        ([(1e-20, 1e-20)] * 3, {}),
        ([(1e-20, 1e-20), (0.1, 0.1), (0.2, 0.3)], {}),
        ([(None, None, 0.3), (0.1, 0.2), (0.1, 0.2)], {}),
        ([(0.1, 0.2), (), ()], {"missing": "two studies are not done"}),
    ],
    ids=["not confirmed", "exact", "one is exact", "one diverged", "unfinished"],
)
def test_seeds_of_one_study_may_not_tell(
    replicates: list[tuple[float | None, ...]], columns: dict[str, Any]
) -> None:
    made = [
        study({"dimension": 8, "seed": seed}, *reached) for seed, reached in enumerate(replicates)
    ]
    said = sentences(*made, **SEEDS, **columns)[-1]
    assert said.endswith("one network; what searching again would reach, they don't tell.")


def test_studies_differ_where_the_intervals_over_seeds_lie_apart() -> None:
    said = sentences(*over_seeds(d2=0.033, d4=0.035, d8=0.15), **SEEDS)[-1]
    near, next_to_it, far = map(ends_over_seeds, (0.033, 0.035, 0.15))
    assert f"d = 2 and d = 4 are not shown to differ ({near} and {next_to_it})" in said
    assert f"and d = 4 and d = 8 differ ({next_to_it} and {far})." in said


def test_many_pairs_are_counted_over_seeds() -> None:
    said = sentences(*over_seeds(d1=0.01, d2=0.1, d4=0.11, d8=0.5, d16=0.9), **SEEDS)[-1]
    assert "the 95% intervals lie apart in 3 of 4 pairs of neighbours." in said


def test_exact_studies_have_no_interval_over_seeds() -> None:
    said = sentences(*over_seeds(d2=1e-14, d4=0.1), **SEEDS)[-1]
    assert said.endswith("one network; what searching again would reach, they don't tell.")


def test_seeds_are_the_axis_only_where_nothing_else_varies() -> None:
    made = over_seeds(d2=0.03, d4=0.1)
    assert findings_of(search(*made)).axis.name == "dimension"
    assert findings_of(search(*made[:3])).axis.name == "seed"


@pytest.mark.parametrize(
    ("replicates", "more"),
    [
        ((), {}),
        ((0.1, 0.2), {}),
        ((0.1, 0.2), {"by_hand": 0.001, "longer": [0.05], "rungs": [500]}),
    ],
)
def test_there_are_at_most_five_sentences(replicates: list[float], more: dict[str, object]) -> None:
    made = [
        study({"dimension": d, "multiplication": given}, *replicates, **more)
        for d in (1, 2)
        for given in (False, True)
    ]
    assert 2 <= len(sentences(*made)) <= 5


def test_an_unfinished_search_says_so_first() -> None:
    made = [study({"dimension": 1}, searched=[0.1]), study({"dimension": 2}, searched=[])]
    said = sentences(*made, missing="32 of 64 trials are missing")
    assert said[0] == "Unfinished: 32 of 64 trials are missing."
    assert "At d = 1 the best that was trained reached nmse 0.10 (unconfirmed)." in said


def test_a_search_without_a_completed_trial_concludes_nothing() -> None:
    for searched in ([], [None, None]):
        said = sentences(study({"dimension": 1}, searched=searched), missing="all is missing")
        assert said[-1].endswith("nothing to conclude.")


@pytest.mark.parametrize(
    ("column", "value", "limit"),
    [
        ("width", 240, "width lies within a tenth of the range from its upper bound 256 (240)"),
        ("width", 5, "width lies within a tenth of the range from its lower bound 4 (5)"),
        ("depth", 4, "depth is its upper bound 4"),
        ("learning_rate", 0.09, "learning rate lies within a tenth of the range"),
        ("depth", 0, ""),
        ("width", 64, ""),
        ("learning_rate", 0.01, ""),
    ],
)
def test_a_bound_that_was_hit(column: str, value: float, limit: str) -> None:
    columns = {"width": 64, "depth": 2, "learning_rate": 0.01, column: value}
    said = found_limits(study({"dimension": 8}, 0.1, 0.2, columns=columns))
    assert bool(said) == bool(limit)
    assert limit in said


def test_the_width_of_a_linear_network_hits_nothing_nor_does_an_exact_one() -> None:
    linear = {"width": 256, "depth": 0, "learning_rate": 0.01}
    assert found_limits(study({"dimension": 8}, 0.1, 0.2, columns=linear)) == ""
    wide = {"width": 256, "depth": 2, "learning_rate": 0.01}
    assert found_limits(study({"dimension": 8}, 1e-20, 1e-20, columns=wide)) == ""


def test_a_range_of_one_value_has_no_bound_to_hit() -> None:
    space = {"width": Bounds(low=64, high=64)}
    made = study({"dimension": 8}, 0.1, 0.2, columns={"width": 64}, space=space)
    assert found_limits(made) == ""


def test_what_else_limits_is_said() -> None:
    assert "unconfirmed, the nmse is the lowest of many" in found_limits(study({"dimension": 8}))
    assert "1 of 3 replicates diverged" in found_limits(study({"dimension": 8}, 0.1, 0.2, None))
    lost = study({"dimension": 8}, 0.1, searched=[0.1, None, None])
    assert "2 of 3 trials diverged." in found_limits(lost)
    early = study({"dimension": 8}, 0.1, columns={"steps": 100}, space=NO_BOUNDS)
    assert "stopped early" in found_limits(early)
    nothing = study({"dimension": 8}, searched=[], pruned=[0.1])
    assert "no trial was trained to its last step" in found_limits(nothing)


def status(findings: Findings) -> list[str]:
    return notes(findings.outcomes[0], findings.search.replicates)


def test_the_status_of_a_study() -> None:
    def of(*replicates: float | None, **wanted: object) -> list[str]:
        wanted = {"columns": {"width": 64, "depth": 2}, **wanted}
        return status(findings_of(search(study({"dimension": 8}, *replicates, **wanted))))

    assert of(0.1, 0.1, 0.1) == ["confirmed"]
    assert of(0.0, 0.0, 0.0) == ["exact"]
    assert of(0.1, None, 0.1) == ["confirmed", "1 of 3 diverged"]
    assert of(0.1) == ["1 of 3 replicates so far"]
    assert of() == ["unconfirmed"]
    assert of(searched=[None]) == ["no completed trial"]
    assert of(searched=[]) == ["no trial yet"]


def test_most_replicates_diverged() -> None:
    made = study({"dimension": 8}, 0.1, None, None)
    assert "the best that was trained diverged in most of its 3 replicates." in text(made)


def test_a_replicate_that_diverged_is_beside_the_range() -> None:
    said = text(study({"dimension": 8}, 0.1, 0.2, None))
    assert "reached nmse 0.20 (3 replicates, 0.10 to 0.20, 1 diverged)." in said


def shuffled(made: MadeStudy, generator: random.Random) -> MadeStudy:
    trials, curves = [*made.trials], [*made.curves]
    generator.shuffle(trials)
    generator.shuffle(curves)
    return MadeStudy(planned=made.planned, trials=trials, curves=curves, by_hand=made.by_hand)


def test_the_order_of_the_rows_changes_no_word() -> None:
    made = over_d([0.1, 0.2], [0.15, 0.4, None], rungs=[500, 1000], pruned=[0.7, 0.6])
    generator = random.Random(0)
    assert sentences(*made) == sentences(*(shuffled(each, generator) for each in made))
