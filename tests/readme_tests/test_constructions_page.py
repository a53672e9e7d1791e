"""docs/constructions.md: its table is what its program prints, its network does what it says."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from results.constructions.folded_square import normal_folded_square
from results.constructions.square_fit import normal_square_fit

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "constructions.md").read_text()
BY_WIDTH, NETWORK = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def printed(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PROJECT
    ).stdout


def test_the_table_by_width_is_what_the_program_prints() -> None:
    table = printed(BY_WIDTH)
    assert table.count("\n") == 15
    assert table in PAGE


def test_the_network_does_what_the_page_says() -> None:
    expected = float(NETWORK.split("# ")[1])
    nmse = float(re.findall(r"tensor\((.*?),", printed(NETWORK))[0])
    assert nmse == pytest.approx(expected, rel=0.1)


def test_the_errors_of_the_fits() -> None:
    for heading, row, error_of in (
        ("k", "E_k", lambda k: normal_square_fit(k // 2).error),
        ("N", "error", lambda pieces: normal_folded_square(pieces).error),
    ):
        numbers = re.findall(rf"^\| {heading} \| (\d.*) \|$", PAGE, re.MULTILINE)[0].split(" | ")
        errors = re.findall(rf"^\| {row} \| (.*) \|$", PAGE, re.MULTILINE)[0].split(" | ")
        for number, error in zip(numbers, errors, strict=True):
            digits = len(error.split("e")[0].lstrip("0.").replace(".", ""))
            expected = error_of(int(number))
            assert float(error) == pytest.approx(expected, abs=_half_unit(expected, digits))


def _half_unit(value: float, digits: int) -> float:
    return 0.51 * 10.0 ** (math.floor(math.log10(value)) + 1 - digits)
