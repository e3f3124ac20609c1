"""A command as its user types it."""

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
"""Types a command, word by word; gives its status, its output and what it says is wrong."""
