"""Short names of studies and packs, for the places where people read them."""

from typing import TYPE_CHECKING

from spaces.vocabulary import FIELDS, short_layers

from .counted import counted

if TYPE_CHECKING:  # `dottune show` does without what a worker needs
    from trainables import Pack

SHORT_KEYS = {name: field.label for name, field in FIELDS.items() if field.label}
SHORT_VALUES = {"true": "yes", "false": "no"}


def study_label(study: str, separator: str = " ") -> str:
    """The study's name, shortened.

    >>> study_label("dimension=8,multiplication=false")
    'd=8 mult=no'
    """
    pairs = (pair.split("=", 1) for pair in study.split(","))
    return separator.join(
        f"{SHORT_KEYS.get(key, key)}={_short(key, value)}" for key, value in pairs
    )


def study_folder(study: str) -> str:
    """The study's label as folders, one for each grid value; a slash in a value is escaped.

    >>> study_folder("dimension=8,multiplication=false")
    'd=8/mult=no'
    """
    return study_label(study.replace("/", "%2F"), "/")


def _short(key: str, value: str) -> str:
    if key in FIELDS and FIELDS[key].kind == "layers":
        return short_layers(value)
    return SHORT_VALUES.get(value, value)


def pack_title(pack: "Pack") -> str:
    """What a worker calls itself while it trains a pack."""
    label, count = study_label(pack.study, ", "), len(pack.members)
    if pack.phase == "confirm":
        return f"Pack({label}, confirm x{pack.steps_factor}, {counted(count, 'replicate')})"
    return f"Pack({label}, pack {pack.number}, {counted(count, 'trial')})"
