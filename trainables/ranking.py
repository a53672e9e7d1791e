"""How well models rank what a user has not rated yet: recall and NDCG of the first ten items.

Shapes: K models, U users (n of them at a time), I items (B of them at a time).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .sources import Source
from .sources.batches import EVALUATION_CHUNK, EVALUATION_CHUNKS
from .sources.source import RatedSource
from .stack import PredictingStack, Stack

if TYPE_CHECKING:  # it needs Arrow
    from .ratings import RankedUsers

FIRST = 10
"""So many items of a ranking count."""

Predict = Callable[[Tensor, Tensor], Tensor]
"""The predictions (K, n, B) for the rows of n users and those of B items, each with each."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Means over users of what their first ten items hold, each between 0 and 1, where 1 is best.

    `recall` is the number of relevant items among the first 10, over the most that there could be:
    min(10, relevant). `ndcg` adds up 1 / log2(1 + rank) of the relevant ones among the first 10,
    over that sum where all relevant ones come first: the normalised discounted cumulative gain of
    [Järvelin and Kekäläinen 2002](https://doi.org/10.1145/582415.582418), where an item is relevant
    or not. Both as in section 4.2 of [Liang et al. 2018](https://arxiv.org/abs/1802.05814),
    Variational Autoencoders for Collaborative Filtering. (Others divide the recall by all relevant
    items, so that of a user with more than ten the best model has less than 1.)
    """

    recall: float
    ndcg: float


def ranking(stack: Stack, source: Source) -> list[Ranking | None]:
    """How every member, with its weights as they are now, ranks the items of a table for its users.

    None where the task doesn't ask for it, and see `rankings`.
    """
    if not (isinstance(source, RatedSource) and isinstance(stack, PredictingStack)):
        return [None] * len(stack.members)
    table, ranked = source, source.ranked()
    if ranked is None:
        return [None] * len(stack.members)
    size = _chunk(ranked.item_count)
    predictions = stack.predictor(streams=1, size=size)

    def predict(users: Tensor, items: Tensor) -> Tensor:
        found = predictions(table.every_pair(users, items, size=size))
        return found.view(-1, len(users), size)[:, :, : len(items)]

    return rankings(predict, ranked, models=len(stack.members))


def rankings(predict: Predict, ranked: "RankedUsers", *, models: int) -> list[Ranking | None]:
    """How each model ranks the candidates of each user: the highest predictions first.

    Of equal predictions the item of the lower row comes first. None for a model with a prediction
    that is not finite, and for all where there is no user to rank for.

    What is in memory at once doesn't grow with the users, and with the items by a few bytes each.
    """
    if not len(ranked.users):
        return [None] * models
    hits, relevant = [], []
    finite = torch.ones(models, dtype=torch.bool)
    for part in ranked.parts(EVALUATION_CHUNKS):
        candidates = torch.from_numpy(part.candidates)
        right = torch.from_numpy(part.relevant)
        users = torch.from_numpy(part.users)
        places = torch.empty(models, len(users), 0, dtype=torch.int64)
        best = torch.empty(models, len(users), 0)
        for items in torch.arange(ranked.item_count).split(_chunk(ranked.item_count)):
            predicted = predict(users, items + 1)
            asked = candidates[:, items]
            finite &= (predicted.isfinite() | ~asked).flatten(1).all(1)
            predicted = predicted.nan_to_num().where(asked, -torch.inf)
            # Those of before stand first, as their rows are lower.
            best = torch.cat([best.to(predicted.dtype), predicted], 2)
            places = torch.cat([places, items.expand_as(predicted)], 2)
            first = _first(best)
            best, places = best.gather(2, first), places.gather(2, first)
        hits.append(right.expand(models, *right.shape).gather(2, places))
        relevant.append(right.sum(1))
    return [
        _ranking(of_model, torch.cat(relevant)) if is_finite else None
        for of_model, is_finite in zip(torch.cat(hits, 1), finite.tolist(), strict=True)
    ]


def _chunk(items: int) -> int:
    """The items of a chunk: all chunks but the last have as many, and this one hardly fewer."""
    return -(-items // -(-items // EVALUATION_CHUNK))


def _first(scores: Tensor) -> Tensor:
    """The places (..., F) of the highest of M scores (..., M), the highest first, F at most 10.

    Of equal ones the lowest place comes first. Sorting all of them takes ten times as long.
    """
    count = min(FIRST, scores.shape[-1])
    lowest = scores.topk(count).values[..., -1:]
    above, level = scores > lowest, scores == lowest
    wanted = count - above.sum(-1, keepdim=True)
    chosen = above | (level & (level.cumsum(-1, dtype=torch.int32) <= wanted))
    places = chosen.nonzero()[:, -1].view(*scores.shape[:-1], count)
    order = scores.gather(-1, places).argsort(dim=-1, descending=True, stable=True)
    return places.gather(-1, order)


def _ranking(hits: Tensor, relevant: Tensor) -> Ranking:
    """Of which of each user's first items (U, F) are relevant, and how many items (U,) are."""
    gains = 1 / torch.arange(2, 2 + FIRST, dtype=torch.float64).log2()
    most = relevant.clamp(max=FIRST)
    recall = hits.sum(1) / most.double()
    ndcg = (hits * gains[: hits.shape[1]]).sum(1) / gains.cumsum(0)[most - 1]
    return Ranking(recall=float(recall.mean()), ndcg=float(ndcg.mean()))
