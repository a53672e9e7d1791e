"""The engine for processors: a training step as machine code, one member after the other."""
