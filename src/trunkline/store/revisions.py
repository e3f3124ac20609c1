"""How often something has been changed: a number that every process can ask after, and that grows with each change.

Whoever changes anything takes the number first and holds it until the change is made, so that a change with a higher
number is never seen before one with a lower number.
"""

from sqlalchemy import Connection, select

from trunkline.store import sql
from trunkline.store.tables import REVISIONS


def advance(connection: Connection, name: str) -> int:
    """The number of the change that is being made."""
    first = sql.insert(connection.dialect.name, REVISIONS).values(name=name, number=1)
    counted = first.on_conflict_do_update(
        index_elements=[REVISIONS.c.name], set_={"number": REVISIONS.c.number + 1}
    ).returning(REVISIONS.c.number)
    return int(connection.execute(counted).scalar_one())


def read_revision(connection: Connection, name: str) -> int:
    """The number of the last change; 0 before the first."""
    return connection.execute(select(REVISIONS.c.number).where(REVISIONS.c.name == name)).scalar() or 0
