"""The version of dottune: it travels with the packages to clusters where nothing is installed."""

__version__ = "0.1.0"
