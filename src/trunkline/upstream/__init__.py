"""The way to providers: bytes out, bytes in. Knows HTTP, not models, dialects or the engine."""
