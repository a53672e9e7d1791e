"""Parts that a disk or a copy has damaged: named, left out, and trained again by resume."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest

from results import OutputFolder, load_trials
from results.parts import part_name
from tests.search_tests.command_line import dottune
from tests.search_tests.studies import MEASURED, content, tiny, written


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_its_last_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def overwritten(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def zeroed_within(path: Path) -> None:
    """Its footer is as it was; the pages are gone."""
    whole = path.read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    path.write_bytes(b"PAR1" + bytes(len(whole) - footer - 4) + whole[-footer:])


DAMAGES = [cut_off, without_its_last_byte, emptied, overwritten, zeroed_within]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("finished") / "out", tiny(tensorboard="off"))


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "out"))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("table", ["trials", "curves"])
def test_a_damaged_part_is_named_and_left_out(
    out: Path, table: str, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    before = load_trials(str(out)) if table == "trials" else None
    path = out / table / part_name("dimension=2", "search", 1)
    damage(path)
    shown = dottune("show", str(out))
    assert shown.exit_code == 0, shown.output
    reported = dottune("report", str(out))
    assert reported.exit_code == 0, reported.output
    assert f"{path} is no Parquet file any more" in caplog.text
    if before is None:
        return
    left = load_trials(str(out))
    lost = (
        (before["study"] == "dimension=2") & (before["phase"] == "search") & (before["pack"] == 1)
    )
    pandas.testing.assert_frame_equal(left, before[~lost].reset_index(drop=True))
    assert "3 trials" in shown.output


@pytest.mark.usefixtures("two_cpus")
def test_resume_trains_damaged_packs_again_and_no_others(finished: Path, out: Path) -> None:
    damaged = {
        "trials": [part_name("dimension=1", "search", 0), part_name("dimension=2", "confirm", 0)],
        "curves": [part_name("dimension=2", "search", 1), part_name("dimension=1", "confirm", 1)],
    }
    for table, names in damaged.items():
        for name in names:
            cut_off(out / table / name)
    before = content(out / "trials")
    done = dottune("resume", str(out))
    assert done.exit_code == 0, done.output
    after = content(out / "trials")
    again = {path.name for path in after if after[path] != before[path]}
    assert again == {name for names in damaged.values() for name in names}
    for read in (OutputFolder.read_trials, OutputFolder.read_curves):
        undamaged, found = (read(OutputFolder(each)).to_pandas() for each in (finished, out))
        columns = [name for name in undamaged.columns if name not in MEASURED]
        pandas.testing.assert_frame_equal(found[columns], undamaged[columns])


def test_a_damaged_summary_is_made_again(out: Path) -> None:
    written_before = dottune("show", str(out)).output
    (out / "summary.parquet").write_bytes(b"PAR1")
    shown = dottune("show", str(out))
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == written_before
