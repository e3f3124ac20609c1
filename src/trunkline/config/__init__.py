"""The whole configuration as frozen types, and the only reader of the environment and of files that configure."""
