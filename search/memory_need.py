"""Whether the packs of a spec can fit into the memory of any node, before anything starts."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cluster.errors import RequestError
from cluster.resources import Cluster, WorkerRequest
from spaces import Choices, Spec, Study, studies
from spaces.vocabulary import (
    EMBEDDED_DATA,
    LAYERED_MODELS,
    POOLED_DATA,
    embedding_rows,
    layer_units,
    parameter_count,
)
from trainables.processor.pack_memory import (
    ACTIVATIONS_WITH_DERIVATIVE,
    STATES,
    KeptPairs,
    MemberShape,
    pack_bytes,
)

COMFORTABLE = 0.9
"""What is named as fitting leaves a tenth of the memory to everything else."""
UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")


@dataclass(frozen=True, kw_only=True)
class Extent:
    """The least and the most that a whole number of the spec may be, and where it stands there."""

    key: str
    smallest: int
    largest: int
    minimum: int = 1
    """What the spec's rules allow at the least."""

    @property
    def name(self) -> str:
        """What it is called in the spec."""
        return self.key.rpartition(".")[2]

    def lowered(self, to: int) -> "Extent":
        """The extent with no value above `to`."""
        return replace(self, smallest=min(self.smallest, to), largest=to)


@dataclass(frozen=True, kw_only=True)
class PackNeed:
    """The largest pack of a kind that a study may have.

    A search pack has one member with the largest values and others with the smallest: a sampler
    spreads its trials. The members of a confirm pack are all alike; each sees batches of its own.
    """

    study: str
    phase: str
    extents: Mapping[str, Extent]
    """dimension, depth and width (unless layer sizes are given), batch_size, what says how many
    pairs come again, and members."""
    largest: MemberShape
    smallest: MemberShape
    """The kinds of the members, whatever their depth and width."""
    label_noise: bool
    threads: int
    table_rows: int = 0
    """Embeddings of a table's users and items: with other data they follow from the extents."""
    table_pairs: int = 0
    """The training pairs of a table."""
    steps: int = 0
    """The steps of its members, on learned embeddings."""
    courses: int | None = 0
    """How many learning rates' courses with betas of Adam the members can have; None: any."""

    @property
    def kept(self) -> KeptPairs | None:
        """The pairs that come again; None where every step has fresh ones."""
        if self.table_pairs:
            return KeptPairs(pairs=self.table_pairs, rated=True)
        of = {name: extent.largest for name, extent in self.extents.items()}
        if "pairs" in of:
            return KeptPairs(pairs=of["pairs"])
        if "users" not in of:
            return None
        items = of.get("items", of["users"])
        pairs = of["users"] * of.get("pairs_per_user", items)
        return KeptPairs(pairs=pairs, vectors=of["users"] + items)

    @property
    def bytes(self) -> int:
        """What it needs at the least."""
        of = self.extents
        members, largest, smallest = of["members"].largest, self.largest, self.smallest
        if "factors" in of:
            rows = self.table_rows
            if "users" in of:
                rows = of["users"].largest + of.get("items", of["users"]).largest
            factors = of["factors"]
            largest = replace(largest, factors=factors.largest, rows=rows)
            smallest = replace(smallest, factors=factors.smallest, rows=rows)
        if largest.layers is None and largest.model in LAYERED_MODELS:
            depth, width = of["depth"], of["width"]
            largest = replace(largest, depth=depth.largest, width=width.largest)
            smallest = replace(smallest, depth=depth.smallest, width=width.smallest)
        confirm = self.phase == "confirm"
        return pack_bytes(
            [(members, largest)] if confirm else [(1, largest), (members - 1, smallest)],
            dimension=of["dimension"].largest if "dimension" in of else 0,
            batch_size=of["batch_size"].largest,
            streams=members if confirm else 1,
            label_noise=self.label_noise,
            threads=self.threads,
            kept=self.kept,
            steps=self.steps,
            schedules=self._schedules(1 if confirm else members),
        )

    def _schedules(self, members: int) -> int:
        return members if self.courses is None else min(members, self.courses)

    def lowered(self, name: str, to: int) -> "PackNeed":
        """The need with one extent's values at most `to`."""
        return replace(self, extents={**self.extents, name: self.extents[name].lowered(to)})

    def fitting(self, name: str, limit: float) -> int | None:
        """The largest value of `name` with which the need is within `limit` bytes; None if none is.

        Everything else stays as it is.
        """
        extent = self.extents[name]
        values = range(extent.minimum, extent.largest)
        count = bisect_right(values, limit, key=lambda value: self.lowered(name, value).bytes)
        return values[count - 1] if count else None

    def __str__(self) -> str:
        """The pack in words."""
        values = ", ".join(
            f"{extent.largest} {name}" if name == "members" else f"{extent.name} {extent.largest}"
            for name, extent in self.extents.items()
        )
        return f"a {self.phase} pack of the study {self.study} ({values})"


def check_memory(spec: Spec, request: WorkerRequest, cluster: Cluster) -> None:
    """Refuse a spec with a pack that no node has the memory for.

    Nothing is known, and nothing refused, of a cluster that starts nodes of other kinds, of a node
    that doesn't say what memory it has, and of GPUs: a worker with one computes in its memory.

    Raises:
        RequestError: says what is needed, what there is, which values cause it and what would fit.
    """
    available = request.memory_bytes(cluster)
    if request.gpus or available is None:
        return
    need = max(pack_needs(spec, threads=max(1, int(request.cpus))), key=lambda need: need.bytes)
    if need.bytes <= available:
        return
    raise RequestError(
        f"memory: a pack must fit into the memory of one node; {need} needs "
        f"{bytes_text(need.bytes)}, and the largest node for a worker has {bytes_text(available)}; "
        f"{_next_step(need, available)}"
    )


def pack_needs(spec: Spec, *, threads: int) -> Iterator[PackNeed]:
    """The largest packs of every study and phase, for workers of so many `threads`."""
    budget, confirm = spec.budget, spec.confirm
    size = budget.members(0)
    key = "budget.trials" if size < budget.pack_size else "budget.pack_size"
    members = {"search": Extent(key=key, smallest=size, largest=size)}
    if confirm is not None:
        count = confirm.replicates
        members["confirm"] = Extent(key="confirm.replicates", smallest=count, largest=count)
    longest = max(confirm.steps_factors) if confirm is not None else 1
    for study in studies(spec):
        layered = "layer_sizes" in {**study.space, **study.fixed}
        layered |= study.fixed["model"] not in LAYERED_MODELS  # a dot product has no layers
        sizes: tuple[str, ...] = () if layered else ("depth", "width")
        if study.task["data"] in EMBEDDED_DATA:
            sizes = ("factors", *sizes)
        vectors = () if study.task["dimension"] is None else ("dimension",)
        names = (*vectors, *sizes, "batch_size", *_counted(spec, study))
        extents = {name: _extent(study, name) for name in names}
        kinds = [_kind(study, largest=largest) for largest in (True, False)]
        for phase, extent in members.items():
            yield PackNeed(
                study=study.name,
                phase=phase,
                extents={**extents, "members": extent},
                largest=kinds[0],
                smallest=kinds[1],
                label_noise=bool(study.task["label_noise_std"]),
                threads=threads,
                steps=int(study.fixed["steps"]) * (longest if phase == "confirm" else 1),
                courses=_courses(study),
                **_of_table(study.task),
            )


def _courses(study: Study) -> int | None:
    """How many courses and betas there are to choose from; None where they are numbers of a range.

    None are kept of vectors, and of optimisers without betas.
    """
    if "beta_1" not in {**study.fixed, **study.space}:
        return 0
    domains = [study.space.get(name) for name in ("schedule", "beta_1", "beta_2")]
    if not all(domain is None or isinstance(domain, Choices) for domain in domains):
        return None
    return math.prod(len(_values(study, name)) for name in ("schedule", "beta_1", "beta_2"))


def bytes_text(number: float) -> str:
    """Bytes in the unit that leaves few digits, in powers of 1000.

    >>> bytes_text(1.2345e12), bytes_text(999), bytes_text(1e40)
    ('1.2 TB', '999 bytes', '1e+22 EB')
    """
    power = 0
    while number >= 1000 and power < len(UNITS) - 1:
        number, power = number / 1000, power + 1
    digits = f"{number:.1f}" if number < 10 and power else f"{number:.0f}"
    return f"{digits if number < 1e6 else f'{number:.0e}'} {UNITS[power]}"


def _next_step(need: PackNeed, available: float) -> str:
    limit = COMFORTABLE * available
    fitting = {
        extent.key: value
        for name, extent in need.extents.items()
        if (value := need.fitting(name, limit)) is not None
    }
    if fitting:
        ways = " or ".join(f"{key} to at most {value}" for key, value in fitting.items())
        return f"with everything else as it is, lower {ways}"
    helping = [
        extent.key
        for name, extent in need.extents.items()
        if need.lowered(name, extent.minimum).bytes < COMFORTABLE * need.bytes
    ]
    keys = helping or [extent.key for extent in need.extents.values()]
    return f"lower {' and '.join(keys)}: no one of them alone would do"


def _of_table(task: Mapping[str, Any]) -> dict[str, int]:
    """The embeddings and the training pairs of a table; of other data none."""
    if task["data"] != "table":
        return {}
    rows = sum(embedding_rows("table", task[name]) for name in ("users", "items"))
    return {"table_rows": rows, "table_pairs": task["pairs"]}


def _counted(spec: Spec, study: Study) -> tuple[str, ...]:
    """The fields of the task that say how many pairs come again."""
    if study.task["data"] in POOLED_DATA:
        follow = spec.task.items is None and "items" not in study.grid  # as many as users then
        return ("users", "pairs_per_user", *(() if follow else ("items",)))
    if study.task["data"] == "modes":  # all pairs of as many values of each
        return ("users",)
    return ("pairs",) if study.task["data"] == "fixed" else ()


_WRITTEN = {"dimension": "rank", "users": "values"}
"""What stands in a spec for these, with data modes."""


def _extent(study: Study, name: str) -> Extent:
    minimum = 0 if name == "depth" else 1
    domain = study.space.get(name)
    if domain is None:
        of_task = name in study.task
        value = int((study.task if of_task else study.fixed)[name] or 0)
        written = _WRITTEN.get(name, name) if study.task["data"] == "modes" else name
        usual = "task" if of_task and written != "dimension" else "fixed"
        section = "grid" if written in study.grid else usual
        minimum = 2 if written == "values" else minimum
        return Extent(key=f"{section}.{written}", smallest=value, largest=value, minimum=minimum)
    if isinstance(domain, Choices):
        choices = [int(choice) for choice in domain.choices]
        smallest, largest = min(choices), max(choices)
    else:
        smallest, largest = int(domain.low), int(domain.high)
    return Extent(key=f"space.{name}", smallest=smallest, largest=largest, minimum=minimum)


def _kind(study: Study, *, largest: bool) -> MemberShape:
    """The member that needs the most, or the least, among the kinds that a study may have."""
    most = max if largest else min

    model = str(study.fixed["model"])
    if model not in LAYERED_MODELS:
        return MemberShape(
            model=model,
            multiplication=False,
            activation="relu",
            optimizer=most(map(str, _values(study, "optimizer")), key=lambda name: STATES[name]),
            depth=0,
            width=1,
        )

    def values(name: str) -> Sequence[object]:
        return _values(study, name)

    layers = None
    if "layer_sizes" in {**study.space, **study.fixed}:
        inputs = int(study.task["dimension"] or 0)
        each = [layer_units(str(text)) for text in values("layer_sizes")]
        layers = most(each, key=lambda units: parameter_count(inputs=inputs, units=units))
    return MemberShape(
        model=model,
        layers=layers,
        multiplication=most(map(bool, values("multiplication"))),
        activation=most(
            map(str, values("activation")), key=lambda name: name in ACTIVATIONS_WITH_DERIVATIVE
        ),
        optimizer=most(map(str, values("optimizer")), key=lambda name: STATES[name]),
        depth=len(layers or ()),
        width=max(layers or (1,)),
        dropout=largest and ("dropout" in study.space or bool(study.fixed.get("dropout"))),
    )


def _values(study: Study, name: str) -> Sequence[object]:
    """What a name or a choice may be."""
    domain = study.space.get(name)
    return domain.choices if isinstance(domain, Choices) else (study.fixed[name],)
