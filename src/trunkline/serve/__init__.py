"""The HTTP face: bytes to `Call`, `Reply` to bytes. It knows the engine only as the `Gateway` protocol."""
