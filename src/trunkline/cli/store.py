"""`trunkline store …`: what an operator may want done with all that is kept, while no gateway runs on it, or by one."""

import asyncio
import json
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec.structs import asdict

from trunkline.cli.admin import open_api
from trunkline.cli.setup import load
from trunkline.config.config import Config
from trunkline.engine.admin.witness import Witness
from trunkline.errors import InvalidRequest
from trunkline.paths import ROOT
from trunkline.store.open import OpenStore
from trunkline.store.upkeep import Walked

Done = tuple[dict[str, Any], list[str], int]
"""What was done, for a program and in lines for a person, and the exit status."""


def run(options: Namespace) -> int:
    done, lines, status = asyncio.run(_do(options))
    print(json.dumps(done, indent=2) if options.json else "\n".join(lines))
    return status


async def _do(options: Namespace) -> Done:
    from trunkline.cli.opened import open_whole

    config = load(options)
    if getattr(options, "url", None):
        return await _erase_there(options, config)
    async with open_whole(config) as (store, witness):
        return await _ACTIONS[options.action](store, witness, options)


async def _erase_there(options: Namespace, config: Config) -> Done:
    """Have a running gateway erase the path."""
    async with open_api(options, config) as api:
        done = await api.ask("POST", "erase", body={"path": options.path})
    return done, _write_counts(f"erased from {done['path']} on:", done["erased"]), 0


async def _erase(store: OpenStore, witness: Witness, options: Namespace) -> Done:
    path = options.path
    if not path.startswith("/") or (path != "/" and path.endswith("/")):
        raise InvalidRequest(f"`{path}` is no path: it begins with a slash and ends without one, as /team/alpha")
    await witness.record("store.erase", path, None, {"path": path})
    erased = await store.erase(path)
    return {"path": path, "erased": dict(erased)}, _write_counts(f"erased from {path} on:", erased), 0


async def _verify(store: OpenStore, witness: Witness, options: Namespace) -> Done:
    return _tell(await store.verify(), "can be opened:")


async def _reencrypt(store: OpenStore, witness: Witness, options: Namespace) -> Done:
    await witness.record("store.reencrypt", ROOT, None, None)
    return _tell(await store.reencrypt(), "sealed anew:")


def _tell(walked: Walked, title: str) -> Done:
    problems = [asdict(problem) for problem in walked.problems]
    for problem in walked.problems:
        print(f"trunkline: {problem.place} cannot be opened: {problem.why}", file=sys.stderr)
    return {"counts": walked.counts, "problems": problems}, _write_counts(title, walked.counts), int(bool(problems))


def _write_counts(title: str, counts: Mapping[str, int]) -> list[str]:
    return [title, *(f"  {count:>8}  {kind.replace('_', ' ')}" for kind, count in counts.items())]


_ACTIONS: Mapping[str, Callable[[OpenStore, Witness, Namespace], Awaitable[Done]]] = {
    "erase": _erase,
    "verify": _verify,
    "reencrypt": _reencrypt,
}
