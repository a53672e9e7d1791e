"""Groups of numbers in `show --by`: each begins at 1 or 3 times a power of ten."""

import pytest

from search.text.value_groups import value_groups


@pytest.mark.parametrize("exponent", range(-8, 1))
def test_a_number_that_begins_a_group_is_in_it(exponent: int) -> None:
    for digit, last in ((1, f"3e{exponent}"), (3, f"1e{exponent + 1}")):
        begin = f"{digit}e{exponent}"
        (group,) = set(value_groups([float(begin)], many=True).values())
        assert group == f"{float(begin):g} to {float(last):g}"
