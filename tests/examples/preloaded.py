"""A Python process that has imported the SDK and runs programs in forks of itself.

Importing the SDK takes seconds on a busy machine; forty programs would spend minutes on it. Each program still has a
process, an environment and a `__main__` of its own. Speaks JSON lines: `{"words", "environment"}` in (a program and its
arguments), `{"code", "printed"}` out.
"""

import json
import os
import runpy
import signal
import sys
import tempfile
import traceback

import agents  # noqa: F401 - for the forks
import openai  # noqa: F401

LONGEST_SECONDS = 60


def run_in_fork(words: list[str], environment: dict[str, str]) -> dict[str, object]:
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            os._exit(run(words, environment, output.fileno()))
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return {"code": os.waitstatus_to_exitcode(status), "printed": output.read().decode()}


def run(words: list[str], environment: dict[str, str], output: int) -> int:
    # Ends a program that hangs; its code is then the signal's.
    signal.alarm(LONGEST_SECONDS)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words
    try:
        runpy.run_path(words[0], run_name="__main__")
    except BaseException:  # noqa: BLE001 - whatever it is, the test wants to read it
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        answers.write(json.dumps(run_in_fork(**json.loads(line))) + "\n")
        answers.flush()
