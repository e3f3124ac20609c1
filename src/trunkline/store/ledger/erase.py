"""Takes a path out of the ledger: what the audit adds, and of the accounts whatever names anybody.

What was spent stays spent: rows of requests remain for the sums of every path above, under the path above the erased
one, without key, session and labels.
"""

from functools import partial

from sqlalchemy import ColumnElement, Connection, select, update

from trunkline.store import sql
from trunkline.store.engine import Database
from trunkline.store.ledger import hours
from trunkline.store.ledger.tables import ATTEMPTS, REQUESTS
from trunkline.store.within import is_within

_AT_ONCE = 200


async def erase_requests(path: str, database: Database) -> int:
    """How many there were. Raises `Unavailable`; then some may be left."""
    inside = is_within(REQUESTS.c.path, path)
    erased, after = 0, 0
    while True:
        ids, after = await database.write(partial(_erase_some, inside, path, after))
        if not ids:
            return erased
        erased += ids


def _erase_some(inside: ColumnElement[bool], path: str, after: int, connection: Connection) -> tuple[int, int]:
    """How many of the next ones were erased, and the number of the last. With the last of all, their sums are."""
    sql.lock_fold(connection)
    number = REQUESTS.c.number
    wanted = select(number, REQUESTS.c.id).where(inside, number > after).order_by(number).limit(_AT_ONCE)
    rows = connection.execute(wanted).all()
    if not rows:
        hours.move(connection, path)
        return 0, after
    ids = [row.id for row in rows]
    connection.execute(update(ATTEMPTS).where(ATTEMPTS.c.request_id.in_(ids)).values(upstream_request_id=""))
    nameless = hours.nameless(path) | {"session": "", "upstream_request_id": "", "trail": None}
    connection.execute(update(REQUESTS).where(REQUESTS.c.id.in_(ids)).values(nameless))
    return len(rows), rows[-1].number
