"""A reply on its way back: its head, and its stream from the upstream to the caller."""
