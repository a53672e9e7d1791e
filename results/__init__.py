"""The tables a search leaves behind: their columns, the folder that holds them, their summary."""

from .folder import OutputFolder
from .loaded_trials import load_trials
from .location import OutputError, OutputUnavailable
from .patience import Patience, patiently
from .schemas import CURVES, SUMMARY, TRIALS
from .summary import constructed_nmse_of, summarise, summary_of

__all__ = [
    "CURVES",
    "SUMMARY",
    "TRIALS",
    "OutputError",
    "OutputFolder",
    "OutputUnavailable",
    "Patience",
    "constructed_nmse_of",
    "load_trials",
    "patiently",
    "summarise",
    "summary_of",
]
