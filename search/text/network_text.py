"""The hidden layers of a network in a few characters."""

from spaces.vocabulary import layer_units, short_layers


def network_text(layer_sizes: str | None) -> str:
    """Depth and width, where all layers have one; else the units of each; a dash for no network.

    >>> network_text("58-58-58"), network_text("8-4"), network_text("linear"), network_text(None)
    ('3 x 58', '8-4', 'linear', '-')
    """
    if layer_sizes is None:
        return "-"
    units = layer_units(layer_sizes)
    if not units:
        return "linear"
    return f"{len(units)} x {units[0]}" if len(set(units)) == 1 else short_layers(layer_sizes)
