"""How things are written where people or other programs read them."""
