"""`python -m search`: the command line, where the `dottune` script is not installed."""

from .cli import main

main()
