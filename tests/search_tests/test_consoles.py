"""A reader who has seen enough, and a terminal that is gone."""

import os
import subprocess
import sys
from contextlib import suppress

import pytest

from search.text.consoles import MessageConsole
from search.text.plain_text import say, say_note
from tests.search_tests.studies import tiny, written


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(written(tmp_path_factory.mktemp("searched") / "out", tiny()))


@pytest.mark.parametrize(
    "command",
    [("show",), ("show", "--json"), ("compare",), ("atlas", "--dimension=2", "--nmse=1", "--from")],
    ids=" ".join,
)
def test_a_reader_who_has_seen_enough_is_no_failure(
    searched: str, command: tuple[str, ...]
) -> None:
    """`dottune show URI | true`."""
    read, write = os.pipe()
    os.close(read)
    places = (searched, searched) if command == ("compare",) else (searched,)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "search", *command, *places],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_what_is_said_beside_it_ends_nothing(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard error has gone; standard output, which is what was asked for, has not."""
    read, write = os.pipe()
    os.close(read)
    broken = os.fdopen(write, "w")
    monkeypatch.setattr(sys, "stderr", broken)
    console = MessageConsole()
    for _ in range(2):
        say(console, "a line")
        say_note(console, "a note")
    print("what was asked for", flush=True)
    monkeypatch.undo()
    with suppress(BrokenPipeError):
        broken.close()
    assert capfd.readouterr().out == "what was asked for\n"
