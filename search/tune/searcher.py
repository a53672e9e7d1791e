"""The search as a Ray Tune search algorithm: a pack is a Tune trial."""

from collections import Counter, deque
from pathlib import Path
from typing import Any, cast

from ray.tune.experiment import Trial
from ray.tune.search import Searcher

from results.rows import PackResult
from trainables import Pack, PackKey

from ..planning.search_plan import SearchPlan
from ..text.study_label import pack_title
from .time_budget import TimeBudget

ATTEMPTS = 3
"""A pack is begun at most so often: a worker, a node or a connection may be lost."""


def pack_of(trial: Trial) -> PackKey:
    """The key of the pack that a Tune trial trains."""
    return PackKey(*trial.config["key"])


def pack_config(pack: Pack) -> dict[str, Any]:
    """What the config of the Tune trial that trains a pack says of it."""
    return {"key": [*pack.key], "pack": pack.to_text()}


class PackSearcher(Searcher):
    """Hands out the packs of a `SearchPlan` and takes in their rows.

    Called by Tune in the driver's process only. Whatever is in flight, `suggest` answers at once:
    with a pack, with None where every pack left must wait for one in flight, or with FINISHED.

    A pack that failed is handed out again, as a further trial of Tune, whose own retries are off.
    Of a worker that died since its last pack Tune tells twice when it gives it the next one: of the
    process, upon which it would put the trial back, and of the task, upon which it ends it for
    good. A trial that has ended at the first takes no notice of the second.
    """

    def __init__(
        self,
        plan: SearchPlan,
        *,
        out: str,
        execution: int,
        cpus: float,
        time_budget: TimeBudget,
    ) -> None:
        """Serve `plan`; the workers write to `out`, as of `execution`, with `cpus` threads each."""
        super().__init__(metric=None, mode=None)
        self.plan = plan
        self._time_budget = time_budget
        self._shared = {"out": out, "execution": execution, "cpus": cpus}
        self._in_flight: dict[str, Pack] = {}
        self._failures: Counter[PackKey] = Counter()
        self._again: deque[Pack] = deque()

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """The config of the next pack; None to be asked again; FINISHED for no more."""
        self._time_budget.look(packs_in_flight=len(self._in_flight))
        pack = self._again.popleft() if self._again else self.plan.next_pack()
        if pack is not None:
            self._in_flight[trial_id] = pack
            return {
                **pack_config(pack),
                "title": pack_title(pack),
                **self._shared,
            }
        if not self._in_flight:  # those in flight may have to be handed out again
            return cast(dict[str, Any], Searcher.FINISHED)  # a str; the base class forgot it
        return None

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Take in the rows of a pack; if it failed, note it to be tried again or stop its study."""
        pack = self._in_flight[trial_id]
        key = pack.key
        if result is not None and "unwritten" in result:
            self.plan.fail(key.study, f"{key} failed: {result['unwritten']}")
        elif error or result is None or "pack_result" not in result:
            self._failures[key] += 1
            if self._failures[key] < ATTEMPTS:
                self._again.append(pack)
            else:
                self.plan.fail(key.study, f"{key} failed")  # PackFailures adds why
        else:
            rows = PackResult.from_arrow(result["pack_result"])
            self.plan.finish(key, rows)
            self._time_budget.take(rows)
        del self._in_flight[trial_id]  # last: a pack that can't be taken in has failed

    def tries_again(self, key: PackKey) -> bool:
        """Whether a pack that has just failed will be handed out again."""
        return any(pack.key == key for pack in self._again)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the output folder is the only state."""
        Path(checkpoint_path).touch()

    def restore(self, checkpoint_path: str) -> None:
        """Never: a search is resumed from its output folder."""
        raise NotImplementedError("a search is resumed from its output folder: dottune resume URI")
