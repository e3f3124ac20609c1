"""From words on the command line to one command, and from an error to one line and an exit status."""

import importlib
import sys
from collections.abc import Callable, Sequence

from trunkline.cli.arguments.parser import read_arguments
from trunkline.errors import ConfigError, TrunklineError

WRONG_CONFIGURATION = 2


def main(words: Sequence[str] | None = None) -> int:
    """Run a command. 0 is well, 1 is a failure, 2 a configuration or command line that cannot be."""
    arguments = read_arguments(words)
    run: Callable[..., int] = importlib.import_module(f"trunkline.cli.{arguments.command}").run
    try:
        return run(arguments)
    except ConfigError as error:
        complain(str(error))
        return WRONG_CONFIGURATION
    except TrunklineError as error:
        complain(error.message)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read has had enough; so that nothing complains at the end, there is nothing left to flush.
        sys.stdout = None
        return 1


def complain(text: str) -> None:
    """One line on standard error."""
    print(f"trunkline: {text[:1].lower() + text[1:] if not text[:2].isupper() else text}", file=sys.stderr)
