"""What a search's table of ratings holds, read once where a search begins, and put into its spec.

With it the spec says all again that a search is a function of: how many users, items and training
ratings there are, and the fingerprint of all that the table holds.
"""

from collections.abc import Callable, Iterator

from spaces import Spec, SpecError, load_spec
from spaces.given_values import given_values
from spaces.vocabulary import range_ends
from trainables.ratings import (
    SplitRatings,
    TableError,
    TableReference,
    absolute,
    read_ratings,
    split_ratings,
)
from trainables.sources.batches import EVALUATION_CHUNK

_FACTS = ("users", "items", "pairs", "fingerprint")


def with_absolute_table(spec: Spec) -> Spec:
    """The spec with its table's place as it is in every folder; one of other data as it is."""
    if not spec.has_table:
        return spec
    table = absolute(str(spec.task.table))
    return spec.model_copy(update={"task": spec.task.model_copy(update={"table": table})})


def with_table_facts(spec: Spec, *, tell: Callable[[str], None] | None = None) -> Spec:
    """The spec with what its table holds, and the table's place as it is in every folder.

    A spec of other data is returned as it is. `tell` is told what goes with the table but was
    probably not meant, a sentence each.

    Raises:
        SpecError: the table can't be learned from, holds something else than the spec says, or the
            spec doesn't go with what it holds.
    """
    if not spec.has_table:
        return spec
    task = with_absolute_table(spec).task
    names = ("table", "user", "item", "rating", "timestamp")
    reference = TableReference(**{name: getattr(task, name) for name in names})
    try:
        table = read_ratings(reference)
        split = split_ratings(table, split_seed=task.split_seed, chunk=EVALUATION_CHUNK)
    except TableError as error:
        raise SpecError([f"task.table: {error}"]) from None
    found = (split.user_count, split.item_count, split.sizes.training, table.fingerprint)
    facts = dict(zip(_FACTS, found, strict=True))
    if task.fingerprint not in (None, table.fingerprint):
        raise SpecError(
            [
                "task.table: must hold what it held when the spec's fingerprint was taken; "
                f"{reference.table} has another; put that file back, or leave out what the spec "
                f"says of it ({', '.join(_FACTS)})"
            ]
        )
    faults = [
        f"task.{name}: must be what the table holds ({facts[name]}); got {given}; leave it out"
        for name in _FACTS
        if (given := getattr(task, name)) not in (None, facts[name])
    ]
    if faults:
        raise SpecError(faults)
    mapping = spec.to_mapping()
    mapping["task"] |= {"table": reference.table, **facts}
    if tell is not None:
        for note in _range_notes(spec, split):
            tell(note)
    return load_spec(mapping)


def _range_notes(spec: Spec, split: SplitRatings) -> Iterator[str]:
    """Of every range of predictions that leaves out ratings to train on."""
    ratings = split.ratings[: split.sizes.training]
    for text in given_values(spec.to_mapping(), "y_range"):
        ends = range_ends(text)
        if ends is None:
            continue
        outside = int(((ratings < ends[0]) | (ratings > ends[1])).sum())
        if outside:
            yield (
                f"y_range: {outside:,} of the {len(ratings):,} ratings to train on lie outside "
                f"{text}, which no prediction leaves; they lie between {ratings.min():g} and "
                f"{ratings.max():g}, so a range a little wider than that reaches them all"
            )
