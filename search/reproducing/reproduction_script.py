"""A short program, torch alone, that trains one row of `trials` again."""

import math
import string

from results import TRIALS
from results.rows import TrialRow
from spaces.vocabulary import layer_units
from trainables.alone import torch_rate
from trainables.optimisers import OPTIMISERS
from trainables.sources.batches import EVALUATION_CHUNK, RUNG_PAIRS, SELECTION_PAIRS

from .reproduction import left_on_the_way, row_device

_ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU", "silu": "SiLU", "tanh": "Tanh"}
_FACTORS = {
    "constant": "1.0",
    "cosine": "0.5 * (1 + math.cos(math.pi * step / SCHEDULE_STEPS))",
    "linear": "1 - step / SCHEDULE_STEPS",
}
_DRAWS = {
    "normal": "normal_(generator=generator)",
    "uniform": "uniform_(-math.sqrt(3), math.sqrt(3), generator=generator)",
    "rademacher": "bernoulli_(0.5, generator=generator).mul_(2).sub_(1)",
}
_LABELS = {
    "dot": "(a * b).sum(0)",
    "cosine": "nn.functional.cosine_similarity(a, b, dim=0, eps=0)",
}
_INITIALISATIONS = {
    "torch": "for parameter in (linear.weight, linear.bias):\n"
    "        nn.init.uniform_(parameter, -1 / math.sqrt(inputs), 1 / math.sqrt(inputs), start)",
    "glorot": "nn.init.xavier_uniform_(linear.weight, generator=start)\n"
    "    nn.init.zeros_(linear.bias)",
    "he": 'nn.init.kaiming_normal_(linear.weight, nonlinearity="relu", generator=start)\n'
    "    nn.init.zeros_(linear.bias)",
}
_SAMPLE = string.Template("""\
inputs, labels = pairs(data, $pairs, LABEL_NOISE_STD)
epochs = -(-STEPS * BATCH_SIZE // $pairs)
$order
""")
_SHUFFLED = string.Template("""\
order = torch.Generator().manual_seed(($data_seed + 1) % 2**63)
indices = torch.cat([torch.randperm($pairs, generator=order) for _ in range(epochs)])""")
_IN_ORDER = "indices = torch.arange(len(labels)).repeat(epochs)"
_TAKEN = """\
taken = indices[step * BATCH_SIZE : (step + 1) * BATCH_SIZE]
    x, y = inputs[taken], labels[taken]"""
_OF_DIVERGED = '"stored: diverged" if finite else "diverged in both"'
_TEMPLATE = string.Template(
    '''\
"""Search $search, study $study, trial $trial ($phase): stored nmse $nmse, status $status."""
import math

import torch
from torch import nn

DIMENSION, STEPS, SCHEDULE_STEPS, BATCH_SIZE = $dimension, $steps, $schedule_steps, $batch_size
SCALE, LABEL_NOISE_STD = $scale, $label_noise_std


def pairs(generator, size, noise):
    """Inputs (size, $input_size) and labels (size,) of random vector pairs."""
    vectors = torch.empty(2 * DIMENSION, size, device="$device")
    vectors.$draw
    vectors *= SCALE
    a, b = vectors[:DIMENSION], vectors[DIMENSION:]
    labels = $label
    if noise > 0:
        labels += noise * torch.randn(size, generator=generator, device="$device")
    return torch.cat([$inputs]).T, labels


sizes = $sizes
start = torch.Generator().manual_seed($initialisation_seed)
layers = []
for inputs, outputs in zip(sizes, sizes[1:]):
    linear = nn.Linear(inputs, outputs)
    $initialise
    layers += [linear, nn.$activation()]
network = nn.Sequential(*layers[:-1]).to("$device")

optimizer = torch.optim.$optimizer_class(network.parameters(), lr=$learning_rate$settings)
average = [parameter.detach().clone() for parameter in network.parameters()]
data = torch.Generator("$device").manual_seed($data_seed)
${prepare}for step in range(STEPS):
    optimizer.param_groups[0]["lr"] = $learning_rate * ($factor)
    $take
    optimizer.zero_grad()
    nn.functional.mse_loss(network(x).squeeze(1), y).backward()
    optimizer.step()
    for mean, parameter in zip(average, network.parameters()):
        mean.lerp_(parameter.detach(), 1 / (0.1 * (step + 1) + 1))

with torch.no_grad():
    if $on_the_way:  # at a rung it is judged by the running average of its weights
        for mean, parameter in zip(average, network.parameters()):
            parameter.copy_(mean)
    count = $count
    held_out = torch.Generator("$device").manual_seed($evaluation_seed)
    chunks = [pairs(held_out, $chunk, 0.0) for _ in range(count // $chunk)]
    labels = torch.cat([y for _, y in chunks]).double()
    errors = torch.cat([network(x).squeeze(1) - y for x, y in chunks]).double()
    loss = float(errors.square().mean())
    finite = loss <= torch.finfo(torch.float32).max
    print("nmse", loss / float(labels.var()) if finite else "not finite,", $verdict)
torch.save(network.state_dict(), "trial-$trial.pt")
'''
)


def reproduction_script(row: TrialRow) -> str:
    """The program's text: it trains the row's network, prints its nmse and saves its weights."""
    columns = {name: row.column(name) for name in TRIALS.names}
    on_the_way, fixed = left_on_the_way(row), columns["data"] == "fixed"
    order = _SHUFFLED.substitute(columns) if columns["shuffle"] else _IN_ORDER
    hidden = layer_units(columns["layer_sizes"])
    rate = torch_rate(columns["learning_rate"])
    input_size = columns["dimension"] * (3 if columns["multiplication"] else 2)
    optimiser = OPTIMISERS[columns["optimizer"]]
    return _TEMPLATE.substitute(
        {**columns, "learning_rate": "math.inf" if math.isinf(rate) else rate},
        device=row_device(row).type,
        input_size=input_size,
        inputs="a, b, a * b" if columns["multiplication"] else "a, b",
        sizes=[input_size, *hidden, 1],
        activation=_ACTIVATIONS[columns["activation"]],
        optimizer_class=optimiser.reference.__name__,
        settings="".join(f", {name}={columns[name]}" for name in optimiser.settings),
        factor=_FACTORS[columns["schedule"]],
        draw=_DRAWS[columns["inputs"]],
        label=_LABELS[columns["target"]],
        initialise=_INITIALISATIONS[columns["initialisation"]],
        chunk=EVALUATION_CHUNK,
        prepare=_SAMPLE.substitute(columns, order=order) if fixed else "",
        take=_TAKEN if fixed else "x, y = pairs(data, BATCH_SIZE, LABEL_NOISE_STD)",
        on_the_way=on_the_way,
        count=RUNG_PAIRS if on_the_way else SELECTION_PAIRS,
        verdict=f'"stored {row.nmse}"' if row.nmse is not None else _OF_DIVERGED,
    )
