"""A search as its output folder holds it: what it is, whether it may go on, and reading it."""
