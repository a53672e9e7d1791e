"""Member-steps per second of one core for models on learned embeddings, against plain torch.

Ratings of 100,000 pairs by 943 users of 1,682 items, whose popularity is as uneven as that of real
ones. Both sides get the same batches and train the same models in float32 with AdamW; torch's is
fused. Every round times all contenders one after the other, in time of the processor, so that other
work beside them counts for neither; a ratio is the median over the rounds of that within a round.

    python benchmarks/bench_embeddings.py [--rounds 7] [--factors 50] [--members 16] [--averaging]
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

# One core for everyone, before the libraries start their threads.
os.environ["OMP_NUM_THREADS"] = "1"

import torch
from engine_contenders import CPU, member_of
from machine import describe
from torch import Tensor, nn
from torch.nn.functional import embedding, mse_loss

from trainables import Member, Task
from trainables.families import family_of
from trainables.families.embedding_family import EmbeddingNetwork
from trainables.processor.embedding_stack import EmbeddingStack
from trainables.sources.batches import ROW_BLOCK_STEPS as BLOCK
from trainables.sources.planted import row_batches
from trainables.trainee import Trainee

USERS, ITEMS, PAIRS, BATCH = 943, 1_682, 100_000, 64
USER_SPREAD, ITEM_SPREAD = 0.8, 1.3
"""Standard deviations of the logarithms of activity and popularity."""
TASK = Task(dimension=4, data="planted", users=USERS, items=ITEMS, pairs_per_user=0)
MODELS: dict[str, dict[str, Any]] = {
    "dot": {"model": "dot"},
    "dot_bias": {"model": "dot_bias"},
    "mlp": {"model": "mlp", "depth": 1, "width": 100},
    "mlp_dropout": {"model": "mlp", "depth": 1, "width": 100, "dropout": 0.25},
}
ROUND_SECONDS = 0.5
STEPS = 1 << 17
"""Of a pack whose steps are timed: more than are ever taken."""


def ratings() -> tuple[Tensor, Tensor]:
    """Different pairs (2, PAIRS) by their rows in a table of users and items, and their ratings."""
    generator = torch.Generator().manual_seed(0)
    activity, popularity = (
        spread * torch.randn(count, generator=generator)
        for spread, count in ((USER_SPREAD, USERS), (ITEM_SPREAD, ITEMS))
    )
    logits = (activity[:, None] + popularity).flatten()
    # The largest of these are a draw of pairs by their popularity, none of them twice.
    keys = logits - torch.empty_like(logits).exponential_(generator=generator).log()
    drawn = keys.topk(PAIRS).indices
    drawn = drawn[torch.randperm(PAIRS, generator=generator)]
    users, items = drawn // ITEMS, drawn % ITEMS
    stars = torch.randint(1, 6, (PAIRS,), generator=generator).float()
    return torch.stack([users, USERS + items]), stars


def describe_popularity(pairs: Tensor) -> str:
    """The ratings of the users, and of the items: the most, the median and the least."""
    texts = []
    for name, rows, count in zip(("a user", "an item"), pairs, (USERS, ITEMS), strict=True):
        each = (rows - rows.min()).bincount(minlength=count).sort().values
        texts.append(f"{name} has {each[-1]} ratings at most, {each[count // 2]} by the median, ")
        texts.append(f"{each[0]} at least")
    return "; ".join(["".join(texts[:2]), "".join(texts[2:])])


class Epochs:
    """The batches of one epoch after another, in an order that is shuffled in each."""

    def __init__(self, pairs: Tensor, stars: Tensor) -> None:
        self._pairs, self._stars = pairs, stars
        self._generator = torch.Generator().manual_seed(1)
        self._order = torch.empty(0, dtype=torch.int64)

    def next(self, count: int) -> tuple[Tensor, Tensor]:
        """The rows (count, 2, BATCH) and ratings (count, BATCH) of so many batches."""
        while len(self._order) < count * BATCH:
            epoch = torch.randperm(PAIRS, generator=self._generator)
            self._order = torch.cat([self._order, epoch])
        taken, self._order = self._order.split([count * BATCH, len(self._order) - count * BATCH])
        rows = self._pairs[:, taken].view(2, count, BATCH).transpose(0, 1)
        return rows.contiguous(), self._stars[taken].view(count, BATCH)


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way, ready to run: `steps` does some steps of all members on batches that it is given."""

    name: str
    members: int
    steps: Callable[[Tensor, Tensor], object]
    batches: Epochs

    def seconds(self, count: int) -> float:
        """The processor's time for so many steps of a member."""
        rows, stars = self.batches.next(count)
        began = time.process_time()
        self.steps(rows, stars)
        return (time.process_time() - began) / self.members


def embedded(trial: int, model: dict[str, Any]) -> Member:
    """A member that learns embeddings."""
    return member_of(trial, data=TASK.data, optimizer="adamw", weight_decay=0.01, **model)


def packs(model: dict[str, Any], members: int, averaging: bool, epochs: Epochs) -> Contender:
    """dottune's stack."""
    trainees = [
        Trainee.start(embedded(trial, model), TASK, CPU, torch.float32) for trial in range(members)
    ]
    stack = EmbeddingStack(trainees, steps_done=0, steps=STEPS, dtype=torch.float32, threads=1)
    block = row_batches(BLOCK, 1, BATCH, like=torch.empty(0))
    stack.bind(block, averaging=averaging)
    done = 0

    @torch.inference_mode()
    def steps(rows: Tensor, stars: Tensor) -> None:
        nonlocal done
        for some, labels in zip(rows.split(BLOCK), stars.split(BLOCK), strict=True):
            block.inputs[: len(some), 0], block.labels[: len(some), 0] = some, labels
            stack.schedule(done, STEPS)
            stack.train(len(some))
            done += len(some)

    return Contender(name="dottune", members=members, steps=steps, batches=epochs)


class PlainModel(nn.Module):
    """The same model as users write it, with a table each of users and of items.

    Rows are looked up by `embedding`, whose gradient takes less time than that of indexing.
    """

    def __init__(self, network: EmbeddingNetwork) -> None:
        super().__init__()
        users, items = network.table.detach().split([USERS, ITEMS])
        self.users = nn.Parameter(users.clone())
        self.items = nn.Parameter(items.clone())
        self.biases = None
        if network.biases is not None:
            both = network.biases.detach().split([USERS, ITEMS])
            self.biases = nn.ParameterList(nn.Parameter(each.clone()) for each in both)
        self.mlp = None
        if network.mlp is not None:
            sizes = network.model.sizes
            layers: list[nn.Module] = []
            for fan_in, fan_out in pairwise(sizes):
                layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
                layers += [nn.Dropout(network.model.dropout)] if network.model.dropout else []
            hidden = [place for place, each in enumerate(layers) if isinstance(each, nn.Linear)]
            self.mlp = nn.Sequential(*layers[: hidden[-1] + 1])

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """The predictions (B,) for indices of users (B,) and of items (B,)."""
        user, item = embedding(users, self.users), embedding(items, self.items)
        if self.mlp is not None:
            output: Tensor = self.mlp(torch.cat([user, item], dim=1)).squeeze(1)
            return output
        product = (user * item).sum(1)
        if self.biases is not None:
            both = zip((users, items), self.biases, strict=True)
            for index, bias in both:
                product = product + embedding(index, bias).squeeze(1)
        return product


def plain(model: dict[str, Any], epochs: Epochs) -> Contender:
    """One model in plain torch, with its fused AdamW."""
    member = embedded(0, model)
    reference = family_of(member).reference(member, TASK)
    network = PlainModel(reference)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01, fused=True)

    def steps(rows: Tensor, stars: Tensor) -> None:
        items = rows[:, 1] - USERS
        for user, item, star in zip(rows[:, 0], items, stars, strict=True):
            optimizer.zero_grad()
            mse_loss(network(user, item), star).backward()
            optimizer.step()

    return Contender(name="plain torch", members=1, steps=steps, batches=epochs)


def measure(
    model: dict[str, Any], arguments: argparse.Namespace, pairs: Tensor, stars: Tensor
) -> tuple[float, float, float, Sequence[float]]:
    """Microseconds of a member's step here and in plain torch, the ratio, and all ratios."""
    model = {**model, "factors": arguments.factors}
    ours = packs(model, arguments.members, arguments.averaging, Epochs(pairs, stars))
    theirs = plain(model, Epochs(pairs, stars))
    counts = {}
    for contender in (ours, theirs):
        # Until rows that few rate have been rated, as in most of a training.
        warm = 2 * PAIRS // BATCH // BLOCK * BLOCK if contender is ours else 4 * BLOCK
        contender.seconds(warm)
        each = contender.seconds(4 * BLOCK) * contender.members / (4 * BLOCK)
        counts[contender.name] = max(1, round(ROUND_SECONDS / each / BLOCK)) * BLOCK
    times = [
        [each.seconds(counts[each.name]) / counts[each.name] for each in (ours, theirs)]
        for _ in range(arguments.rounds)
    ]
    ratios = sorted(there / here for here, there in times)
    here, there = (1e6 * statistics.median(each) for each in zip(*times, strict=True))
    return here, there, statistics.median(ratios), ratios


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--factors", type=int, default=50)
    parser.add_argument("--members", type=int, default=16)
    parser.add_argument(
        "--averaging", action="store_true", help="with the weights' running average"
    )
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as the engine trains
    pairs, stars = ratings()
    print(describe())
    print(describe_popularity(pairs))
    for name in arguments.models:
        here, there, ratio, ratios = measure(MODELS[name], arguments, pairs, stars)
        print(
            f"{name}: dottune {here:.1f} us, plain torch {there:.1f} us: {ratio:.1f}x "
            f"({ratios[0]:.1f}x to {ratios[-1]:.1f}x)",
            flush=True,
        )


if __name__ == "__main__":
    main()
