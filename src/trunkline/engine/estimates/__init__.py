"""How many tokens something is that nobody has counted."""
