"""Where a loss ends and rounding begins."""

EXACT_NMSE = 1e-12
"""An nmse of this or less is that of an exact network: what is left is rounding."""
