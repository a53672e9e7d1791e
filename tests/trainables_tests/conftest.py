"""What the tests of the trainables share."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def only_new_objects() -> Iterator[None]:
    """Take what other tests have left out of the collector's lists, which are walked often here."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
