"""Tables that other packages add to: dottune's own, and what to do where a package lacks."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from spaces import extensions
from spaces.extensions import WithExtensions


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> WithExtensions[object]:
    """Of one thing of its own, with one that another package adds, and a name that both have."""
    group = "dottune.targets"
    added = {
        "root": EntryPoint("root", "math:sqrt", group),
        "own": EntryPoint("own", "math:floor", group),
    }
    monkeypatch.setattr(extensions, "_all", lambda: {group: added})
    return WithExtensions("targets", {"own": abs})


def test_what_a_package_adds_is_there_and_a_name_of_ours_stays_ours(
    table: WithExtensions[object],
) -> None:
    import math

    assert table["root"] is math.sqrt
    assert table["own"] is abs
    assert (set(table), len(table)) == ({"own", "root"}, 2)


def test_a_name_that_nobody_adds_says_what_to_install(table: WithExtensions[object]) -> None:
    with pytest.raises(KeyError, match=r"got 'square', which no package here adds; install the"):
        table["square"]
    assert "square" not in table


def test_a_name_that_a_study_can_not_have_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    information = tmp_path / "more_targets-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: more-targets\nVersion: 1\n")
    names = ["near", "near,far", "Near", "near/far", "near-2.0_far"]
    entries = [f"{name} = math:sqrt" for name in names]
    (information / "entry_points.txt").write_text("\n".join(["[dottune.targets]", *entries]))
    monkeypatch.syspath_prepend(tmp_path)
    found = extensions._all.__wrapped__()["dottune.targets"]
    assert {*found} & {*names} == {"near", "near-2.0_far"}
    for name in ("near,far", "Near", "near/far"):
        assert (
            "entry point dottune.targets of more-targets is left out: its name must be made of "
            f"lower-case letters, digits, _, - and .; got {name!r}"
        ) in caplog.messages
