"""Linear layers: forward with the activation, the output with its error, and deltas backward."""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from .activation_code import ActivationCode
from .code import INTEGER, PANEL, PANEL_VECTORS, Code, Value
from .lanes import lane_sums
from .prediction_range import RANGE, write_range
from .registers import LANES

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
OUTPUT_RANGED = (
    *OUTPUT,
    "products_pointer",  # (panels, PANEL): added to the output before it is kept in a range
    "backward",  # 1: the errors are multiplied by the derivative of that, 0: they are not
    *RANGE,
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


def _write_tiles(
    module: Code,
    name: str,
    arguments: Sequence[Any],
    body: Callable[[Code, int, list[Value]], None],
) -> None:
    """The functions NAME_1, NAME_2, ... up to the tile's height; `body(code, rows, arguments)`."""
    for rows in range(1, module.tile.rows + 1):
        code, values = module.function(f"{name}_{rows}", arguments)
        body(code, rows, values)
        code.end()


def _call_tiles(
    code: Code,
    name: str,
    panels: Value,
    rows: Value,
    arguments: Callable[[Value, Value, Value], list[Value]],
) -> None:
    """Call them for all panels and rows; `arguments(panel, column, row)` of a tile's first.

    Down each column go tiles of full height, then one of what is left.
    """
    height = code.tile.rows
    whole = rows / height * height

    def column(panel: Value, vector: Value) -> None:
        def call(height: int, row: Value) -> None:
            code.call(f"{name}_{height}", arguments(panel, vector * LANES, row))

        code.each(0, whole, lambda row: call(height, row), step=height)
        code.choose(rows - whole, range(1, height), lambda left: call(left, whole))

    def columns(panel: Value) -> None:
        vectors = code.integer(PANEL_VECTORS)
        code.each(0, vectors, lambda vector: column(panel, vector), step=code.tile.vectors)

    code.each(0, panels, columns)


def write_forward(module: Code, activation: ActivationCode) -> None:
    """The kernel `forward`: activation(weights inputs + bias)."""
    pointer, vectors = module.pointer, module.tile.vectors

    def tile(code: Code, rows: int, values: list[Value]) -> None:
        weights, bias, inputs, fan_in, outputs, derivatives = values
        initial = [[code.splat(code.load(bias.at(r)))] * vectors for r in range(rows)]
        sums = _tile(code, lambda k, r: weights.at(fan_in * r + k), inputs, fan_in, initial)
        for r in range(rows):
            for v in range(vectors):
                place = code.integer(r * PANEL + v * LANES)
                if activation.in_registers:
                    _activate(code, activation, sums[r][v], place, outputs, derivatives)
                else:
                    code.store_vector(sums[r][v], outputs.at(place))
        if not activation.in_registers:
            _activate_rows(code, activation, rows, outputs, derivatives)

    _write_tiles(module, "forward", [pointer, pointer, pointer, INTEGER, pointer, pointer], tile)
    code, slot, step = module.kernel("forward", FORWARD)
    inputs = slot["inputs_pointer"].at(step * slot["inputs_step_stride"])
    fan_in, fan_out = slot["fan_in"], slot["fan_out"]

    def arguments(panel: Value, column: Value, row: Value) -> list[Value]:
        above = (panel * fan_out + row) * PANEL + column
        return [
            slot["weights_pointer"].at(row * fan_in),
            slot["bias_pointer"].at(row),
            inputs.at(panel * slot["input_features"] * PANEL + column),
            fan_in,
            slot["outputs_pointer"].at(above),
            slot["derivatives_pointer"].at(above),
        ]

    _call_tiles(code, "forward", slot["panels"], fan_out, arguments)
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

    def activate(row: Value) -> None:
        for v in range(code.tile.vectors):
            place = row * PANEL + v * LANES
            x = code.load_vector(outputs.at(place))
            _activate(code, activation, x, place, outputs, derivatives)

    code.each(0, code.integer(rows), activate)


def write_output(module: Code, *, ranged: bool = False) -> None:
    """The kernel `output`: the error of the one output, and the sums of its squares.

    Or `output_ranged`, of which the prediction is kept in a range.
    """
    name, slots = ("output_ranged", OUTPUT_RANGED) if ranged else ("output", OUTPUT)
    code, slot, step = module.kernel(name, slots)
    inputs = slot["inputs_pointer"].at(step * slot["inputs_step_stride"])
    labels = slot["labels_pointer"].at(step * slot["labels_step_stride"])
    scale = code.splat(code.bits_as_double(slot["scale"]))
    weights, pairs = slot["weights_pointer"], slot["pairs"]
    bias = code.splat(code.load(slot["bias_pointer"]))
    doubles = ir.VectorType(ir.DoubleType(), LANES)
    in_range = write_range(code, slot) if ranged else None

    def panel_body(panel: Value, sums: list[Value]) -> list[Value]:
        below = inputs.at(panel * slot["input_features"] * PANEL)
        (row,) = _tile(
            code, lambda k, _: weights.at(k), below, slot["fan_in"], [[bias] * PANEL_VECTORS]
        )
        squares, fourths = sums
        for v, prediction in enumerate(row):
            first = panel * PANEL + v * LANES
            factor = None
            if in_range is not None:
                product = code.load_vector(slot["products_pointer"].at(first))
                prediction, factor = in_range(prediction + product)
            error = prediction - code.load_vector(labels.at(first))
            # Chosen, not multiplied by 0: what stands beyond the last pair may be infinite.
            inside = code.lanes_from(first) < code.splat(pairs)
            error = code.select(inside, error, 0.0)
            scaled = error * scale
            if factor is not None:
                scaled = code.select(inside, scaled * factor, 0.0)
            code.store_vector(scaled, slot["errors_pointer"].at(first))
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


def write_backward(module: Code, activation: ActivationCode | None) -> None:
    """The kernel `backward`: deltas = (weights^T deltas_above) * the activation's derivative.

    Or `input_backward`, to the inputs of the first layer, which come from no activation.
    """
    name = "input_backward" if activation is None else "backward"
    pointer, vectors = module.pointer, module.tile.vectors

    def tile(code: Code, rows: int, values: list[Value]) -> None:
        weights, fan_in, above, fan_out, outputs, deltas = values
        initial = [[code.zeros()] * vectors for _ in range(rows)]
        sums = _tile(code, lambda k, r: weights.at(k * fan_in + r), above, fan_out, initial)
        for r in range(rows):
            for v in range(vectors):
                place = r * PANEL + v * LANES
                delta = sums[r][v]
                if activation is not None:
                    kept = code.load_vector(outputs.at(place))
                    delta = activation.backward(code, delta, kept)
                code.store_vector(delta, deltas.at(place))

    _write_tiles(module, name, [pointer, INTEGER, pointer, INTEGER, pointer, pointer], tile)
    code, slot, _ = module.kernel(name, BACKWARD)
    fan_in, fan_out = slot["fan_in"], slot["fan_out"]

    def arguments(panel: Value, column: Value, row: Value) -> list[Value]:
        below = (panel * fan_in + row) * PANEL + column
        return [
            slot["weights_pointer"].at(row),
            fan_in,
            slot["deltas_above_pointer"].at(panel * fan_out * PANEL + column),
            fan_out,
            slot["outputs_pointer"].at(below),
            slot["deltas_pointer"].at(below),
        ]

    _call_tiles(code, name, slot["panels"], fan_in, arguments)
    code.end()
