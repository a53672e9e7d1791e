"""Rows brought up to date when they are read, against torch's dense Adam and AdamW."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.trainables_tests.test_kernels import HAS_AVX512, HASWELL, SKYLAKE
from trainables.processor.kernels import LANES, Processor, Program, row_kernels
from trainables.processor.lazy_rows import LazyRows, RowOptimiser, RowSchedule
from trainables.schedules import average_weight

ROWS, FACTORS, BATCH, STEPS = 400, 21, 16, 300
LONG = 3_000
FAST_AI = RowOptimiser(learning_rate=5e-3, beta_1=0.9, beta_2=0.99, epsilon=1e-5)
DEFAULT = RowOptimiser(learning_rate=1e-2, beta_1=0.9, beta_2=0.999, epsilon=1e-8)


def one_cycle(step: int) -> float:
    """As fast.ai's: up within a quarter of the steps, then down, along half cosines."""
    quarter = STEPS / 4
    if step < quarter:
        return 1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * step / quarter)) / 2
    return 1e-5 + (1 - 1e-5) * (1 + math.cos(math.pi * (step - quarter) / (STEPS - quarter))) / 2


COURSES: dict[str, Callable[[int], float]] = {"constant": lambda step: 1.0, "one cycle": one_cycle}


def uneven(steps: int, batch: int, seed: int, rows: int = ROWS) -> Tensor:
    """Rows of each step (steps, batch), the k-th about 1 / k as often as the first."""
    generator = torch.Generator().manual_seed(seed)
    popularity = 1 / torch.arange(1, rows + 1, dtype=torch.float64)
    drawn = torch.multinomial(popularity, steps * batch, replacement=True, generator=generator)
    return drawn.view(steps, batch)


def derivative(read: Tensor, target: Tensor) -> Tensor:
    """Of the squared errors of the rows' sums, in which their columns meet."""
    return 2 * (read.sum(1) - target)[:, None].expand_as(read)


def of_weights_and_biases(weights: Tensor, biases: Tensor) -> list[dict[str, Any]]:
    """Groups of parameters as torch's optimisers take them; the second is not decayed."""
    apart = {"params": [biases.requires_grad_()], "weight_decay": 0.0}
    return [{"params": [weights.requires_grad_()]}, apart]


class Trained:
    """A table trained by the kernels; `at_step` sees the rows that a step has read."""

    def __init__(
        self,
        weights: Tensor,
        decay: float,
        optimiser: RowOptimiser,
        course: Callable[[int], float],
        *,
        averaging: bool = False,
        processor: Processor | None = None,
        biases: int | None = None,
    ) -> None:
        number = {torch.float32: "float32", torch.float64: "float64"}[weights.dtype]
        self.kernels = row_kernels(number, processor)
        decaying = replace(optimiser, weight_decay=decay)
        self.rows = LazyRows.start(self.kernels, weights, decaying, biases=biases)
        self.schedule = RowSchedule(
            betas=(optimiser.beta_1, optimiser.beta_2), steps=LONG, dtype=weights.dtype
        )
        self.course, self.averaging = course, averaging
        self.gradients = torch.zeros_like(self.rows.states[0])
        self.columns = weights.shape[1]

    def step(self, index: Tensor, target: Tensor) -> Tensor:
        """A step whose gradient is the derivative for `target` (batch,)."""
        return self.step_along(index, lambda read: derivative(read, target))

    def step_along(self, index: Tensor, gradient: Callable[[Tensor], Tensor]) -> Tensor:
        """A step whose gradient is that of the rows read (batch, columns); they are returned."""
        step = int(self.rows.done)
        self.schedule.extend([(self.course(step), average_weight(step))])
        indices = index[None].contiguous()
        self._run(self.rows.catch_up(indices, self.schedule, averaging=self.averaging))
        read = self.rows.states[0][index][:, : self.columns].clone()
        columns = self.gradients[:, : self.columns]
        columns.index_add_(0, index, gradient(read))
        self._run(
            self.rows.update(indices, self.schedule, self.gradients, averaging=self.averaging)
        )
        assert not self.gradients.any()
        self.rows.done.add_(1)
        return read

    def finish(self) -> Tensor:
        """The states of all rows, up to date."""
        everyone = torch.arange(self.rows.states.shape[1])[None]
        self._run(self.rows.catch_up(everyone, self.schedule, averaging=self.averaging))
        return self.rows.states

    def _run(self, operation: list[int]) -> None:
        Program(self.kernels, [operation]).run(1)


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("optimiser", [FAST_AI, DEFAULT], ids=["fast.ai", "default"])
@pytest.mark.parametrize(
    ("decay", "biases"), [(0.0, FACTORS), (0.1, FACTORS), (0.1, FACTORS - 1), (0.1, 3)]
)
def test_they_are_dense_adams(
    decay: float, biases: int, optimiser: RowOptimiser, course: str
) -> None:
    """With columns that are not decayed from `biases` on, in a group of parameters of their own."""
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(ROWS, FACTORS, generator=generator, dtype=torch.float64)
    indices = uneven(STEPS, BATCH, seed=2)
    targets = torch.randn(STEPS, BATCH, generator=generator, dtype=torch.float64)
    counts = indices.flatten().bincount(minlength=ROWS)
    assert counts.max() > 500  # and rows that come more than once in a batch
    assert (counts == 1).sum() > 20
    assert (counts == 0).any()
    lazy = Trained(
        weights,
        decay,
        optimiser,
        COURSES[course],
        averaging=True,
        biases=biases if biases < FACTORS else None,
    )
    parts = [weights[:, :biases].clone(), weights[:, biases:].clone()]
    average = weights.clone()
    kind = torch.optim.AdamW if decay else torch.optim.Adam
    reference = kind(
        of_weights_and_biases(*parts),
        lr=optimiser.learning_rate,
        betas=(optimiser.beta_1, optimiser.beta_2),
        eps=optimiser.epsilon,
        weight_decay=decay,
    )
    for step in range(STEPS):
        index, target = indices[step], targets[step]
        read = lazy.step(index, target)
        dense = torch.cat(parts, dim=1)
        torch.testing.assert_close(read, dense.detach()[index], rtol=0, atol=1e-10)
        for group in reference.param_groups:
            group["lr"] = optimiser.learning_rate * COURSES[course](step)
        reference.zero_grad()
        (dense[index].sum(1) - target).square().sum().backward()
        reference.step()
        average.lerp_(torch.cat(parts, dim=1).detach(), average_weight(step))
    moments = [
        torch.cat([reference.state[part][name] for part in parts], dim=1)
        for name in ("exp_avg", "exp_avg_sq")
    ]
    expected = [torch.cat(parts, dim=1).detach(), *moments, average]
    found = lazy.finish()
    for lazily, densely in zip(found[:, :, :FACTORS], expected, strict=True):
        torch.testing.assert_close(lazily, densely, rtol=0, atol=1e-10)
    assert not found[:, :, FACTORS:].any()
    assert (lazy.rows.updated == STEPS).all()


@pytest.mark.parametrize(("decay", "biases"), [(0.0, FACTORS), (0.1, FACTORS), (0.1, 18)])
def test_a_row_that_nobody_reads_for_long(decay: float, biases: int) -> None:
    """Past the steps that its moments last, to dense Adam's numbers, average or none."""
    generator = torch.Generator().manual_seed(3)
    weights = torch.randn(2, FACTORS, generator=generator, dtype=torch.float64)
    assert FAST_AI.lasting(torch.float64) < LONG / 4
    both = [
        Trained(
            weights,
            decay,
            FAST_AI,
            lambda step: 1.0,
            averaging=averaging,
            biases=biases if biases < FACTORS else None,
        )
        for averaging in (False, True)
    ]
    parts = [weights[:, :biases].clone(), weights[:, biases:].clone()]
    reference = torch.optim.AdamW(
        of_weights_and_biases(*parts),
        lr=FAST_AI.learning_rate,
        betas=(0.9, 0.99),
        eps=1e-5,
        weight_decay=decay,
    )
    target = torch.ones(1, dtype=torch.float64)
    for step in range(LONG):
        index = torch.tensor([0 if step in (0, LONG - 1) else 1])
        for lazy in both:
            lazy.step(index, target)
        reference.zero_grad()
        (torch.cat(parts, dim=1)[index].sum(1) - target).square().sum().backward()
        reference.step()

    def densely(name: str) -> Tensor:
        return torch.cat([reference.state[part][name][0] for part in parts])

    for lazy in both:
        # Not the other, whose loss is so near to 0 by then that its gradients are roundings.
        found = lazy.finish()[:, 0, :FACTORS]
        expected = torch.cat(parts, dim=1).detach()[0]
        torch.testing.assert_close(found[0], expected, rtol=0, atol=1e-10)
        for state, name in ((1, "exp_avg"), (2, "exp_avg_sq")):
            torch.testing.assert_close(found[state], densely(name))


betas = st.sampled_from([0.0, 1e-200, 0.9, 0.95, 0.98, 0.999, 1 - 1e-9]) | st.floats(0, 1 - 1e-12)


@settings(deadline=None, max_examples=60)
@given(
    beta_1=betas,
    beta_2=betas,
    epsilon=st.floats(-12, 0).map(lambda exponent: 10**exponent),
    decay=st.sampled_from([0.0, 0.3]),
    course=st.sampled_from([*COURSES.values()]),
    seed=st.integers(0, 99),
)
@example(beta_1=0.0, beta_2=0.0, epsilon=1e-8, decay=0.3, course=one_cycle, seed=0)
@example(beta_1=0.9, beta_2=0.0, epsilon=1e-2, decay=0.3, course=one_cycle, seed=0)
@example(beta_1=0.9, beta_2=0.5, epsilon=1e-8, decay=0.0, course=one_cycle, seed=0)
@example(beta_1=0.9, beta_2=1e-5, epsilon=1e-3, decay=0.0, course=one_cycle, seed=0)
@example(beta_1=1 - 1e-9, beta_2=0.9, epsilon=1e-8, decay=0.3, course=one_cycle, seed=0)
@example(beta_1=0.5, beta_2=1 - 1e-12, epsilon=1.0, decay=0.3, course=one_cycle, seed=0)
def test_any_betas_and_epsilon_are_dense_adams(
    beta_1: float,
    beta_2: float,
    epsilon: float,
    decay: float,
    course: Callable[[int], float],
    seed: int,
) -> None:
    """Along gradients that don't depend on the rows: no difference of rounding grows by them.

    Rows go as far as moments that outlive their roots, and then epsilon, take them.
    """
    steps, rows, columns, batch = 120, 40, 18, 4
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    size = torch.rand(steps, batch, 1, generator=generator, dtype=torch.float64)
    gradients = torch.randn(steps, batch, columns, generator=generator, dtype=torch.float64)
    gradients *= 10 ** (4 * size - 4)
    optimiser = RowOptimiser(learning_rate=1e-2, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
    lazy = Trained(weights, decay, optimiser, course, averaging=True, biases=columns - 1)
    parts = [weights[:, :-1].clone(), weights[:, -1:].clone()]
    average, largest = weights.clone(), torch.ones(1, dtype=torch.float64)
    reference = torch.optim.AdamW(
        of_weights_and_biases(*parts), betas=(beta_1, beta_2), eps=epsilon, weight_decay=decay
    )
    for step, index in enumerate(uneven(steps, batch, seed, rows)):
        lazy.step_along(index, lambda _, step=step: gradients[step])  # type: ignore[misc]
        whole = torch.zeros_like(weights).index_add_(0, index, gradients[step])
        parts[0].grad, parts[1].grad = whole[:, :-1], whole[:, -1:]
        for group in reference.param_groups:
            group["lr"] = optimiser.learning_rate * course(step)
        reference.step()
        dense = torch.cat(parts, dim=1).detach()
        largest = torch.maximum(largest, dense.abs().max())
        average.lerp_(dense, average_weight(step))
    moments = [
        torch.cat([reference.state[part][name] for part in parts], dim=1)
        for name in ("exp_avg", "exp_avg_sq")
    ]
    found = lazy.finish()[:, :, :columns]
    for lazily, densely in zip(found, [dense, *moments, average], strict=True):
        assert lazily.isfinite().all()
        torch.testing.assert_close(lazily, densely, rtol=0, atol=1e-10 * float(largest))


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.999, 0.99999, 1 - 1e-9, 1 - 1e-15])
def test_single_precision_takes_the_share_of_a_gradient_that_a_beta_near_1_leaves(
    beta: float,
) -> None:
    optimiser = RowOptimiser(learning_rate=1e-3, beta_1=beta, beta_2=beta, epsilon=1e-8)
    lazy = Trained(torch.zeros(1, 2), 0.0, optimiser, lambda step: 1.0)
    lazy.step_along(torch.tensor([0]), lambda read: torch.full_like(read, 0.5))
    _, mean, square, _ = lazy.finish()[:, 0, :2].double()
    expected = torch.full((2,), 1 - beta, dtype=torch.float64)
    torch.testing.assert_close(mean, 0.5 * expected, rtol=2e-4, atol=0)
    torch.testing.assert_close(square, 0.25 * expected, rtol=2e-4, atol=0)


def test_moments_that_never_fade_are_walked_to_the_end() -> None:
    slow = RowOptimiser(learning_rate=1e-3, beta_1=0.9, beta_2=0.5, epsilon=1e-8)
    assert slow.lasting(torch.float64) > 2**60
    rootless = RowOptimiser(learning_rate=1e-3, beta_1=0.9, beta_2=0, epsilon=1e-8)
    assert rootless.lasting(torch.float64) > 2**60
    assert (
        RowOptimiser(learning_rate=1, beta_1=0, beta_2=0.9, epsilon=1).lasting(torch.float32) == 1
    )


@given(
    beta_1=st.floats(0.1, 0.99),
    beta_2=st.floats(0.1, 0.9999),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_what_follows_the_lasting_steps_is_below_rounding(
    beta_1: float, beta_2: float, dtype: torch.dtype
) -> None:
    ratio = beta_1 / math.sqrt(beta_2)
    lasting = RowOptimiser(learning_rate=1, beta_1=beta_1, beta_2=beta_2, epsilon=0).lasting(dtype)
    if ratio < 1:
        assert ratio**lasting / (1 - ratio) <= torch.finfo(dtype).eps
        assert ratio ** (lasting - 2) / (1 - ratio) > torch.finfo(dtype).eps / 4
    else:
        assert lasting > 2**60


@pytest.mark.skipif(not HAS_AVX512, reason="the host can run code for one of both alone")
@pytest.mark.parametrize("columns", [1, 21, 64, 100])
def test_registers_change_no_bit(columns: int) -> None:
    """Of one, two or four vectors at once, and none left over or some."""
    generator = torch.Generator().manual_seed(columns)
    weights = torch.randn(9, columns, generator=generator)
    indices = uneven(12, 4, columns, rows=9)
    found = []
    for processor in (HASWELL, SKYLAKE):
        lazy = Trained(
            weights,
            0.1,
            FAST_AI,
            one_cycle,
            averaging=True,
            processor=processor,
            biases=columns - 1,
        )
        for index in indices:
            lazy.step(index, torch.ones(4))
        found.append(lazy.finish())
    assert torch.equal(*found)


def test_columns_are_whole_vectors() -> None:
    with pytest.raises(ValueError, match=f"a multiple of {LANES} columns; received 21: fill up"):
        LazyRows(
            kernels=row_kernels("float32"),
            states=torch.zeros(4, 3, 21),
            updated=torch.zeros(3, dtype=torch.int64),
            optimiser=FAST_AI,
            done=torch.zeros(1, dtype=torch.int64),
        )
