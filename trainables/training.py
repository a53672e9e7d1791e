"""Training a pack: a pure generator of reports. No Ray, no disk, no clock."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch

from spaces.vocabulary import Status

from .early_stops import EarlyStops
from .engine import engine_for
from .evaluation import Loss, evaluate, pearson_r, rmse, rmse_excess
from .pack import Member, Pack
from .pack_state import Keep, PackState, StateMismatch, keep_nothing
from .ranking import ranking
from .schedules import SCHEDULES
from .sources import source_of
from .sources.batches import RUNG_PAIRS, SELECTION_PAIRS
from .stack import Stack
from .stop_rules import stop_rule_of
from .trainee import Trainee

MemberStatus = Status | Literal["running"]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One member at one step.

    `status` says what becomes of it: "running" goes on, the others have ended: "pruned" lost at
    this rung, "diverged" has a loss that float32 can't hold (then both losses are None),
    "completed" did all steps, or stopped early. `train_loss` is the mean over all batches since the
    evaluation before, where the pairs come again over those of the last epoch; `loss` is that of
    the running average of the weights, at the last step of the weights themselves.
    `scheduled_learning_rate` is that of the step just done.
    """

    member: Member
    status: MemberStatus
    train_loss: float | None
    loss: Loss | None
    scheduled_learning_rate: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """Members that were alive when the pack reached `step`, in the pack's order.

    At a rung and at the end all of them, else those alone that stop early.
    """

    step: int
    samples: int
    alive: int
    """How many were trained up to this step."""
    evaluations: tuple[Evaluation, ...]


def train(
    pack: Pack,
    *,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    threads: int = 1,
    begin: PackState | None = None,
    keep: Keep = keep_nothing,
) -> Iterator[Report]:
    """Train all members of `pack` on `device`, with a report at every rung and at the end.

    `keep` is offered the pack's state after every block of steps; one that it kept, on the same
    kind of device, is where another call may `begin`: it makes the reports that come later.

    On a processor `threads` divide the members among them; they change no number. Torch's own
    threads would only be in their way: they wait for work by keeping a core busy.
    """
    run = _Run(pack, device, dtype, threads, begin)
    done = 0 if begin is None else begin.step
    reports = {*stop_rule_of(pack.halving).rungs(pack.steps), pack.steps}
    intervals = _interval_ends(pack, reports)
    for mark in sorted(each for each in reports | intervals if each > done):
        with product_precision(tf32=pack.tf32):
            run.advance(done, mark, keep)
        done = mark
        if pack.early_stopping is not None and mark in intervals and mark < pack.steps:
            with product_precision(tf32=False):
                early = run.stop_early(mark)
            if early is not None:
                yield early
        if run.alive and mark in reports:
            with product_precision(tf32=False):
                report = run.report(mark)
            yield report
        if not run.alive:
            return
        if mark in intervals:
            run.begin_interval()
        if mark < pack.steps:
            keep(partial(run.state, mark))


def _interval_ends(pack: Pack, reports: set[int]) -> set[int]:
    """The steps at which an interval ends over which the train loss is taken.

    Of fresh pairs a report's is that since the report before; of a sample that of the epoch before
    the report, and with early stopping every epoch has its own.
    """
    epoch = pack.task.steps_per_epoch(pack.batch_size)
    if pack.early_stopping is None:
        before = {each - epoch for each in reports if epoch is not None and each > epoch}
        return reports | before
    if pack.task.pairs is None:
        raise ValueError("early stopping counts epochs, and fresh pairs have none")
    epochs = pack.steps * pack.batch_size // pack.task.pairs
    return {-(-count * pack.task.pairs // pack.batch_size) for count in range(1, epochs + 1)}


@contextmanager
def product_precision(*, tf32: bool) -> Iterator[None]:
    """A GPU uses TF32 within the block where `tf32`, and nowhere else; evaluations never do."""
    products = torch.backends.cuda.matmul
    # Not `allow_tf32`, the older name: to read it is an error where anyone has set this one.
    before, products.fp32_precision = products.fp32_precision, "tf32" if tf32 else "ieee"
    try:
        yield
    finally:
        products.fp32_precision = before


class _Run:
    """The stacks of a pack in training, and their batches."""

    def __init__(
        self,
        pack: Pack,
        device: torch.device,
        dtype: torch.dtype,
        threads: int,
        begin: PackState | None,
    ) -> None:
        self._pack, self._dtype = pack, dtype
        self._engine = engine_for(pack, device=device, dtype=dtype, threads=threads)
        self._stop_rule = stop_rule_of(pack.halving)
        early = pack.early_stopping
        self._early_stops = None if early is None else EarlyStops(early)
        self._squared: dict[Member, float] = {}
        self._pairs = 0
        self._source = source_of(pack.task)
        self._batches = self._source.training(
            batch_size=pack.batch_size, device=device, dtype=dtype
        )
        self._shared = len({member.data_seed for member in pack.members}) == 1
        # On the host, whatever the device: a stack loads its members in one copy.
        host = torch.device("cpu")
        members = pack.members if begin is None else [pack.members[each] for each in begin.alive]
        trainees = [Trainee.start(member, pack.task, host, dtype) for member in members]
        self._place(trainees, 0 if begin is None else begin.step)
        if begin is not None:
            self._restore(begin)

    @property
    def alive(self) -> bool:
        return bool(self._stacks)

    def _place(self, trainees: Sequence[Trainee], steps_done: int) -> None:
        """Put `trainees` into stacks."""
        self._stacks: list[Stack] = []
        self._fit(
            [trainee.member for trainee in trainees],
            lambda: self._engine.stacks(trainees, steps_done),
        )

    def _fit(self, members: Sequence[Member], stacks: Callable[[], list[Stack]]) -> None:
        """Have the stacks of `members` made; the batches follow their order."""
        self._whole_block: Callable[[], None] | None = None
        self._averaging = False
        # First, so that the stacks are made with what memory the batches leave.
        self._batches.arrange([member.data_seed for member in members])
        self._stacks = stacks()
        self._batches.arrange([member.data_seed for member in self._members])

    @property
    def _members(self) -> list[Member]:
        """Those in training, in the order of the stacks."""
        return [member for stack in self._stacks for member in stack.members]

    @property
    def _block_steps(self) -> int:
        """The steps of a whole block."""
        return len(self._batches.block.labels)

    def state(self, step: int) -> PackState:
        """Of the pack after `step` steps: copies, on the host."""
        places = {member: place for place, member in enumerate(self._pack.members)}
        waits = {} if self._early_stops is None else self._early_stops.state()
        return PackState(
            step=step,
            alive=[places[member] for member in self._members],
            stacks=[
                [each.to("cpu", copy=True) for each in stack.numbers()] for stack in self._stacks
            ],
            batches=[each.clone() for each in self._batches.state()],
            squared=[self._squared.get(member, 0.0) for member in self._members],
            pairs=self._pairs,
            waited=[
                (places[member], *waits[member]) for member in self._members if member in waits
            ],
        )

    @torch.inference_mode()
    def _restore(self, state: PackState) -> None:
        """Go on where `state` was; the stacks hold its members already."""
        members = self._pack.members
        sizes = [[each.shape for each in stack.numbers()] for stack in self._stacks]
        if self._members != [members[place] for place in state.alive] or sizes != [
            [each.shape for each in numbers] for numbers in state.stacks
        ]:
            raise StateMismatch("a pack's state must be of stacks that this device makes")
        for stack, numbers in zip(self._stacks, state.stacks, strict=True):
            for there, saved in zip(stack.numbers(), numbers, strict=True):
                there.copy_(saved)
        self._batches.restore(state.batches)
        self._squared = dict(zip(self._members, state.squared, strict=True))
        self._pairs = state.pairs
        if self._early_stops is not None:
            self._early_stops.restore(
                {members[place]: (lowest, waited) for place, lowest, waited in state.waited}
            )

    @torch.inference_mode()
    def advance(self, done: int, mark: int, keep: Keep) -> None:
        """Train from `done` steps to `mark`."""
        whole = self._bound(averaging=mark < self._pack.steps)
        while done < mark:
            steps = min(self._block_steps, mark - done)
            for stack in self._stacks:
                stack.schedule(done, self._pack.steps)
            self._batches.prepare(steps)
            if steps == self._block_steps:
                whole()
            else:
                self._run_block(steps)
            done += steps
            self._pairs += steps * self._pack.batch_size
            if done < mark:
                keep(partial(self.state, done))
        for stack in self._stacks:
            for member, squared in zip(
                stack.members, stack.take_squared_error().tolist(), strict=True
            ):
                self._squared[member] = self._squared.get(member, 0.0) + squared

    def begin_interval(self) -> None:
        """From now on the train losses are those of the steps to come."""
        self._squared, self._pairs = {}, 0

    def _bound(self, *, averaging: bool) -> Callable[[], None]:
        """What runs a whole block; made once for the same stacks and the same operations."""
        if self._whole_block is None or self._averaging != averaging:
            self._averaging = averaging
            self._bind(averaging=averaging)
            self._whole_block = self._engine.block_runner(
                lambda: self._run_block(self._block_steps), self._batches.generators
            )
        return self._whole_block

    def _run_block(self, steps: int) -> None:
        self._batches.draw(steps)
        for stack in self._stacks:
            stack.train(steps)

    def _bind(self, *, averaging: bool) -> None:
        """Show every stack its batches: those of all, or its members' own streams."""
        first = 0
        for stack in self._stacks:
            last = first + len(stack.members)
            streams = slice(None) if self._shared else slice(first, last)
            stack.bind(self._batches.block.of_streams(streams), averaging=averaging)
            first = last

    @torch.inference_mode()
    def stop_early(self, mark: int) -> Report | None:
        """After an epoch, let those go whose train loss falls no more; None where nobody's does."""
        assert self._early_stops is not None
        members = self._members
        ending = self._early_stops.ending(
            {member: self._squared[member] / self._pairs for member in members}
        )
        if not ending:
            return None
        trainees = [trainee for stack in self._stacks for trainee in stack.unload()]
        self._stacks = self._engine.stacks(
            [trainee for trainee in trainees if trainee.member in ending], mark
        )
        measured = self._measure(last=True)
        statuses = self._statuses(measured, last=True)
        going = [trainee for trainee in trainees if trainee.member not in ending]
        if going:
            self._place(going, mark)
        else:
            self._stacks = []
        return self._report(mark, measured, statuses, len(members))

    @torch.inference_mode()
    def report(self, mark: int) -> Report:
        """Evaluate everyone at `mark`, let the losers go, and place the others anew."""
        last = mark == self._pack.steps
        measured = self._measure(last=last)
        statuses = self._statuses(measured, last=last)
        self._keep_running(statuses, mark)
        return self._report(mark, measured, statuses, len(measured))

    def _report(
        self,
        mark: int,
        measured: dict[Member, tuple[float, Loss]],
        statuses: dict[Member, MemberStatus],
        alive: int,
    ) -> Report:
        pack = self._pack
        evaluations = []
        for member in (member for member in pack.members if member in measured):
            train_loss, loss = measured[member]
            diverged = statuses[member] == "diverged"
            factor = SCHEDULES[member.schedule](mark - 1, pack.steps)
            evaluations.append(
                Evaluation(
                    member=member,
                    status=statuses[member],
                    train_loss=None if diverged else train_loss,
                    loss=None if diverged else loss,
                    scheduled_learning_rate=member.learning_rate * factor,
                )
            )
        return Report(
            step=mark,
            samples=mark * pack.batch_size,
            alive=alive,
            evaluations=tuple(evaluations),
        )

    def _measure(self, *, last: bool) -> dict[Member, tuple[float, Loss]]:
        """The training loss and the loss of everyone in a stack now.

        Apart: a stack that a name of `report` still meant would live on beside its successors.
        """
        pairs = SELECTION_PAIRS if last else RUNG_PAIRS
        measured: dict[Member, tuple[float, Loss]] = {}
        for stack in self._stacks:
            losses = evaluate(stack, self._source, pairs, averaged=not last)
            if last:
                further = zip(
                    losses,
                    rmse_excess(stack, self._source),
                    pearson_r(stack, self._source),
                    rmse(stack, self._source),
                    ranking(stack, self._source),
                    strict=True,
                )
                losses = [
                    replace(
                        loss,
                        rmse_excess=excess,
                        pearson_r=correlation,
                        rmse=error,
                        ranking=of_items,
                    )
                    for loss, excess, correlation, error, of_items in further
                ]
            for member, loss in zip(stack.members, losses, strict=True):
                measured[member] = self._squared[member] / self._pairs, loss
        return measured

    def _statuses(
        self, measured: dict[Member, tuple[float, Loss]], *, last: bool
    ) -> dict[Member, MemberStatus]:
        order = {member: index for index, member in enumerate(self._pack.members)}
        # Sums are taken in float64: beyond the networks' own numbers a loss is as good as infinite.
        limit = torch.finfo(self._dtype).max
        finite = {
            order[member]: loss.mean
            for member, (train_loss, loss) in measured.items()
            if math.isfinite(train_loss + loss.standard_error + loss.normalised)
            and all(map(math.isfinite, loss.rmse_excess.values()))
            and math.isfinite(loss.rmse or 0.0)
            and loss.mean <= limit
        }
        going = set(finite) if last else self._stop_rule.going(finite)
        statuses: dict[Member, MemberStatus] = {}
        for member in measured:
            if order[member] not in finite:
                statuses[member] = "diverged"
            elif order[member] not in going:
                statuses[member] = "pruned"
            else:
                statuses[member] = "completed" if last else "running"
        return statuses

    def _keep_running(self, statuses: dict[Member, MemberStatus], mark: int) -> None:
        if all(status == "running" for status in statuses.values()):
            return
        going = [member for member in self._members if statuses[member] == "running"]
        self._fit(going, lambda: self._engine.narrowed(self._stacks, frozenset(going), mark))
