"""The composition root: suggestions, the runner on Ray Tune, and the command line."""
