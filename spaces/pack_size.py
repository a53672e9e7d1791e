"""How many trials make a pack where the spec says `auto`."""

DEFAULT_TRIALS = 64
"""Of a study."""
GPU_PACK = 512
"""Members that fill a GPU: a pack of 512 takes hardly longer than one of 64 (benchmarks/RESULTS.md,
"On a GPU")."""
PROCESSOR_PACK = 16
"""Enough to halve a few times; a processor trains members one by one."""


def chosen_pack_size(*, trials: int | None, gpus: float) -> int:
    """The size of packs of a study of `trials` whose workers have `gpus` each.

    Of the spec alone, never of the machines at hand: it settles what is suggested from what. On a
    GPU it is a power of two, and at most a quarter of the trials, that the sampler may learn; as
    large as they get where only the time says how many trials there are (None).
    """
    size = GPU_PACK
    while size > PROCESSOR_PACK and (gpus == 0 or (trials is not None and 4 * size > trials)):
        size //= 2
    return size


def idle_gpu_note(*, pack_size: int, trials: int | None, gpus: float) -> str | None:
    """What to say to one whose packs leave most of a worker's GPU idle; None without a GPU."""
    size = chosen_pack_size(trials=trials, gpus=gpus)
    if not gpus or 4 * pack_size > size:
        return None
    return (
        f"packs of {pack_size} leave most of a GPU idle; with budget.pack_size=auto and "
        f"resources.gpus={gpus:g} they have {size} trials"
    )
