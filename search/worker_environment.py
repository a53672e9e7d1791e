"""What of the driver's environment reaches the workers: nothing."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def environment_kept_here() -> Iterator[None]:
    """Keep Tune, for the length of the block, from sending variables of this process along.

    Tune would put the driver's AWS keys, where they are set, into the runtime environment of every
    worker, which the dashboard shows and the nodes' logs repeat. Workers have their node's
    environment; those of a Ray that was started here inherit this one. What is changed here of Tune
    is private; the version is pinned and a test holds it.
    """
    from ray.tune.execution import class_cache

    before = class_cache.ENV_VARS_TO_PROPAGATE
    class_cache.ENV_VARS_TO_PROPAGATE = set()
    try:
        yield
    finally:
        class_cache.ENV_VARS_TO_PROPAGATE = before
