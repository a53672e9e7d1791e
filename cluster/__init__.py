"""Connecting to a Ray cluster, sending work to it, and the files that start one."""
