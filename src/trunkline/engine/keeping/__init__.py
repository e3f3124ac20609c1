"""A reply is kept before its end is told."""
