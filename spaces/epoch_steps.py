"""How many steps epochs are."""


def steps_of(epochs: int, *, pairs: int, batch_size: int) -> int:
    """The batches that hold each of `pairs` pairs `epochs` times; the last may go on beyond."""
    return -(-epochs * pairs // batch_size)
