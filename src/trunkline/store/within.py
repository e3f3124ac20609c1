"""The condition of a query that a path is another one or below it."""

from sqlalchemy import ColumnElement, func, true

from trunkline.paths import ROOT


def is_within(column: ColumnElement[str], path: str) -> ColumnElement[bool]:
    """As `paths.is_within`, asked of a column."""
    if path == ROOT:
        return true()
    # Not by `LIKE`, which takes capitals and small letters for the same on SQLite.
    return (column == path) | (func.substr(column, 1, len(path) + 1) == f"{path}/")
