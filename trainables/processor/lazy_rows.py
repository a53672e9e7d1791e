"""A table of learned rows under Adam or AdamW, of which a step touches a few.

The numbers are dense Adam's, up to rounding: a row that no pair of a batch names still goes on by
its moments and is decayed, but only once it is read again (`kernels/lazy_rows.py`).
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from .kernels import (
    LANES,
    LAZY_NUMBERS,
    LAZY_SETTINGS,
    Kernels,
    first_share,
    lazy_schedule_row,
    spread,
)

NEAR = 1e-4
"""How far, as a share of it, what is left of 1 may be from 1 - beta."""
FOR_EVER = 2**62
"""More steps than are ever taken."""


@dataclass(frozen=True, kw_only=True)
class RowOptimiser:
    """The hyperparameters of Adam (Kingma & Ba 2015), or, with a decay, of AdamW."""

    learning_rate: float
    beta_1: float
    beta_2: float
    epsilon: float
    weight_decay: float = 0.0

    def settings(self, dtype: torch.dtype) -> Tensor:
        """As the kernels of rows of this type read them."""
        given = {
            **asdict(self),
            "share_1": first_share(self.beta_1, _rest(self.beta_1, dtype)),
            "rest_2": _rest(self.beta_2, dtype),
        }
        return torch.tensor([given[name] for name in LAZY_SETTINGS], dtype=torch.float64)

    def powers(self, dtype: torch.dtype) -> Tensor:
        """What 1, 2, ... steps leave of the first moment, and of the second's root (2, LANES).

        Of a root always something, as the kernels divide by it: so little that epsilon hides it.
        """
        bases = torch.tensor([[self.beta_1], [self.beta_2**0.5]], dtype=torch.float64)
        powers = (bases ** torch.arange(1, LANES + 1)).to(dtype)
        powers[1].clamp_(min=torch.finfo(dtype).tiny)
        return powers

    def lasting(self, dtype: torch.dtype) -> int:
        """The steps without a gradient after which what moves a row is lost in rounding.

        Each is beta_1 / sqrt(beta_2) times the one before, and all that follow add up to a share of
        the first that `dtype` can't hold.
        """
        if self.beta_1 <= 0:
            return 1
        if self.beta_1 >= math.sqrt(self.beta_2):
            return FOR_EVER
        ratio = self.beta_1 / math.sqrt(self.beta_2)
        return math.ceil(math.log(torch.finfo(dtype).eps / 2 * (1 - ratio)) / math.log(ratio))

    def together(self, dtype: torch.dtype) -> int:
        """The most steps whose factors of the root one series reaches, when its correction is 1."""
        most = spread("float32" if dtype == torch.float32 else "float64")
        first, *others = self.powers(dtype)[1].tolist()
        return 1 + len([each for each in others if (first - each) / (first + each) < most])


def _rest(beta: float, dtype: torch.dtype) -> float:
    """What `dtype` has for 1 - beta: what is left by the beta that it holds, where that is near.

    Both together are 1 then. Of a beta so near 1 that hardly a digit is left, the rest is rounded.
    """
    left = float(1 - torch.tensor(beta, dtype=dtype))
    return left if abs(left - (1 - beta)) <= NEAR * (1 - beta) else 1 - beta


class RowSchedule:
    """What changes from step to step, of all steps that a row may have missed."""

    def __init__(self, *, betas: tuple[float, float], steps: int, dtype: torch.dtype) -> None:
        """For so many steps at most, of rows of this type; none is known yet."""
        self._betas = betas
        # The kernels read LANES steps at once.
        self.numbers = torch.zeros(LAZY_NUMBERS, steps + LANES, dtype=dtype)
        """A column for each step."""
        self.known = 0
        """The steps whose rows are there."""

    def extend(self, factors: Sequence[tuple[float, float]]) -> None:
        """The next steps: of each the factor on the learning rate, and the average's new share."""
        first, self.known = self.known, self.known + len(factors)
        rows = [
            lazy_schedule_row(first + step, *each, *self._betas)
            for step, each in enumerate(factors)
        ]
        self.numbers[:, first : self.known] = torch.tensor(rows, dtype=torch.float64).T


@dataclass(frozen=True, kw_only=True)
class LazyRows:
    """The rows of a table, and the operations on those that a step reads.

    Legend: R rows, C columns. `states` (4, R, C) are the weights, the two moments and the running
    average of the weights; `updated` (R,) the steps that each row has behind it, `done` (1,) the
    steps before the first of a call of `run`.
    """

    kernels: Kernels
    states: Tensor
    updated: Tensor
    optimiser: RowOptimiser
    done: Tensor
    biases: int | None = None
    """The first column that is not decayed, and with it all others; None where all are."""
    _settings: Tensor = field(init=False)
    _powers: Tensor = field(init=False)

    def __post_init__(self) -> None:
        columns = self.states.shape[2]
        if columns % LANES:
            raise ValueError(
                f"rows have a multiple of {LANES} columns; received {columns}: fill up with zeros"
            )
        object.__setattr__(self, "_settings", self.optimiser.settings(self.states.dtype))
        object.__setattr__(self, "_powers", self.optimiser.powers(self.states.dtype))

    @classmethod
    def start(
        cls,
        kernels: Kernels,
        weights: Tensor,
        optimiser: RowOptimiser,
        *,
        biases: int | None = None,
    ) -> "LazyRows":
        """Before the first step: `weights` (R, C), to be filled up to whole vectors."""
        rows, columns = weights.shape
        states = torch.zeros(4, rows, -(-columns // LANES) * LANES, dtype=weights.dtype)
        states[0, :, :columns] = states[3, :, :columns] = weights
        return cls(
            kernels=kernels,
            states=states,
            updated=torch.zeros(rows, dtype=torch.int64),
            optimiser=optimiser,
            done=torch.zeros(1, dtype=torch.int64),
            biases=biases,
        )

    def catch_up(
        self, indices: Tensor, schedule: RowSchedule, *, averaging: bool = False
    ) -> list[int]:
        """The operation that brings the rows of a step's indices (steps, count) up to date."""
        return self.kernels.operation(
            "catch_up_averaging" if averaging else "catch_up",
            **self._slots(indices, schedule),
            powers_pointer=self._powers.data_ptr(),
            lasting=self.optimiser.lasting(self.states.dtype),
            together=self.optimiser.together(self.states.dtype),
        )

    def update(
        self, indices: Tensor, schedule: RowSchedule, gradients: Tensor, *, averaging: bool = False
    ) -> list[int]:
        """The operation that takes the step for them, with gradients (R, C) that it leaves zero."""
        return self.kernels.operation(
            "row_update_averaging" if averaging else "row_update",
            **self._slots(indices, schedule),
            gradients_pointer=gradients.data_ptr(),
        )

    def _slots(self, indices: Tensor, schedule: RowSchedule) -> dict[str, int]:
        _, rows, columns = self.states.shape
        return {
            "states_pointer": self.states.data_ptr(),
            "rows": rows,
            "columns": columns,
            "updated_pointer": self.updated.data_ptr(),
            "indices_pointer": indices.data_ptr(),
            "indices_step_stride": indices.stride(0),
            "count": indices.shape[1],
            "settings_pointer": self._settings.data_ptr(),
            "schedule_pointer": schedule.numbers.data_ptr(),
            "schedule_stride": schedule.numbers.stride(0),
            "done_pointer": self.done.data_ptr(),
            # Without a decay nothing sets columns apart, and all are walked at once.
            "decayed": self.biases
            if self.biases is not None and self.optimiser.weight_decay
            else columns,
        }
