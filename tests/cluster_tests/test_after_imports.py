"""A signal while modules are imported that drop it, or fail of it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

LIMIT_SECONDS = 120
SIGNALLED = "import os, signal; os.kill(os.getpid(), signal.{number})"
MODULES = {
    "bare_except": "try:\n    import signalled\nexcept BaseException:\n    pass",
    "unraisable": "class Late:\n    def __del__(self): import signalled\nlate = Late()\ndel late",
    "other_error": "try:\n    import signalled\nexcept BaseException:\n    raise TypeError",
    "ends_badly": "import signalled\nraise ImportError",
    "ends_well": "import signalled",
}
PROGRAM = """
import sys
from cluster.signals import Signals

def statement_in_the_middle():
    import {module}
    print("went on")

def statement_at_the_end():
    import {module}

def statement_that_may_fail():
    try:
        import {module}
    except Exception:
        print("failed")

Signals().install()
try:
    {place}()
    print("went on")
except KeyboardInterrupt:
    print("interrupted")
print("signalled" in sys.modules, sys.gettrace())
"""


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    "place", ["statement_in_the_middle", "statement_at_the_end", "statement_that_may_fail"]
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_waits_for_the_imports(
    tmp_path: Path, module: str, place: str, number: signal.Signals
) -> None:
    (tmp_path / "signalled.py").write_text(SIGNALLED.format(number=number.name))
    (tmp_path / f"{module}.py").write_text(MODULES[module])
    (tmp_path / "program.py").write_text(PROGRAM.format(module=module, place=place))
    ended = subprocess.run(
        [sys.executable, tmp_path / "program.py"],
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert ended.stdout.splitlines() == ["interrupted", "True None"], ended.stderr
    assert "KeyboardInterrupt" not in ended.stderr
