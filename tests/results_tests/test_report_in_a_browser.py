"""A report in a real browser: drawn, without a complaint, without the network."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from results.report.report import make_report
from tests.browser import CHROMIUM, Page, browser
from tests.results_tests.reported_searches import search, study

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")

PHONE = 390


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with every figure, panels that are folded, and what diverged."""
    wanted = {
        "searched": [0.3, 0.2, 0.1, 0.25, None, 1e-14],
        "pruned": [0.9, 0.8, 0.7, 0.6, 1e-13],
        "rungs": [500, 1000],
        "by_hand": 1e-6,
    }
    made = [
        study({"dimension": 2**d, "multiplication": given}, *nmse, longer=nmse, **wanted)
        for d, nmse in enumerate([(0.1, 0.11, None), (0.2, 0.21, 0.2), (0.4, 0.3, 0.5)])
        for given, nmse in ((False, nmse), (True, (1e-20, 1e-19, 0.0)))
    ]
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(make_report(search(*made)).html)
    return file


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


def drawn(page: Page) -> list[int]:
    """How many traces each plot shows, once all that may be seen have been scrolled to."""
    page.value("document.querySelectorAll('details').forEach((each) => each.open = true)")
    page.value(
        "(async () => { for (const plot of document.querySelectorAll('.plot')) {"
        " plot.scrollIntoView(); await new Promise(requestAnimationFrame); } })()"
    )
    page.until("[...document.querySelectorAll('.plot')].every((plot) => plot._fullData)")
    shown: list[int] = page.value(
        "[...document.querySelectorAll('.plot')].map((plot) =>"
        " plot.querySelectorAll('.scatterlayer .trace, .heatmaplayer image').length)"
    )
    return shown


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (PHONE, True)], ids=["wide", "phone"])
def test_every_figure_is_drawn_without_a_complaint_or_a_request(
    report: Path, page: Page, width: int, dark: bool
) -> None:
    page.requests.clear()
    page.open(report.as_uri(), width=width, dark=dark)
    traces = drawn(page)
    assert len(traces) > 20
    assert all(count > 0 for count in traces)
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith("data:")] == [report.as_uri()]
    assert page.value("document.documentElement.scrollWidth") <= width


INK = "getComputedStyle(document.querySelector('.plot .xtick text')).fill"


def test_the_theme_can_be_switched(report: Path, page: Page) -> None:
    page.open(report.as_uri(), width=1200)
    page.until("document.querySelector('.plot .xtick text')")
    before = page.value(INK), page.value("getComputedStyle(document.body).backgroundColor")
    page.value("document.getElementById('theme').click()")
    page.until(f"{INK} !== '{before[0]}'")
    assert page.value("getComputedStyle(document.body).backgroundColor") != before[1]


def test_the_network_is_closed_to_the_page(report: Path, page: Page) -> None:
    page.open(report.as_uri(), width=1200)
    assert page.value("fetch('https://example.org').then(() => 'sent', () => 'refused')") == (
        "refused"
    )
    assert "Content Security Policy" in " ".join(page.complaints)
    page.complaints.clear()
