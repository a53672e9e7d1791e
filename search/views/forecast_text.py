"""What a search will take, in words."""

import math
from collections.abc import Iterator

from ..forecasting.forecast import Forecast
from ..forecasting.simulation import Simulated
from ..forecasting.size import Size
from ..memory_need import bytes_text
from ..text.counted import counted
from ..text.flops_text import flops_text


def size_line(size: Size) -> str:
    """What there is to do, in one line."""
    studies = counted(size.studies, "study", "studies")
    replicates = f" and {counted(size.replicates, 'replicate')}" if size.replicates else ""
    busy = "any number of workers"
    if size.packs_at_once is not None:
        busy = f"at most {counted(size.packs_at_once, 'worker')}"
    if size.trials is None or size.packs is None or size.work is None:
        return (
            f"{studies}, as many trials as {size.time} allow (budget.time){replicates}, in packs "
            f"of {size.pack_size}; {busy} can be busy"
        )
    return (
        f"{studies}, {counted(size.trials, 'trial')}{replicates} in "
        f"{counted(size.packs, 'pack')}: "
        f"{_rounded(size.work.member_steps):,} member-steps, {flops_text(size.work.flops)}; "
        f"{busy} can be busy"
        + ("" if size.time is None else f"; as much of it as {size.time} allow (budget.time)")
    )


def forecast_lines(found: Forecast) -> Iterator[str]:
    """Line by line: the work, who can be busy with it, how long it takes, what it needs."""
    size = found.size
    yield f"work     {size_line(size)}"
    in_flight = "any number of packs"
    if size.packs_in_flight is not None:
        in_flight = counted(size.packs_in_flight, "pack")
    yield f"busy     {in_flight} in flight for most of it: {size.limit}"
    for workers, simulated in found.simulated.items():
        yield f"time     {_time(found, workers, simulated)}"
    without = "Ray's start and some 30 ms between packs are not in it"
    yield f"         (each as fast as this machine; {without})"
    yield f"memory   {bytes_text(found.need.bytes)} for a worker, at {found.need}"
    yield f"output   about {bytes_text(found.output_bytes)}"


def seconds_text(seconds: float) -> str:
    """A time as roughly as it is known.

    >>> seconds_text(0.4), seconds_text(93), seconds_text(5400), seconds_text(200_000)
    ('1 s', '93 s', '1.5 h', '2.3 days')
    """
    if seconds < 100:
        return f"{max(1, math.ceil(seconds))} s"
    for size, unit in ((86_400 * 1.5, "days"), (3_600 * 1.4, "h"), (0, "min")):
        if seconds >= size:
            length = {"days": 86_400, "h": 3_600, "min": 60}[unit]
            return f"{seconds / length:.2g} {unit}"
    raise AssertionError("the last unit takes all")


def _time(found: Forecast, workers: int, simulated: Simulated) -> str:
    each = f"of {found.request}"
    where = "here: " if workers == found.here else ""
    text = f"{where}{counted(workers, 'worker')} {each}: "
    text += f"about {seconds_text(simulated.seconds)}, "
    text += f"busy {simulated.utilisation(workers):.0%} of it"
    if simulated.trials != found.size.trials:  # the time ends it
        text += f", about {_rounded(simulated.trials):,} trials"
    if simulated.most_busy < workers:
        text += f" (no more than {simulated.most_busy} ever have a pack)"
    return text


def _rounded(number: int) -> int:
    """Three digits are enough of what is an estimate."""
    return int(float(f"{number:.3g}"))
