"""What pytest leaves out: the module of an optional dependency, where that is missing."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("triton") else ["trainables/gpu/fused_operations.py"]
