"""A dot product beside an MLP: what it leaves of the labels for the MLP, and its gradients.

Legend: as in `pairs`; F the columns of a row that are multiplied, given as 1 in a mask (C,) that is
0 elsewhere. Their predictions are added, so the MLP's errors are both's once the dot products are
taken from the labels. Where the sum is kept in a range, the MLP's output needs them itself.
"""

from collections.abc import Callable

from .code import Code, Value
from .lanes import lane_sums
from .pairs import PAIRS, rows_of_pairs
from .registers import LANES

REMAINDERS = (
    *PAIRS,
    "mask_pointer",  # (C,)
    "labels_pointer",  # (steps, B), and more up to whole vectors
    "labels_step_stride",
    "scratch_pointer",  # (B + LANES, LANES)
    "remainders_pointer",  # (B + LANES,)
)
PRODUCTS = (
    *PAIRS,
    "mask_pointer",  # (C,)
    "scratch_pointer",  # (B + LANES, LANES)
    "products_pointer",  # (B + LANES,)
)
DOT_GRADIENTS = (
    *PAIRS,
    "mask_pointer",  # (C,)
    "errors_pointer",  # (B,): the derivatives of the loss by the predictions
    "gradients_pointer",  # (R, C)
)


def write_remainders(module: Code) -> None:
    """The kernel `remainders`: the labels without the dot products of their pairs."""
    code, slot, step = module.kernel("remainders", REMAINDERS)
    labels = slot["labels_pointer"].at(step * slot["labels_step_stride"])

    def subtract(first: Value, products: Value) -> None:
        remainder = code.load_vector(labels.at(first)) - products
        code.store_vector(remainder, slot["remainders_pointer"].at(first))

    _each_product(code, slot, step, subtract)
    code.end()


def write_products(module: Code) -> None:
    """The kernel `products`: the dot products themselves."""
    code, slot, step = module.kernel("products", PRODUCTS)

    def store(first: Value, products: Value) -> None:
        code.store_vector(products, slot["products_pointer"].at(first))

    _each_product(code, slot, step, store)
    code.end()


def _each_product(
    code: Code,
    slot: dict[str, Value],
    step: Value,
    use: Callable[[Value, Value], object],
) -> None:
    """Call `use(first, products)` for the dot products of LANES pairs, from the first one on."""
    weights, scratch = slot["weights_pointer"], slot["scratch_pointer"]

    def product(pair: Value) -> None:
        users, items = rows_of_pairs(code, slot, step, [pair])

        def some(column: Value, sums: list[Value]) -> list[Value]:
            user, item = (code.load_vector(weights.at(f + column)) for (f,) in (users, items))
            mask = code.load_vector(slot["mask_pointer"].at(column))
            return [code.fma(user * mask, item, sums[0])]

        (total,) = code.repeat(0, slot["columns"], some, [code.zeros()], step=LANES)
        code.store_vector(total, scratch.at(pair * LANES))

    code.each(0, slot["pairs"], product)

    def some(first: Value) -> None:
        vectors = [code.load_vector(scratch.at((first + lane) * LANES)) for lane in range(LANES)]
        use(first, lane_sums(code, vectors))

    code.each(0, slot["pairs"], some, step=LANES)


def write_dot_gradients(module: Code) -> None:
    """The kernel `dot_gradients`: what the dot products' errors add to the gradients of rows."""
    code, slot, step = module.kernel("dot_gradients", DOT_GRADIENTS)

    def pair(index: Value) -> None:
        users, items = rows_of_pairs(code, slot, step, [index])
        error = code.splat(code.load(slot["errors_pointer"].at(index)))

        def some(column: Value) -> None:
            times = code.load_vector(slot["mask_pointer"].at(column)) * error
            values = [
                code.load_vector(slot["weights_pointer"].at(f + column)) for (f,) in (items, users)
            ]
            for (first,), other in zip((users, items), values, strict=True):
                there = slot["gradients_pointer"].at(first + column)
                code.store_vector(code.fma(times, other, code.load_vector(there)), there)

        code.each(0, slot["columns"], some, step=LANES)

    code.each(0, slot["pairs"], pair)
    code.end()
