"""How fast a search is, in a few words."""

from ..planning.standing import Standing


def pace(standing: Standing) -> list[str]:
    """Throughput and the time left, once there is something to tell from."""
    left = standing.seconds_left
    if left is None:
        return ["starting"]
    if standing.finished:
        clock = f"{_clock(standing.seconds)} in all"
    elif standing.ended == standing.plan.trials:
        clock = f"{_clock(left)} left (confirming)"
    else:
        clock = f"{_clock(left)} left"
    samples = standing.samples_per_second / 1e6
    return [f"{standing.trials_per_second:.1f} trials/s", f"{samples:.1f} M samples/s", clock]


def ended_text(ended: int, trials: int | None) -> str:
    """How many trials have ended, and of how many, where that is known.

    >>> ended_text(12, 64), ended_text(12, None)
    ('12/64', '12')
    """
    return str(ended) if trials is None else f"{ended}/{trials}"


def _clock(seconds: float) -> str:
    """Minutes and seconds, or hours and minutes.

    >>> _clock(75), _clock(7380)
    ('1:15', '2 h 03 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60} h {minutes % 60:02d} min"
