"""What is known beforehand of the columns of TensorBoard's HParams tab."""

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from results.tensorboard.trial_runs import ColumnDomain, Interval, Listed
from spaces import Choices, FloatRange, IntRange, Spec, Study, studies
from spaces.vocabulary import PHASES, STATUSES, Value, layers_of


def domains(spec: Spec) -> dict[str, ColumnDomain]:
    """What is known beforehand of the values in each column of the HParams tab."""
    found = studies(spec)
    factors = list(spec.confirm.steps_factors) if spec.confirm else [1]
    given = _distinct({**study.task, **study.fixed} for study in found)
    planned = {int(steps) * factor for steps in given["steps"] for factor in factors}
    known: dict[str, ColumnDomain] = {
        "study": Listed([study.name for study in found]),
        "seed": Listed(list(dict.fromkeys(study.seed for study in found))),
        "phase": Listed(PHASES),
        "status": Listed(STATUSES),
        "replicate": Interval(0, spec.confirm.replicates - 1 if spec.confirm else 0),
        "steps_factor": Listed(factors),
        "schedule_steps": Listed(sorted(planned)),
    }
    known |= {name: Listed(values) for name, values in given.items()}
    for study in found:
        known |= {name: _column_domain(domain) for name, domain in study.space.items()}
    layers = [_layers_of(study) for study in found]
    if any(layers):
        texts = [text for of_study in layers for text in of_study]
        of_layers = _distinct(
            {"layer_sizes": text} | layers_of({"layer_sizes": text}) for text in texts
        )
        known |= {name: Listed(values) for name, values in of_layers.items()}
    return known


def _layers_of(study: Study) -> Sequence[Value]:
    """The layer sizes that a study's trials may have; none where depth and width say them."""
    domain = study.space.get("layer_sizes")
    if isinstance(domain, Choices):
        return domain.choices
    return [study.fixed["layer_sizes"]] if "layer_sizes" in study.fixed else []


def _distinct(mappings: Iterable[Mapping[str, Value | None]]) -> dict[str, list[Value]]:
    """The values under each name, each once, without null."""
    found: dict[str, list[Value]] = {}
    for mapping in mappings:
        for name, value in mapping.items():
            if value is not None and value not in found.setdefault(name, []):
                found[name].append(value)
    return {name: values for name, values in found.items() if values}


def _column_domain(domain: IntRange | FloatRange | Choices) -> ColumnDomain:
    match domain:
        case IntRange(low=low, high=high) | FloatRange(low=low, high=high):
            return Interval(low, high)
        case Choices(choices=choices):
            return Listed(choices)
    assert_never(domain)
