"""The values of a hyperparameter as a column of texts."""

from collections.abc import Sequence

from spaces.vocabulary import Value

from .number_notation import one_notation
from .study_label import SHORT_VALUES


def value_texts(values: Sequence[Value | None]) -> list[str]:
    """Each value as a text, the floats in one notation, a dash for null.

    >>> value_texts([0.01, 0.0005, None]), value_texts([True, 64, "relu"])
    (['1.0e-02', '5.0e-04', '-'], ['yes', '64', 'relu'])
    """
    number = one_notation(value for value in values if isinstance(value, float))

    def text(value: Value | None) -> str:
        match value:
            case None | float():
                return number(value)
            case bool():
                return SHORT_VALUES[str(value).lower()]
        return str(value)

    return [*map(text, values)]
