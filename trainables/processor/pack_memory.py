"""What a pack needs in memory on a processor, before any of it is made.

Who plans a search asks it, so neither torch nor LLVM is imported here, and sizes may be as absurd
as a spec may have them. A test holds the constants to those of the engine, the sum to its tensors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from spaces.vocabulary import (
    LAYERED_MODELS,
    embedding_columns,
    input_count,
    parameter_count,
    uniform_parameter_count,
)

NUMBER_BYTES = 4
"""Of float32."""
INDEX_BYTES, ORDER_BYTES = 8, 4
"""Of what says which vectors a pair has, and which pair is next."""
RATING_BYTES, READING_BYTES = 20, 85
"""Of a rating: its rows and itself, in float64 and in float32; and beside it while it is read."""
GENERATOR_BYTES = 5_056
"""The state of a generator on the processor."""
LANES = 16
"""The numbers of a member are padded to a multiple of it."""
PANEL = 64
SLICE_PANELS = 4
"""So many panels of so many pairs go through a network at once."""
BLOCK_STEPS, ROW_BLOCK_STEPS = 16, 64
EVALUATION_PAIRS = 8 * 1024
"""Batches, of vectors or of rows, and evaluation pairs, in memory at once."""
LAZY_NUMBERS, SCHEDULE_NUMBERS = 4, 4
"""Of every step, in float32, and of the steps of a block, in float64: what a schedule is."""
STATES = {"adam": 4, "adamw": 4, "sgd": 3, "adagrad": 3}
"""How many numbers are kept for every weight, by the optimiser."""
ACTIVATIONS_WITH_DERIVATIVE = frozenset({"gelu", "silu"})
"""Those whose derivative is kept beside their outputs."""


@dataclass(frozen=True, kw_only=True)
class MemberShape:
    """What settles a member's memory: some of its hyperparameters."""

    multiplication: bool
    depth: int
    width: int
    activation: str
    optimizer: str
    layers: tuple[int, ...] | None = None
    """The units of each hidden layer, where they are not `depth` times `width`."""
    model: str = "mlp"
    factors: int = 0
    rows: int = 0
    """Of learned embeddings, each of so many factors; 0 where vectors are given."""
    dropout: bool = False
    """Whether units are dropped: their outputs of before are kept."""

    def parameters(self, dimension: int) -> int:
        """The number of weights and biases."""
        table = self.rows * embedding_columns(self.model, self.factors)
        return table + self.layer_parameters(dimension)

    def layer_parameters(self, dimension: int) -> int:
        """Those of an MLP's layers; a dot product has none."""
        if self.model not in LAYERED_MODELS:
            return 0
        inputs = input_count(self.factors if self.rows else dimension, self.multiplication)
        if self.layers is not None:
            return parameter_count(inputs=inputs, units=self.layers)
        return uniform_parameter_count(inputs=inputs, width=self.width, depth=self.depth)

    @property
    def table_numbers(self) -> int:
        """The numbers of the embeddings in whole vectors."""
        return self.rows * _up(embedding_columns(self.model, self.factors), LANES)

    def state_bytes(self, dimension: int) -> int:
        """Of its weights, its optimiser's numbers and the average of the weights."""
        return STATES[self.optimizer] * self.parameters(dimension) * NUMBER_BYTES

    def padding_bytes(self, dimension: int) -> int:
        """Of what fills layers, and each embedding, up to whole vectors."""
        numbers = _up(self.layer_parameters(dimension), LANES) + self.table_numbers
        return STATES[self.optimizer] * (numbers - self.parameters(dimension)) * NUMBER_BYTES

    def decays_bytes(self, dimension: int) -> int:
        """Of which weights of an MLP on embeddings are decayed, and how much."""
        if not self.rows or self.optimizer != "adamw":
            return 0
        return _up(self.layer_parameters(dimension), LANES) * NUMBER_BYTES


@dataclass(frozen=True, kw_only=True)
class KeptPairs:
    """What comes again in each stream: a sample of pairs, or those of a pool of vectors."""

    pairs: int
    """All of them, those to test on among them."""
    vectors: int = 0
    """Of a pool; 0 where each pair has its own."""
    rated: bool = False
    """Whether they are ratings of a table, which all streams share, and `pairs` those of training.
    """

    def bytes(self, dimension: int, *, streams: int, label_noise: bool) -> int:
        """Of the vectors, the pairs, and the order of an epoch with what it was drawn from."""
        order = self.pairs * ORDER_BYTES + GENERATOR_BYTES
        if self.rated:
            return streams * order + self._table_pairs * RATING_BYTES
        return streams * (order + self._drawn_bytes(dimension, label_noise=label_noise))

    def _drawn_bytes(self, dimension: int, *, label_noise: bool) -> int:
        if not self.vectors:
            return self.pairs * (3 * dimension + 2) * NUMBER_BYTES
        noise = NUMBER_BYTES if label_noise else 0
        vectors = self.vectors * dimension * NUMBER_BYTES
        return vectors + self.pairs * (INDEX_BYTES + noise)

    @property
    def _table_pairs(self) -> int:
        """All ratings of a table, of which at least eight tenths are trained on."""
        return self.pairs * 10 // 8

    @property
    def drawing_bytes(self) -> int:
        """Beside them, while the pairs of one stream are drawn: to find those drawn twice.

        Of a table while it is read: its ratings before they were split, in order and checked.
        """
        if self.rated:
            return self._table_pairs * READING_BYTES
        return 5 * self.pairs * INDEX_BYTES if self.vectors else 0


def pack_bytes(
    members: Sequence[tuple[int, MemberShape]],
    *,
    dimension: int,
    batch_size: int,
    streams: int,
    label_noise: bool,
    threads: int,
    kept: KeptPairs | None = None,
    steps: int = 0,
    schedules: int = 0,
) -> int:
    """The most bytes of tensors that a pack holds at once.

    `members` says how many there are of each shape; `streams` is 1 where all see the same batches,
    else their number. `kept` are the pairs that come again in each stream, if they do.
    Of models on embeddings, so many `schedules` of all `steps` are there, one for each course of
    the learning rate and betas of Adam.
    """
    trainees = sum(count * shape.state_bytes(dimension) for count, shape in members)
    padding = sum(count * shape.padding_bytes(dimension) for count, shape in members)
    workers = min(threads, sum(count for count, _ in members))
    workspaces = workers * _workspace_bytes([shape for _, shape in members], dimension)
    # Batches, and what the kernels read: a copy in whole panels.
    batches = _batch_bytes(dimension, batch_size, streams) + _batch_bytes(
        dimension, _up(batch_size, PANEL), streams
    )
    embedded = any(shape.rows for _, shape in members)
    block = ROW_BLOCK_STEPS if embedded else BLOCK_STEPS
    noise = streams * block * batch_size * NUMBER_BYTES if label_noise else 0
    pairs = 2 * streams * EVALUATION_PAIRS * (3 * dimension + 2) * NUMBER_BYTES
    labels = 2 * streams * EVALUATION_PAIRS * 8  # summed in float64
    again, drawing = 0, 0
    if kept is not None:
        again = kept.bytes(dimension, streams=streams, label_noise=label_noise)
        drawing = kept.drawing_bytes
    if embedded:
        # Pairs are numbers, and an evaluation sees copies of the embeddings.
        batches = streams * ROW_BLOCK_STEPS * _row_pair_bytes(batch_size)
        pairs = streams * _row_pair_bytes(EVALUATION_PAIRS)
        pairs += sum(count * shape.table_numbers for count, shape in members) * NUMBER_BYTES
        padding += sum(count * shape.rows for count, shape in members) * INDEX_BYTES
        padding += sum(count * shape.decays_bytes(dimension) for count, shape in members)
        padding += schedules * LAZY_NUMBERS * (steps + LANES) * NUMBER_BYTES
        padding += schedules * SCHEDULE_NUMBERS * ROW_BLOCK_STEPS * 8
    # Trainees stay beside the stack that they were loaded into. At the end of a rung its members
    # are unloaded, as trainees again; the evaluation's memory is free by then.
    throughout = 2 * trainees + padding + workspaces + batches + noise + again
    return throughout + max(drawing, trainees, pairs + labels)


def _batch_bytes(dimension: int, pairs: int, streams: int) -> int:
    """Of a block of batches: inputs with products and a row of ones, and labels."""
    return streams * BLOCK_STEPS * pairs * (3 * dimension + 2) * NUMBER_BYTES


def _row_pair_bytes(pairs: int) -> int:
    """Of pairs by their rows, with their labels and the kernels' copy of these."""
    return pairs * (2 * INDEX_BYTES + NUMBER_BYTES) + _up(pairs, PANEL) * NUMBER_BYTES


def _workspace_bytes(shapes: Sequence[MemberShape], dimension: int) -> int:
    """What one thread computes in."""
    hidden = [shape for shape in shapes if shape.depth and shape.model in LAYERED_MODELS]
    width = max((shape.width for shape in hidden), default=0)
    depth = max((shape.depth for shape in hidden), default=0)
    derivatives = any(
        shape.activation in ACTIVATIONS_WITH_DERIVATIVE or shape.dropout for shape in hidden
    )
    activations = depth * (2 if derivatives else 1) + 2  # and two layers' deltas
    gradients = max(_up(shape.layer_parameters(dimension), LANES) for shape in shapes)
    gradients += max(shape.table_numbers for shape in shapes)
    pairs = SLICE_PANELS * PANEL
    if any(shape.rows for shape in shapes):  # what an MLP reads, and its derivatives
        factors = max(shape.factors for shape in shapes)
        gradients += 2 * (pairs * (3 * factors + 1) + LANES * PANEL)
        gradients += LANES * _up(factors + 1, LANES)
    return (pairs * width * activations + pairs + gradients + max(width, 1)) * NUMBER_BYTES


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
