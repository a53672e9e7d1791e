"""The engine for GPUs: stacks of like members as batched tensor operations."""
