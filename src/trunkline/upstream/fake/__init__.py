"""The shipped test upstream: a small deterministic model behind true wires, and scripts of bytes and faults.

Its three wires are written by hand from the vendors' descriptions and share nothing with our own dialects, so that a
test through the gateway proves something. `docs/scripted.md` says how to use it.
"""
