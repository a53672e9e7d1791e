"""The gradients of a layer's weights and bias: sums over pairs, added to what is there."""

from itertools import product

from .code import INTEGER, PANEL, PANEL_VECTORS, Code, Value
from .lanes import lane_sums
from .registers import LANES

WEIGHT_GRADIENT = (
    "deltas_pointer",  # (panels, O, PANEL)
    "inputs_pointer",  # (panels, input_features, PANEL): the first I features count
    "input_features",
    "inputs_step_stride",
    "fan_in",
    "fan_out",
    "panels",
    "gradients_pointer",  # (O, I)
)
BIAS_GRADIENT = (
    "deltas_pointer",  # (panels, O, PANEL)
    "fan_out",
    "panels",
    "gradients_pointer",  # (O,)
)
BLOCK = 16
"""Outputs and inputs whose sums are taken in turn while both lie in the first-level cache."""


def write_weight_gradient(module: Code) -> None:
    """The kernel `weight_gradient`: the sum over pairs of delta times input, for each weight."""
    side = module.tile.gradients
    sizes = list(product(range(1, side + 1), repeat=2))
    for outputs, inputs in sizes:
        _write_tile(module, outputs, inputs)

    code, slot, step = module.kernel("weight_gradient", WEIGHT_GRADIENT)
    deltas, gradients = slot["deltas_pointer"], slot["gradients_pointer"]
    inputs_of_step = slot["inputs_pointer"].at(step * slot["inputs_step_stride"])
    fan_in, fan_out = slot["fan_in"], slot["fan_out"]

    def tile(output: Value, column: Value, height: Value, width: Value) -> None:
        arguments = [
            deltas.at(output * PANEL),
            fan_out * PANEL,
            inputs_of_step.at(column * PANEL),
            slot["input_features"] * PANEL,
            slot["panels"],
            gradients.at(output * fan_in + column),
            fan_in,
        ]
        cases = {rows * side + columns: (rows, columns) for rows, columns in sizes}
        code.choose(
            height * side + width,
            list(cases),
            lambda case: code.call("gradient_{}_{}".format(*cases[case]), arguments),
        )

    def block(first_output: Value, first_input: Value) -> None:
        last_output = code.least(first_output + BLOCK, fan_out)
        last_input = code.least(first_input + BLOCK, fan_in)

        def row(output: Value) -> None:
            height = code.least(last_output - output, side)

            def column(index: Value) -> None:
                tile(output, index, height, code.least(last_input - index, side))

            code.each(first_input, last_input, column, step=side)

        code.each(first_output, last_output, row, step=side)

    def blocks(output: Value) -> None:
        code.each(0, fan_in, lambda index: block(output, index), step=BLOCK)

    code.each(0, fan_out, blocks, step=BLOCK)
    code.end()


def _write_tile(module: Code, outputs: int, inputs: int) -> None:
    """The gradients of `outputs` times `inputs` weights, held in registers."""
    pointer = module.pointer
    code, arguments = module.function(
        f"gradient_{outputs}_{inputs}",
        [pointer, INTEGER, pointer, INTEGER, INTEGER, pointer, INTEGER],
    )
    deltas, deltas_stride, columns, columns_stride, panels, gradients, fan_in = arguments

    def panel_body(panel: Value, sums: list[Value]) -> list[Value]:
        left, right = deltas.at(panel * deltas_stride), columns.at(panel * columns_stride)
        for v in range(PANEL_VECTORS):
            rows = [code.load_vector(left.at(o * PANEL + v * LANES)) for o in range(outputs)]
            others = [code.load_vector(right.at(i * PANEL + v * LANES)) for i in range(inputs)]
            sums = [
                code.fma(rows[o], others[i], sums[o * inputs + i])
                for o in range(outputs)
                for i in range(inputs)
            ]
        return sums

    sums = code.repeat(0, panels, panel_body, [code.zeros()] * (outputs * inputs))
    totals = lane_sums(code, sums)
    for o in range(outputs):
        target = gradients.at(fan_in * o)
        if inputs == 4:
            four = code.shuffle(totals, totals, range(4 * o, 4 * o + 4))
            code.store_vector(code.load_vector(target, 4) + four, target)
        else:
            for i in range(inputs):
                there = target.at(i)
                code.store(code.load(there) + code.lane(totals, o * inputs + i), there)
    code.end()


def write_bias_gradient(module: Code) -> None:
    """The kernel `bias_gradient`: the sum over pairs of each output's delta."""
    for rows in (1, LANES):
        _write_bias_rows(module, rows)
    code, slot, _ = module.kernel("bias_gradient", BIAS_GRADIENT)
    fan_out = slot["fan_out"]

    def some(row: Value, rows: int) -> None:
        code.call(
            f"bias_gradient_{rows}",
            [
                slot["deltas_pointer"].at(row * PANEL),
                fan_out * PANEL,
                slot["panels"],
                slot["gradients_pointer"].at(row),
            ],
        )

    whole = fan_out / LANES * LANES
    code.each(0, whole, lambda row: some(row, LANES), step=LANES)
    code.each(whole, fan_out, lambda row: some(row, 1))
    code.end()


def _write_bias_rows(module: Code, rows: int) -> None:
    """The gradients of the biases of one output, or of LANES."""
    code, (deltas, stride, panels, gradients) = module.function(
        f"bias_gradient_{rows}", [module.pointer, INTEGER, INTEGER, module.pointer]
    )

    def panel_body(panel: Value, sums: list[Value]) -> list[Value]:
        there = deltas.at(panel * stride)
        new = []
        for row, total in enumerate(sums):
            for v in range(PANEL_VECTORS):
                total = total + code.load_vector(there.at(row * PANEL + v * LANES))
            new.append(total)
        return new

    totals = lane_sums(code, code.repeat(0, panels, panel_body, [code.zeros()] * rows))
    if rows == LANES:
        code.store_vector(code.load_vector(gradients) + totals, gradients)
    else:
        code.store(code.load(gradients) + code.lane(totals, 0), gradients)
    code.end()
