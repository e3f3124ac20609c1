"""Wire ↔ vocabulary, one folder a protocol, used for callers and upstreams alike. Pure: no I/O, no clock."""
