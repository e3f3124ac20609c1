"""`python -m trunkline.upstream.fake`: serve the fake until it is interrupted."""

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

from trunkline.upstream.fake.script import read_scripts
from trunkline.upstream.fake.server import FakeServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m trunkline.upstream.fake", description="A scripted test upstream.")
    parser.add_argument("--port", type=int, default=0, help="where to listen on 127.0.0.1; any free port if not given")
    parser.add_argument("--scripts", type=Path, help="a YAML or JSON file of scripts")
    arguments = parser.parse_args()
    scripts = read_scripts(arguments.scripts) if arguments.scripts else {}
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(FakeServer(scripts, models=("scripted-model", *scripts), port=arguments.port)))


async def serve(server: FakeServer) -> None:
    async with server:
        sys.stdout.write(f"SCRIPTED_BASE_URL={server.base_url}\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    main()
