"""Responses that nobody waits for: made here, or followed where their upstream makes them."""
