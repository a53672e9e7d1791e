"""A finished trial in Optuna's form that is quick to copy."""

from copy import copy, deepcopy
from typing import Any, Self

from optuna.trial import FrozenTrial

_ATOMS = (str, int, float, bool, type(None))


class LoadedTrial(FrozenTrial):
    """A `FrozenTrial` whose deep copy takes a tenth of the time.

    Optuna copies every trial when it is added, and all of them whenever a study's `trials` are
    asked for; most of that goes into distributions, which nothing ever changes.
    """

    @classmethod
    def of(cls, trial: FrozenTrial) -> Self:
        """Take over all that a trial is."""
        loaded = cls.__new__(cls)
        vars(loaded).update(vars(trial))
        return loaded

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copy what can be changed: what is no plain value deeply, but for distributions."""
        copied = copy(self)
        for name, value in vars(copied).items():
            if isinstance(value, dict | list):
                values = value.values() if isinstance(value, dict) else value
                plain = name == "_distributions" or all(isinstance(each, _ATOMS) for each in values)
                setattr(copied, name, copy(value) if plain else deepcopy(value, memo))
        return copied
