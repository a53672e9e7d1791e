"""A row trained again, alone."""
