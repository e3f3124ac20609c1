"""`trunkline migrate`: bring the database's tables up to date before a gateway starts, which would do it as well."""

import asyncio
import json
from argparse import Namespace

from trunkline.cli.setup import load
from trunkline.store.engine import open_database
from trunkline.store.migrate import Migrated, migrate


def run(options: Namespace) -> int:
    migrated = asyncio.run(_migrate(load(options).database_url))
    if options.json:
        print(json.dumps({"before": migrated.before, "now": migrated.now}))
    elif migrated.before == migrated.now:
        print(f"the tables are up to date: version {migrated.now}")
    else:
        print(f"the tables are of version {migrated.now} now; before: {migrated.before or 'none'}")
    return 0


async def _migrate(url: str) -> Migrated:
    database = open_database(url)
    try:
        return await migrate(database)
    finally:
        await database.close()
