"""Networks by hand: how well a network of a given size can compute the dot product, and how."""

from .affine import Layer
from .configuration import Configuration
from .constructed import constructed_layers, constructed_nmse

__all__ = ["Configuration", "Layer", "constructed_layers", "constructed_nmse"]
