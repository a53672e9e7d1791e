"""What of the driver's environment reaches the workers: nothing."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def environment_kept_here() -> Iterator[None]:
    """Keep Tune, for the length of the block, from giving workers variables of their own.

    Tune would put the driver's AWS keys, where they are set, into the runtime environment of every
    worker, which the dashboard shows and the nodes' logs repeat. Workers have their node's
    environment; those of a Ray that was started here inherit this one. And only a worker that asks
    for no variable, not even one of Tune's own, is among those that Ray starts ahead of need. What
    is changed here of Tune is private; the version is pinned and a test holds it.
    """
    from ray.tune.execution import class_cache

    before = class_cache.ENV_VARS_TO_PROPAGATE, class_cache.DEFAULT_ENV_VARS
    class_cache.ENV_VARS_TO_PROPAGATE, class_cache.DEFAULT_ENV_VARS = set(), {}
    try:
        yield
    finally:
        class_cache.ENV_VARS_TO_PROPAGATE, class_cache.DEFAULT_ENV_VARS = before
