"""What is said of a bug of ours: where it is, never what it was about."""

import logging
import traceback

_log = logging.getLogger("trunkline.serve")


def log_bug(error: BaseException) -> None:
    """The kind of the exception and the way to it. Its message may quote a body, so that is left out."""
    where = "".join(traceback.format_tb(error.__traceback__))
    _log.error("a request met a bug: %s\n%s", type(error).__name__, where)
