"""`trunkline store …`: what an operator may want done with all that is kept, while no gateway runs on it."""

import asyncio
import json
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec.structs import asdict

from trunkline.cli.setup import load
from trunkline.errors import InvalidRequest
from trunkline.store.open import OpenStore
from trunkline.store.upkeep import Walked

Done = tuple[dict[str, Any], list[str], int]
"""What was done, for a program and in lines for a person, and the exit status."""


def run(options: Namespace) -> int:
    done, lines, status = asyncio.run(_do(options))
    print(json.dumps(done, indent=2) if options.json else "\n".join(lines))
    return status


async def _do(options: Namespace) -> Done:
    from trunkline.build import settle_store
    from trunkline.clock import SystemClock
    from trunkline.keyring import open_keyring
    from trunkline.store.open import open_store

    config = load(options)
    # No key is asked for here, and none must be made where nobody would be told it.
    keyring, _ = open_keyring(
        config.data_dir, secret=config.secret, previous_secrets=config.previous_secrets, auth=False
    )
    async with open_store(settle_store(config, keyring), SystemClock(), sweeps=False) as store:
        return await _ACTIONS[options.action](store, options)


async def _erase(store: OpenStore, options: Namespace) -> Done:
    path = options.path
    if not path.startswith("/") or (path != "/" and path.endswith("/")):
        raise InvalidRequest(f"`{path}` is no path: it begins with a slash and ends without one, as /team/alpha")
    erased = await store.erase(path)
    return {"path": path, "erased": dict(erased)}, _write_counts(f"erased from {path} on:", erased), 0


async def _verify(store: OpenStore, options: Namespace) -> Done:
    return _tell(await store.verify(), "can be opened:")


async def _reencrypt(store: OpenStore, options: Namespace) -> Done:
    return _tell(await store.reencrypt(), "sealed anew:")


def _tell(walked: Walked, title: str) -> Done:
    problems = [asdict(problem) for problem in walked.problems]
    for problem in walked.problems:
        print(f"trunkline: {problem.place} cannot be opened: {problem.why}", file=sys.stderr)
    return {"counts": walked.counts, "problems": problems}, _write_counts(title, walked.counts), int(bool(problems))


def _write_counts(title: str, counts: Mapping[str, int]) -> list[str]:
    return [title, *(f"  {count:>8}  {kind.replace('_', ' ')}" for kind, count in counts.items())]


_ACTIONS: Mapping[str, Callable[[OpenStore, Namespace], Awaitable[Done]]] = {
    "erase": _erase,
    "verify": _verify,
    "reencrypt": _reencrypt,
}
