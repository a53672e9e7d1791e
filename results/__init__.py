"""The tables a search leaves behind: their columns, the folder that holds them, their summary."""

from .constructions import constructed_nmse
from .folder import OutputFolder
from .location import OutputError
from .schemas import CURVES, SUMMARY, TRIALS
from .summary import summarise

__all__ = [
    "CURVES",
    "SUMMARY",
    "TRIALS",
    "OutputError",
    "OutputFolder",
    "constructed_nmse",
    "summarise",
]
