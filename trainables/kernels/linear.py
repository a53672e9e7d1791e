"""Linear layers: forward with the activation, the output with its error, and deltas backward."""

from collections.abc import Callable

from llvmlite import ir

from .activations import ActivationCode
from .code import INTEGER, LANES, PANEL, PANEL_VECTORS, Code, Value
from .lanes import lane_sums

FORWARD = (
    "weights_pointer",  # (O, I)
    "bias_pointer",  # (O,)
    "inputs_pointer",  # (panels, input_features, PANEL): the first I features count
    "input_features",
    "inputs_step_stride",  # from the inputs of one step to those of the next
    "fan_in",
    "fan_out",
    "panels",
    "outputs_pointer",  # (panels, O, PANEL)
    "derivatives_pointer",  # the same, for activations that keep their derivative
)
OUTPUT = (
    "weights_pointer",  # (I,)
    "bias_pointer",  # (1,)
    "inputs_pointer",
    "input_features",
    "inputs_step_stride",
    "fan_in",
    "pairs",  # B, of which the last panel may have less than it can
    "labels_pointer",  # (panels, PANEL)
    "labels_step_stride",
    "scale",  # the bits of a double
    "errors_pointer",  # (panels, PANEL): scale times the error, 0 beyond the last pair
    "sums_pointer",  # two doubles: the squares of the errors, and their squares, are added there
)
BACKWARD = (
    "weights_pointer",  # (O, I)
    "deltas_above_pointer",  # (panels, O, PANEL)
    "fan_in",
    "fan_out",
    "panels",
    "outputs_pointer",  # (panels, I, PANEL): what the layer below put out, or its derivatives
    "deltas_pointer",  # (panels, I, PANEL)
)


def _tile(
    code: Code,
    factors: Callable[[Value, int], Value],
    inputs: Value,
    fan_in: Value,
    initial: list[list[Value]],
) -> list[list[Value]]:
    """The rows of vectors initial[r][v] + sum over k of factors(k, r) * inputs[k][v]."""
    rows, vectors = len(initial), len(initial[0])

    def term(k: Value, sums: list[Value]) -> list[Value]:
        row = k * PANEL
        columns = [code.load_vector(inputs.at(row + LANES * v)) for v in range(vectors)]
        new = []
        for r in range(rows):
            factor = code.splat(code.load(factors(k, r)))
            new += [code.fma(factor, columns[v], sums[r * vectors + v]) for v in range(vectors)]
        return new

    sums = code.repeat(0, fan_in, term, [each for row in initial for each in row])
    return [sums[r * vectors : (r + 1) * vectors] for r in range(rows)]


def _for_rows(
    code: Code, prefix: str, rows: Value, arguments: Callable[[Value], list[Value]]
) -> None:
    """Call the tile of `prefix` for all rows: tiles of full height, then one of what is left."""
    height = code.tile.rows
    whole = rows / height * height

    def full(row: Value, _: list[Value]) -> list[Value]:
        code.call(f"{prefix}_{height}", arguments(row))
        return []

    code.repeat(0, whole, full, step=height)
    code.choose(
        rows - whole,
        range(1, height),
        lambda left: code.call(f"{prefix}_{left}", arguments(whole)),
    )


def write_forward(module: Code, activation: ActivationCode) -> None:
    """The kernel `forward`: activation(weights inputs + bias)."""
    pointer, vectors = module.pointer, module.tile.vectors
    for rows in range(1, module.tile.rows + 1):
        code, (weights, bias, inputs, fan_in, outputs, derivatives) = module.function(
            f"forward_{rows}", [pointer, pointer, pointer, INTEGER, pointer, pointer]
        )
        initial = [[code.splat(code.load(bias.at(r)))] * vectors for r in range(rows)]

        def factor(k: Value, r: int, weights: Value = weights, fan_in: Value = fan_in) -> Value:
            return weights.at(fan_in * r + k)

        sums = _tile(code, factor, inputs, fan_in, initial)
        for r in range(rows):
            for v in range(vectors):
                place = code.integer(r * PANEL + v * LANES)
                if activation.in_registers:
                    _activate(code, activation, sums[r][v], place, outputs, derivatives)
                else:
                    code.store_vector(sums[r][v], outputs.at(place))
        if not activation.in_registers:
            _activate_rows(code, activation, rows, outputs, derivatives)
        code.end()

    code, values, step = module.kernel("forward", FORWARD)
    slot = dict(zip(FORWARD, values, strict=True))
    inputs = slot["inputs_pointer"].at(step * slot["inputs_step_stride"])
    fan_in, fan_out = slot["fan_in"], slot["fan_out"]

    def columns(panel: Value, vector: Value) -> None:
        column = vector * LANES
        above = (panel * fan_out) * PANEL + column
        below = inputs.at(panel * slot["input_features"] * PANEL + column)
        _for_rows(
            code,
            "forward",
            fan_out,
            lambda row: [
                slot["weights_pointer"].at(row * fan_in),
                slot["bias_pointer"].at(row),
                below,
                fan_in,
                slot["outputs_pointer"].at(above + row * PANEL),
                slot["derivatives_pointer"].at(above + row * PANEL),
            ],
        )

    _for_columns(code, slot["panels"], columns)
    code.end()


def _activate(
    code: Code,
    activation: ActivationCode,
    x: Value,
    place: Value,
    outputs: Value,
    derivatives: Value,
) -> None:
    value, derivative = activation.forward(code, x)
    code.store_vector(value, outputs.at(place))
    if derivative is not None:
        code.store_vector(derivative, derivatives.at(place))


def _activate_rows(
    code: Code, activation: ActivationCode, rows: int, outputs: Value, derivatives: Value
) -> None:
    """The same for a tile that lies in `outputs`, as a loop: it is still in the cache."""

    def row_body(row: Value, _: list[Value]) -> list[Value]:
        for v in range(code.tile.vectors):
            place = row * PANEL + v * LANES
            x = code.load_vector(outputs.at(place))
            _activate(code, activation, x, place, outputs, derivatives)
        return []

    code.repeat(0, code.integer(rows), row_body)


def _for_columns(code: Code, panels: Value, body: Callable[[Value, Value], None]) -> None:
    """`body(panel, vector)` for the first vector of every tile's columns."""

    def panel_body(panel: Value, _: list[Value]) -> list[Value]:
        def vector_body(vector: Value, _: list[Value]) -> list[Value]:
            body(panel, vector)
            return []

        code.repeat(0, code.integer(PANEL_VECTORS), vector_body, step=code.tile.vectors)
        return []

    code.repeat(0, panels, panel_body)


def write_output(module: Code) -> None:
    """The kernel `output`: the error of the one output, and the sums of its squares."""
    code, values, step = module.kernel("output", OUTPUT)
    slot = dict(zip(OUTPUT, values, strict=True))
    inputs = slot["inputs_pointer"].at(step * slot["inputs_step_stride"])
    labels = slot["labels_pointer"].at(step * slot["labels_step_stride"])
    scale = code.splat(code.bits_as_double(slot["scale"]))
    weights, pairs = slot["weights_pointer"], slot["pairs"]
    bias = code.splat(code.load(slot["bias_pointer"]))
    doubles = ir.VectorType(ir.DoubleType(), LANES)

    def panel_body(panel: Value, sums: list[Value]) -> list[Value]:
        below = inputs.at(panel * slot["input_features"] * PANEL)
        (row,) = _tile(
            code, lambda k, _: weights.at(k), below, slot["fan_in"], [[bias] * PANEL_VECTORS]
        )
        squares, fourths = sums
        for v, prediction in enumerate(row):
            first = panel * PANEL + v * LANES
            error = prediction - code.load_vector(labels.at(first))
            # Chosen, not multiplied by 0: what stands beyond the last pair may be infinite.
            error = code.select(code.lanes_from(first) < code.splat(pairs), error, 0.0)
            code.store_vector(error * scale, slot["errors_pointer"].at(first))
            wide = code.to_double(error)
            square = wide * wide
            squares, fourths = squares + square, fourths + square * square
        return [squares, fourths]

    start = code.lift(0.0, doubles)
    squares, fourths = code.repeat(0, (pairs + PANEL - 1) / PANEL, panel_body, [start, start])
    totals = lane_sums(code, [squares, fourths])
    target = code.doubles(slot["sums_pointer"])
    for index in range(2):
        there = target.at(index)
        code.store(code.load(there) + code.lane(totals, index), there)
    code.end()


def write_backward(module: Code, activation: ActivationCode) -> None:
    """The kernel `backward`: deltas = (weights^T deltas_above) * the activation's derivative."""
    pointer, vectors = module.pointer, module.tile.vectors
    for rows in range(1, module.tile.rows + 1):
        code, (weights, fan_in, above, fan_out, outputs, deltas) = module.function(
            f"backward_{rows}", [pointer, INTEGER, pointer, INTEGER, pointer, pointer]
        )

        def factor(k: Value, r: int, weights: Value = weights, fan_in: Value = fan_in) -> Value:
            return weights.at(k * fan_in + r)

        initial = [[code.zeros()] * vectors for _ in range(rows)]
        sums = _tile(code, factor, above, fan_out, initial)
        for r in range(rows):
            for v in range(vectors):
                place = r * PANEL + v * LANES
                kept = code.load_vector(outputs.at(place))
                delta = activation.backward(code, sums[r][v], kept)
                code.store_vector(delta, deltas.at(place))
        code.end()

    code, values, _ = module.kernel("backward", BACKWARD)
    slot = dict(zip(BACKWARD, values, strict=True))
    fan_in, fan_out = slot["fan_in"], slot["fan_out"]

    def columns(panel: Value, vector: Value) -> None:
        column = vector * LANES
        below = panel * fan_in * PANEL + column
        above = slot["deltas_above_pointer"].at(panel * fan_out * PANEL + column)
        _for_rows(
            code,
            "backward",
            fan_in,
            lambda row: [
                slot["weights_pointer"].at(row),
                fan_in,
                above,
                fan_out,
                slot["outputs_pointer"].at(below + row * PANEL),
                slot["deltas_pointer"].at(below + row * PANEL),
            ],
        )

    _for_columns(code, slot["panels"], columns)
    code.end()
