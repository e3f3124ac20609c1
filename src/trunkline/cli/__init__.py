"""The command line: `trunkline serve · check · explain · demo`. Each command loads what it needs when it runs."""

from trunkline.cli.main import main

__all__ = ["main"]
