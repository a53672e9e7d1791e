"""Early stopping: which members end because their train loss falls no more."""

import math
from collections.abc import Mapping
from typing import TypeVar

from .pack import EarlyStopping

_Key = TypeVar("_Key")


class EarlyStops:
    """Counts the epochs in which a train loss has not fallen, as Lightning's EarlyStopping does.

    A loss has fallen where it is more than `min_delta` below the lowest before. After `patience`
    epochs in a row without, the member ends; at once where its loss is not finite.
    """

    def __init__(self, early_stopping: EarlyStopping) -> None:
        """No epoch has ended yet."""
        self._rule = early_stopping
        self._lowest: dict[object, float] = {}
        self._waited: dict[object, int] = {}

    def state(self) -> dict[object, tuple[float, int]]:
        """Of each member its lowest loss, and the epochs in which it has not fallen since."""
        return {key: (lowest, self._waited[key]) for key, lowest in self._lowest.items()}

    def restore(self, state: Mapping[object, tuple[float, int]]) -> None:
        """Go on where `state` was."""
        self._lowest = {key: lowest for key, (lowest, _) in state.items()}
        self._waited = {key: waited for key, (_, waited) in state.items()}

    def ending(self, losses: Mapping[_Key, float]) -> set[_Key]:
        """Who ends after an epoch, of the members (keys) with these mean train losses in it."""
        ending = set()
        for key, loss in losses.items():
            if loss + self._rule.min_delta < self._lowest.get(key, math.inf):
                self._lowest[key], self._waited[key] = loss, 0
                continue
            self._waited[key] = self._waited.get(key, 0) + 1
            if self._waited[key] >= self._rule.patience or not math.isfinite(loss):
                ending.add(key)
        return ending
