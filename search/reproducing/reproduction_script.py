"""A short program, torch alone, that trains one row of `trials` again; pandas reads a table."""

import math
import string
from collections.abc import Mapping
from typing import Any

from results import TRIALS
from results.rows import TrialRow
from spaces.vocabulary import (
    EMBEDDED_DATA,
    LAYERED_MODELS,
    embedding_columns,
    embedding_rows,
    input_count,
    layer_units,
    range_ends,
)
from trainables.alone import torch_rate
from trainables.families.constructed_start import CONSTRUCTED_STARTS, layers_by_hand
from trainables.families.dropout import dropout_threshold
from trainables.families.embeddings.dot_product_bias import FACTORS_STD
from trainables.families.mlp import Mlp
from trainables.optimisers import OPTIMISERS
from trainables.optimisers.adam import BETA_1
from trainables.ratings import COMPRESSED, DELIMITERS, arrow_uri, table_format
from trainables.sources.batches import (
    EVALUATION_CHUNK,
    EVALUATION_CHUNKS,
    RUNG_PAIRS,
    SELECTION_PAIRS,
)

from .reproduction import RowNotFoundError, left_on_the_way, pack_of, row_device

_ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU", "silu": "SiLU", "tanh": "Tanh"}
_FACTORS = {
    "constant": "1.0",
    "cosine": "0.5 * (1 + math.cos(math.pi * step / SCHEDULE_STEPS))",
    "linear": "1 - step / SCHEDULE_STEPS",
    "one_cycle": "one_cycle(step)",
}
_ONE_CYCLE = '''\
def one_cycle(step):
    """Half a cosine up to 1 in three tenths of the steps, half of one down in the others."""
    top, last = 0.3 * SCHEDULE_STEPS - 1, SCHEDULE_STEPS - 1
    start, end, share = 1, 1 / 25e4, (step - top) / (last - top)
    if step <= top:
        start, end, share = 1 / 25, 1, step / top
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


'''
_DRAWS = {
    "normal": "normal_(generator=generator)",
    "uniform": "uniform_(-math.sqrt(3), math.sqrt(3), generator=generator)",
    "rademacher": "bernoulli_(0.5, generator=generator).mul_(2).sub_(1)",
}
_LABELS = {
    "dot": "(a * b).sum(0)",
    # A vector of length 0 is at a right angle to all others.
    "cosine": "nn.functional.cosine_similarity(a, b, dim=0, eps=0).nan_to_num(0.0)",
}
_TORCH = """\
for parameter in (linear.weight, linear.bias):
        nn.init.uniform_(parameter, -1 / math.sqrt(inputs), 1 / math.sqrt(inputs), start)"""
_BY_HAND = f"""\
{_TORCH}
    for unit, (weights, bias) in enumerate(BY_HAND[len(layers) // 2]):
        linear.weight.data[unit] = 0
        linear.weight.data[unit, list(weights)] = torch.tensor(list(weights.values()))
        linear.bias.data[unit] = bias"""
_INITIALISATIONS = {
    "torch": _TORCH,
    "glorot": "nn.init.xavier_uniform_(linear.weight, generator=start)\n"
    "    nn.init.zeros_(linear.bias)",
    "he": 'nn.init.kaiming_normal_(linear.weight, nonlinearity="relu", generator=start)\n'
    "    nn.init.zeros_(linear.bias)",
    **dict.fromkeys(CONSTRUCTED_STARTS, _BY_HAND),
}
_DATA = ("stream", "fixed", "pool", "planted", "modes", "table")
_SAMPLE = string.Template("""\
inputs, labels = pairs(data, $pairs, LABEL_NOISE_STD)
""")
_POOL = string.Template("""\
users = torch.empty($users, DIMENSION, device="$device")
items = torch.empty($items, DIMENSION, device="$device")
for vectors in (users, items):
    vectors.$draw
    vectors *= SCALE
noise = torch.zeros($all_pairs, device="$device")
if LABEL_NOISE_STD > 0:
    noise.normal_(generator=generator)
    noise *= LABEL_NOISE_STD
which = torch.Generator().manual_seed(($data_seed + 2) % 2**63)
$numbers
numbers = numbers.to("$device")
""")
_DRAWN_AGAIN = string.Template("""\
numbers = torch.empty(0, dtype=torch.int64)
while len(numbers) < $all_pairs:
    more = torch.randint($users * $items, ($all_pairs - len(numbers),), generator=which)
    numbers = torch.cat([numbers, more]).unique()
numbers = numbers[torch.randperm($all_pairs, generator=which)]""")
_DRAWN_AT_ONCE = string.Template(
    "numbers = torch.randperm($users * $items, generator=which)[:$all_pairs]"
)
_PARQUET = """\
pyarrow.parquet.read_table(file, columns=$columns)
table = table.to_pandas(ignore_metadata=True)"""
_TEXT = """\
pandas.read_csv(
        file,
        sep=$separator,
        dtype={$user: str, $item: str, $rating: str},
        keep_default_na=False,
        compression=$compression,
    )"""
_BY_TIME = """\
times = pandas.Series(table[$timestamp].to_numpy())
if pandas.api.types.infer_dtype(times) == "string":  # of numbers, or else of dates
    times = times.str.strip()
    try:
        times = pandas.to_numeric(times)
    except ValueError:
        times = pandas.to_datetime(times, utc=True, format="ISO8601").astype("int64")
ordered = numpy.argsort(times.to_numpy(), kind="stable")
parts = numpy.split(ordered, [training, training + valid])"""
_AT_RANDOM = """\
drawn = torch.randperm(len(table), generator=torch.Generator().manual_seed($split_seed))
parts = [numpy.sort(part) for part in numpy.split(drawn.numpy(), [training, training + valid])]"""
_TABLE_IMPORTS = """\
import numpy
import pandas
import pyarrow.fs
import pyarrow.parquet
"""
_TABLE = string.Template('''\
filesystem, path = pyarrow.fs.FileSystem.from_uri($table)
with filesystem.open_input_file(path) as file:
    table = $read
table = table.astype({$user: object, $item: object})
test = len(table) // 10  # held out to test on; about as many are to choose by
valid = test // -(-test // $chunk) * -(-test // $chunk)
training = len(table) - valid - test
$split
training, valid, test = (table.iloc[part] for part in parts)
mean_rating = training[$rating].to_numpy(dtype=float).mean()


def pairs(part):
    """Rows of users and items (2, N), 0 for one not in training; ratings (N,) minus the mean."""
    users, items = (
        1 + pandas.Index(training[name].unique()).get_indexer(pandas.Index(part[name]))
        for name in ($user, $item)
    )
    ratings = part[$rating].to_numpy(dtype=float) - mean_rating
    return torch.tensor(numpy.stack([users, items + $users])), torch.tensor(ratings).float()


inputs, labels = pairs(training)
''')
_ORDER = string.Template("""\
order = torch.Generator().manual_seed(($data_seed + 1) % 2**63)
following = torch.empty(0, dtype=torch.int64)
""")
_NEXT = string.Template("""\
if len(following) < BATCH_SIZE:
        following = torch.cat([following, $epoch])
    taken, following = following[:BATCH_SIZE], following[BATCH_SIZE:]
    """)
_OF_SAMPLE = "x, y = inputs[taken], labels[taken]"
_OF_POOL = string.Template("""\
a, b = users[numbers[taken] // $items].T, items[numbers[taken] % $items].T
    x, y = torch.cat([$inputs]).T, $label + noise[taken]""")
_OF_PLANTED = string.Template("""\
a, b = users[numbers[taken] // $items].T, items[numbers[taken] % $items].T
    x = torch.stack([numbers[taken] // $items, $users + numbers[taken] % $items])
    y = $label + noise[taken]""")
_PAIRS = string.Template('''\
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


''')
_DROPOUT = string.Template('''\
class Dropout(nn.Module):
    """Drops units in training, by random words of Philox4x32-10 (Salmon et al. 2011)."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        if not self.training:
            return x
        word, key = 2**32 - 1, [$initialisation_seed % 2**32, $initialisation_seed >> 32]
        pairs, fours = torch.arange(len(x))[:, None], torch.arange(-(-x.shape[1] // 4))
        place = pairs, fours, torch.tensor(self.layer), torch.tensor(step)
        a, b, c, d = torch.broadcast_tensors(*place)
        for _ in range(10):
            one, other = 0xD2511F53 * a, 0xCD9E8D57 * c
            a, c = (other >> 32) & word ^ b ^ key[0], (one >> 32) & word ^ d ^ key[1]
            b, d = other & word, one & word
            key = [(key[0] + 0x9E3779B9) & word, (key[1] + 0xBB67AE85) & word]
        words = torch.stack([a, b, c, d], 2).flatten(1)[:, : x.shape[1]]
        return x * (words >= $threshold) / (1 - $dropout)


''')
_DROPPED = ", Dropout(len(layers) // 3)"
_NETWORK = string.Template('nn.Sequential(*layers[:-1]).to("$device")')
_EMBEDDINGS = string.Template('''\


class Embeddings(nn.Module):
    """A row for each of $users users, and below them for each of $items items."""

    def __init__(self):
        super().__init__()
        drawn = torch.Generator().manual_seed(($initialisation_seed + 1) % 2**63)
        table = torch.empty($users + $items, $columns).normal_(0, $std, generator=drawn)
        ${parameters}self.layers = nn.Sequential(*layers[:-$behind])

    def forward(self, rows):
        a, b = self.table[rows[0]], self.table[rows[1]]
        $joined
        return $kept


''')
_ROWS = "self.table = nn.Parameter(table)\n        "
_ROWS_WITH_BIASES = (
    "self.table, self.biases = nn.Parameter(table[:, :-1]), nn.Parameter(table[:, -1:])\n        "
)
_MOMENTS = string.Template(", betas=($beta_1, $beta_2), eps=$epsilon")
_GROUPS = """\
weights, biases = [], []
for name, parameter in network.named_parameters():
    (biases if "bias" in name else weights).append(parameter)
groups = [{"params": weights}, {"params": biases, "weight_decay": 0.0}]  # they aren't decayed
"""
_JOINED = {
    "dot": "rating = (a * b).sum(1, keepdim=True)",
    "dot_bias": "both = self.biases[rows[0]] + self.biases[rows[1]]\n"
    "        rating = (a * b).sum(1, keepdim=True) + both",
    "mlp": "rating = self.layers(torch.cat([$inputs], 1))",
    "neumf": """\
rating = (a[:, $factors:] * b[:, $factors:]).sum(1, keepdim=True)
        a, b = a[:, :$factors], b[:, :$factors]
        rating = rating + self.layers(torch.cat([$inputs], 1))""",
}
_KEPT = "{low} + ({high} - {low}) * torch.sigmoid(rating)"
_HELD_OUT = string.Template(
    "chunks = [pairs(held_out, $chunk, 0.0) for _ in range(count // $chunk)]"
)
_UNRATED = string.Template("""\
chunks, rated = [], numbers.sort().values
    for _ in range(count // $chunk_of_all):
        ranks = torch.randint($unrated, $shape, generator=held_out)
        below = torch.searchsorted(rated - torch.arange(len(rated)), ranks, right=True)
        for number in ranks + below:
            a, b = users[number // $items].T, items[number % $items].T
            x = torch.stack([number // $items, $users + number % $items])
            chunks.append((x, $label))""")
_ALL_PAIRS = string.Template("""\
chunks = []
    for number in torch.arange($all_pairs).split($items):
        a, b = users[number // $items].T, items[number % $items].T
        x = torch.stack([number // $items, $users + number % $items])
        chunks.append((x, $label))""")
_OF_TABLE = "x, y = inputs[:, taken], labels[taken]"
_HELD_OUT_RATINGS = string.Template("chunks = [pairs(valid)]")
_JUDGED = {"planted": _UNRATED, "modes": _ALL_PAIRS, "table": _HELD_OUT_RATINGS}
_TAKEN = {"pool": _OF_POOL, "planted": _OF_PLANTED, "modes": _OF_PLANTED}
_OF_DIVERGED = '"stored: diverged" if finite else "diverged in both"'
_OF_VECTORS = string.Template(
    "DIMENSION, SCALE, LABEL_NOISE_STD = $dimension, $scale, $label_noise_std\n"
)
_TEMPLATE = string.Template(
    '''\
"""Search $search, study $study, trial $trial ($phase): stored nmse $nmse, status $status."""
import math

${imports}import torch
from torch import nn

STEPS, SCHEDULE_STEPS, BATCH_SIZE = $steps, $schedule_steps, $batch_size
${of_vectors}

${functions}${course}${by_hand}sizes = $sizes
start = torch.Generator().manual_seed($initialisation_seed)
layers = []
for inputs, outputs in zip(sizes, sizes[1:]):
    linear = nn.Linear(inputs, outputs)
    $initialise
    layers += [linear, nn.$activation()$dropped]
${classes}network = $network

${groups}optimizer = torch.optim.$optimizer_class($trained, lr=$learning_rate$settings)
average = [parameter.detach().clone() for parameter in network.parameters()]
data = generator = torch.Generator("$device").manual_seed($data_seed)
${prepare}for step in range(STEPS):
    for group in optimizer.param_groups:
        group["lr"] = $learning_rate * ($factor)
    $take
    optimizer.zero_grad()
    nn.functional.mse_loss(network(x).squeeze(1), y).backward()
    optimizer.step()
    for mean, parameter in zip(average, network.parameters()):
        mean.lerp_(parameter.detach(), 1 / (0.1 * (step + 1) + 1))

${evaluate}with torch.no_grad():
    if $on_the_way:  # at a rung it is judged by the running average of its weights
        for mean, parameter in zip(average, network.parameters()):
            parameter.copy_(mean)
    count = $count
    held_out = torch.Generator("$device").manual_seed($evaluation_seed)
    $held_out
    labels = torch.cat([y for _, y in chunks]).double()
    errors = torch.cat([network(x).squeeze(1) - y for x, y in chunks]).double()
    loss = float(errors.square().mean())
    variance = float(labels.var())
    finite = loss <= torch.finfo(torch.float32).max and variance > 0
    print("nmse", loss / variance if finite else "not finite,", $verdict)
torch.save(network.state_dict(), "trial-$trial.pt")
'''
)


def reproduction_script(row: TrialRow) -> str:
    """The program's text: it trains the row's network, prints its nmse and saves its weights.

    Raises RowNotFoundError for a target, inputs or data that another package adds.
    """
    columns = {name: row.column(name) for name in TRIALS.names}
    known = {"target": _LABELS, "inputs": _DRAWS, "data": _DATA}
    for name, table in known.items():
        if columns[name] is not None and columns[name] not in table:
            raise RowNotFoundError(
                f"a program of torch alone can have the {name} {', '.join(table)}; got "
                f"{columns[name]}, which another package adds; `dottune reproduce` without "
                "--script trains this row"
            )
    on_the_way = left_on_the_way(row)
    beta_1 = BETA_1 if columns["beta_1"] is None else columns["beta_1"]
    rate = torch_rate(columns["learning_rate"], beta_1=beta_1)
    optimiser = OPTIMISERS[columns["optimizer"]]
    texts = {
        **columns,
        "learning_rate": "math.inf" if math.isinf(rate) else rate,
        "device": row_device(row).type,
        "inputs": "a, b, a * b" if columns["multiplication"] else "a, b",
        "draw": _DRAWS.get(columns["inputs"], ""),  # neither with a table
        "label": _LABELS.get(columns["target"], ""),
        "chunk": EVALUATION_CHUNK,
    }
    network, of_table = _network(columns, texts), columns["data"] == "table"
    apart = columns["data"] in EMBEDDED_DATA and columns["model"] != "dot"
    apart &= bool(columns["weight_decay"])
    return _TEMPLATE.substitute(
        texts | _batches(columns, texts) | network,
        imports=_TABLE_IMPORTS if of_table else "",
        of_vectors="" if of_table else _OF_VECTORS.substitute(columns),
        activation=_ACTIVATIONS[columns["activation"] or "relu"],
        optimizer_class=optimiser.reference.__name__,
        groups=_GROUPS if apart else "",
        trained="groups" if apart else "network.parameters()",
        settings="".join(f", {name}={columns[name]}" for name in optimiser.settings)
        + ("" if columns["beta_1"] is None else _MOMENTS.substitute(columns)),
        factor=_FACTORS[columns["schedule"]],
        course=_ONE_CYCLE if columns["schedule"] == "one_cycle" else "",
        initialise=_INITIALISATIONS[columns["initialisation"] or "torch"],
        by_hand=_by_hand(row) if columns["initialisation"] in CONSTRUCTED_STARTS else "",
        on_the_way=on_the_way,
        count=RUNG_PAIRS if on_the_way else SELECTION_PAIRS,
        verdict=f'"stored {row.nmse}"' if row.nmse is not None else _OF_DIVERGED,
    )


def _network(columns: Mapping[str, Any], texts: Mapping[str, Any]) -> dict[str, Any]:
    """What the program has of a network, and the pairs that it is judged by."""
    embedded = columns["data"] in EMBEDDED_DATA
    sizes: list[int] = []
    if columns["model"] in LAYERED_MODELS:
        width = columns["factors"] if embedded else columns["dimension"]
        inputs = input_count(width, columns["multiplication"])
        sizes = [inputs, *layer_units(columns["layer_sizes"]), 1]
    if not embedded:
        return {
            "functions": _PAIRS.substitute(texts, input_size=sizes[0]),
            "classes": "",
            "network": _NETWORK.substitute(texts),
            "held_out": _HELD_OUT.substitute(texts),
            "sizes": sizes,
            "dropped": "",
            "evaluate": "",
        }
    dropout = columns["dropout"]  # null in a dot product
    numbers = {name: embedding_rows(columns["data"], columns[name]) for name in ("users", "items")}
    of_rows = {
        **texts,
        **numbers,
        "columns": embedding_columns(columns["model"], columns["factors"]),
        "std": FACTORS_STD,
        "parameters": _ROWS_WITH_BIASES if columns["model"] == "dot_bias" else _ROWS,
        "joined": string.Template(_JOINED[columns["model"]]).substitute(texts),
        "kept": _kept(columns),
        "shape": (EVALUATION_CHUNKS, EVALUATION_CHUNK),
        "chunk_of_all": EVALUATION_CHUNKS * EVALUATION_CHUNK,
        "unrated": columns["users"] * (columns["items"] - (columns["pairs_per_user"] or 0)),
        "all_pairs": columns["pairs"],
        "threshold": dropout_threshold(dropout or 0.0),
        "behind": 2 if dropout else 1,  # the last layer
    }
    return {
        "functions": _DROPOUT.substitute(of_rows) if dropout else "",
        "classes": _EMBEDDINGS.substitute(of_rows),
        "network": "Embeddings()",
        "held_out": _JUDGED[columns["data"]].substitute(of_rows),
        "sizes": sizes,
        "dropped": _DROPPED if dropout else "",
        "evaluate": "network.eval()\n" if dropout else "",
    }


def _kept(columns: Mapping[str, Any]) -> str:
    """The prediction of what a model puts out, as `rating`: in its range, where it has one."""
    ends = range_ends(columns["y_range"])
    if ends is None:
        return "rating"
    low, high = (str(end) if end >= 0 else f"({end})" for end in ends)
    kept = _KEPT.format(low=low, high=high)
    return f"{kept} - mean_rating" if columns["data"] == "table" else kept


def _batches(columns: Mapping[str, Any], texts: Mapping[str, Any]) -> dict[str, str]:
    """How the program prepares the training pairs, and how it takes a batch of them."""
    if columns["data"] == "stream":
        return {"prepare": "", "take": "x, y = pairs(data, BATCH_SIZE, LABEL_NOISE_STD)"}
    shuffled = f"torch.randperm({columns['pairs']}, generator=order)"
    epoch = shuffled if columns["shuffle"] else f"torch.arange({columns['pairs']})"
    order, following = _ORDER.substitute(columns), _NEXT.substitute(epoch=epoch)
    if columns["data"] == "table":
        return {"prepare": _table(columns) + order, "take": following + _OF_TABLE}
    if columns["data"] == "fixed":
        return {"prepare": _SAMPLE.substitute(columns) + order, "take": following + _OF_SAMPLE}
    pool = {**texts, "all_pairs": columns["users"] * columns["pairs_per_user"]}
    most = 2 * pool["all_pairs"] > columns["users"] * columns["items"]
    numbers = (_DRAWN_AT_ONCE if most else _DRAWN_AGAIN).substitute(pool)
    return {
        "prepare": _POOL.substitute(pool, numbers=numbers) + order,
        "take": following + _TAKEN[columns["data"]].substitute(pool),
    }


def _table(columns: Mapping[str, Any]) -> str:
    """How the program reads and splits the table."""
    named = ("table", "user", "item", "rating", "timestamp")
    texts = {name: repr(columns[name]) for name in named} | {"split_seed": columns["split_seed"]}
    texts["table"] = repr(arrow_uri(columns["table"]))
    names = [columns[name] for name in named[1:] if columns[name] is not None]
    kind = table_format(columns["table"])
    compressed = columns["table"].lower().endswith(COMPRESSED)
    read = string.Template(_PARQUET if kind == ".parquet" else _TEXT).substitute(
        texts,
        columns=names,
        separator=repr(DELIMITERS.get(kind)),
        compression=repr("gzip" if compressed else None),
    )
    split = _AT_RANDOM if columns["timestamp"] is None else _BY_TIME
    return _TABLE.substitute(
        texts,
        read=read,
        split=string.Template(split).substitute(texts),
        chunk=EVALUATION_CHUNK,
        users=embedding_rows("table", columns["users"]),
    )


def _by_hand(row: TrialRow) -> str:
    """The units of each layer that are set by hand, in the digits that float32 has."""
    pack = pack_of(row)
    mlp = Mlp.of(pack.members[0])
    folding = CONSTRUCTED_STARTS[mlp.initialisation]
    lines = ["# Of each layer the units set by hand: the weights that are not 0, and the bias."]
    lines.append("BY_HAND = [")
    for layer in layers_by_hand(mlp, pack.task, folding=folding):
        lines.append("    [")
        numbers = layer.weights.astype("float32"), layer.biases.astype("float32")
        for weights, bias in zip(*numbers, strict=True):
            kept = ", ".join(f"{column}: {weights[column]}" for column in weights.nonzero()[0])
            lines.append(f"        ({{{kept}}}, {bias}),")
        lines.append("    ],")
    return "\n".join([*lines, "]", "", ""])
