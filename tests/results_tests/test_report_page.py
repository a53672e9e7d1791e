"""The page of a report: valid figures for every form of search, escaped, finite, small, whole."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import plotly.graph_objects
import pytest

from results.constructions import Configuration
from results.report import by_hand
from results.report.findings import findings_of
from results.report.page import page
from results.report.report import make_report
from results.report.reported import Bounds, ReportedSearch
from tests.results_tests.reported_searches import BOUNDS, MadeStudy, search, study
from tests.typed_rows import changed

RUNGS = [500, 1000, 2000]


def rich(grid: Mapping[str, Any], *replicates: float | None, **more: Any) -> MadeStudy:
    """A study with rungs and pruned trials."""
    wanted = {
        "searched": [0.3, 0.2, 0.1, 0.25],
        "pruned": [0.9, 0.8, 0.7, 0.6],
        "rungs": RUNGS,
        **more,
    }
    return study(grid, *(replicates or (0.1, 0.12, 0.11)), **wanted)


def grid_of(**values: list[Any]) -> list[dict[str, Any]]:
    """All combinations."""
    found: list[dict[str, Any]] = [{}]
    for name, choices in values.items():
        found = [{**each, name: value} for each in found for value in choices]
    return found


FORMS: dict[str, ReportedSearch] = {
    "a study alone": search(rich({})),
    "nothing yet": search(study({"dimension": 1}, searched=[]), missing="64 trials are missing"),
    "diverged all": search(study({"dimension": 1}, searched=[None, None])),
    "diverged in part": search(
        rich({"dimension": 1}, 0.1, None), rich({"dimension": 2}, None, None, 0.1)
    ),
    "unconfirmed": search(*(study(grid) for grid in grid_of(dimension=[1, 2])), replicates=0),
    "without halving": search(*(study(grid, 0.1, 0.2) for grid in grid_of(dimension=[1, 2]))),
    "pruned alone": search(study({"dimension": 1}, searched=[], pruned=[0.5, 0.6], rungs=[500])),
    "exact zeros": search(
        rich({"dimension": 1}, 0.0, 0.0, searched=[0.0, 0.0, 1e-20]), rich({"dimension": 2})
    ),
    "longer and by hand": search(
        *(rich(grid, longer=[0.05, 0.06], by_hand=0.01) for grid in grid_of(dimension=[1, 2]))
    ),
    "by hand below the axis": search(rich({"dimension": 1}, by_hand=1e-9)),
    "50 studies": search(*(rich(grid) for grid in grid_of(dimension=[*range(1, 51)]))),
    "words": search(
        *(
            rich(grid)
            for grid in grid_of(dimension=[2, 8], optimizer=["adam", "adamw", "sgd", "adagrad"])
        )
    ),
    "layers": search(
        *(
            rich(grid, columns={"depth": 2, "width": 64})
            for grid in grid_of(layer_sizes=["linear", "64-32", "4-4-4-4-4-1"])
        )
    ),
    "parameters and depth": search(
        *(
            rich(grid, columns={"width": 10 * grid["parameters"]})
            for grid in grid_of(parameters=[1, 4], depth=[1, 2, 3])
        )
    ),
    "uneven numbers": search(*(rich(grid) for grid in grid_of(label_noise_std=[0.0, 1e-5, 1.0]))),
    "choices": search(
        rich(
            {"dimension": 2},
            space={"activation": None, "learning_rate": Bounds(low=0.0, high=1.0)},
        )
    ),
    "loss above all bounds": search(rich({"dimension": 1}, 1e30, 2e30, pruned=[1e300])),
}


def figures_of(html: str) -> list[dict[str, Any]]:
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', html, re.S)
    assert found is not None
    figures: list[dict[str, Any]] = json.loads(found[1], parse_constant=refuse)
    return figures


def refuse(constant: str) -> None:
    raise AssertionError(f"JSON has no {constant}")


def own_part(html: str) -> str:
    """The page without plotly.js."""
    return re.sub(r"<script>/\*\*\n\* plotly\.js.*?</script>", "", html, flags=re.S)


def plain_colours(value: Any) -> Any:
    """A figure with a colour that Plotly knows in place of the style sheet's names."""
    if isinstance(value, dict):
        return {key: plain_colours(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain_colours(each) for each in value]
    return "#123456" if isinstance(value, str) and value.startswith("var(") else value


class Parsed(HTMLParser):
    """A page's elements; complains of one that is not closed where it should be."""

    VOID = ("meta", "link", "br", "img")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.plots: list[dict[str, str | None]] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if ("class", "plot") in attrs:
            self.plots.append(dict(attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_search_has_a_valid_page(form: str) -> None:
    html = page(findings_of(FORMS[form]))
    figures = figures_of(html)
    for figure in figures:
        plotly.graph_objects.Figure(plain_colours(figure))  # refuses what plotly.js does not know
        for trace in figure["data"]:
            lengths = {
                len(trace[name]) for name in ("x", "y", "text", "customdata") if name in trace
            }
            assert trace["type"] == "heatmap" or len(lengths) == 1
    parsed = Parsed(own_part(html))
    assert [int(plot["data-figure"] or -1) for plot in parsed.plots] == [*range(len(figures))]
    assert all(plot["aria-label"] for plot in parsed.plots)
    assert "nan" not in re.findall(r"[a-z]+", own_part(html).lower())
    assert figures or "completed" not in FORMS[form].trials["status"].to_pylist()


def test_nothing_is_fetched_and_the_browser_is_told_so() -> None:
    parsed = Parsed(own_part(page(findings_of(FORMS["words"]))))
    assert [each for each in parsed.attributes if each[1] in ("src", "href", "srcset")] == []
    policy = next(value for tag, _, value in parsed.attributes if "default-src" in value)
    assert policy.startswith("default-src 'none'")


HOSTILE = "</script><img src=x onerror=alert(1)><b>&amp;"


def test_texts_of_others_are_no_markup() -> None:
    records = [{"command": HOSTILE, "processor": HOSTILE, "packages": {HOSTILE: HOSTILE}}]
    hostile = search(
        rich({"optimizer": HOSTILE}),
        rich({"optimizer": "adam"}),
        uri=HOSTILE,
        name=HOSTILE,
        spec=HOSTILE,
        missing=HOSTILE,
        executions=records,
    )
    html = own_part(page(findings_of(hostile)))
    parsed = Parsed(html)
    assert "<img" not in html
    assert [name for _, name, _ in parsed.attributes if name.startswith("on")] == []
    assert "&lt;/script&gt;" in html
    texts = json.dumps(figures_of(page(findings_of(hostile))))
    assert "<img" not in texts


def test_five_thousand_trials_fit_in_six_megabytes() -> None:
    losses = [0.9 / (1 + number % 97) for number in range(1000)]
    made = [
        rich(grid, searched=losses[:250], pruned=losses[250:])
        for grid in grid_of(dimension=[1, 2, 4, 8, 16])
    ]
    large = search(*made)
    assert large.trials.num_rows >= 5000
    html = make_report(large).html
    assert len(html.encode()) < 6_000_000
    points = sum(
        len(trace["x"]) for figure in figures_of(html) for trace in figure["data"] if "x" in trace
    )
    assert points > 3 * 5000  # no figure leaves trials out


def test_the_same_tables_give_the_same_page() -> None:
    assert make_report(FORMS["words"]) == make_report(FORMS["words"])


def titles(form: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page(findings_of(FORMS[form])))


def test_figures_suit_what_was_searched() -> None:
    assert titles("words") == [
        "Loss over optimizer",
        "Loss over parameters",
        "Loss over steps",
        "Depth against width",
        "Deep against shallow at equal parameters",
        "Cost",
        "Reproduce a winner",
        "Provenance",
    ]
    assert "Loss over layer sizes" in titles("layers")
    assert "Loss over steps" not in titles("without halving")
    assert "Exact trials" in titles("exact zeros")
    assert {"Activation at the first rung", "Learning rate at the first rung"} & {
        *titles("choices")
    } == set()  # every trial has the same
    assert titles("nothing yet") == ["Cost", "Reproduce a winner", "Provenance"]


def test_a_searched_hyperparameter_has_a_figure_with_the_winner_in_it() -> None:
    made = rich({"dimension": 2}, columns={"learning_rate": 0.09})
    varied = [row if row.trial else changed(row, learning_rate=0.001) for row in made.trials]
    html = page(
        findings_of(search(MadeStudy(planned=made.planned, trials=varied, curves=made.curves)))
    )
    assert "Learning rate at the first rung" in html
    figure = next(
        each for each in figures_of(html) if "learning rate" in json.dumps(each["layout"])
    )
    assert len(figure["data"][0]["x"]) == 8  # pruned ones too
    lines = [shape for shape in figure["layout"]["shapes"] if shape["type"] == "line"]
    assert 0.09 in [line["x0"] for line in lines]
    zone = next(shape for shape in figure["layout"]["shapes"] if shape["type"] == "rect")
    assert zone["x1"] == BOUNDS["learning_rate"].high


def test_more_than_eight_panels_are_folded_but_for_the_extremes() -> None:
    made = [rich({"dimension": d}, d / 60, d / 59) for d in range(1, 51)]
    html = page(findings_of(search(*made)))
    section = html.split("<h2>Loss over steps</h2>")[1].split("</section>")[0]
    shown, folded = section.split("<details>")
    names = re.findall(r"<figcaption>dime=(\d+)</figcaption>", shown)
    assert names == ["1", "2", "3", "4", "47", "48", "49", "50"]
    assert len(re.findall("<figure>", folded)) == 42


def test_the_pareto_steps_are_the_lowest_of_the_completed() -> None:
    figure = next(
        each
        for each in figures_of(page(findings_of(FORMS["a study alone"])))
        if each["layout"]["xaxis"].get("title") == {"text": "parameters"}
    )
    steps = next(trace for trace in figure["data"] if trace.get("line", {}).get("shape") == "hv")
    completed = FORMS["a study alone"].trials.to_pandas().query("status == 'completed'")
    completed = completed[completed["phase"] == "search"]
    for parameters, nmse in zip(steps["x"], steps["y"], strict=True):
        within = completed[completed["parameters"] <= parameters]
        assert within["nmse"].min() == pytest.approx(nmse, rel=5e-3)


def test_the_line_by_hand_only_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks by hand of every width and depth, of which only some beat all smaller ones."""

    def nmse(network: Configuration) -> float:
        return (1 + len(network.layer_sizes) % 2) / network.layer_sizes[0]

    monkeypatch.setattr(by_hand, "constructed_nmse", nmse)
    line = by_hand.by_hand_line(rich({"dimension": 2}).trials, 10_000)
    assert len(line) > 5
    assert [size for size, _ in line] == sorted({size for size, _ in line})
    assert [each for _, each in line] == sorted({each for _, each in line}, reverse=True)
    assert line[-1][0] <= 10_000


def test_the_line_by_hand_is_that_of_the_best_activation_and_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lowest = {("relu", True): 0.25, ("relu", False): 0.5, ("tanh", True): None}
    monkeypatch.setattr(
        by_hand, "constructed_nmse", lambda it: lowest.get((it.activation, it.multiplication), 1.0)
    )
    first = rich({"dimension": 2}).trials[0]
    trials = [
        replace(
            first,
            hyperparameters={**first.hyperparameters, "activation": each, "multiplication": gives},
        )
        for each, gives in (("gelu", False), ("tanh", True), ("relu", False), ("relu", True))
    ]
    for last in range(1, len(trials) + 1):
        (*_, (_, reached)) = by_hand.by_hand_line(trials[:last], 10_000)
        assert reached == [1.0, 1.0, 0.5, 0.25][last - 1]


def test_the_command_of_a_winner_can_be_copied() -> None:
    made = search(rich({"dimension": 1}), uri="/runs/a b")
    assert make_report(made).reproducing == (
        "dottune reproduce '/runs/a b' --study dimension=1 --trial 2"
    )
    assert "dottune reproduce &#x27;/runs/a b&#x27; --study" in make_report(made).html
