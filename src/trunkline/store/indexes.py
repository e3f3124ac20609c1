"""Indexes of some rows alone.

SQLAlchemy has a word for them for each kind of database, which loads all of what it knows of that one; this has one
word for all, and only what is used is loaded.
"""

from typing import Any

from sqlalchemy import ColumnElement, Index
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.compiler import DDLCompiler

_WHERE = "where"


def index_some(name: str, *columns: str, where: ColumnElement[bool]) -> Index:
    """An index of the rows that this is true of. Its columns are named without their table."""
    return Index(name, *columns, info={_WHERE: where})


@compiles(CreateIndex)
def _write(index: CreateIndex, compiler: DDLCompiler, **options: Any) -> str:
    written: str = compiler.visit_create_index(index, **options)  # type: ignore[no-untyped-call]  # the library's own
    where = index.element.info.get(_WHERE)
    if where is None:
        return written
    condition: str = compiler.sql_compiler.process(where, include_table=False, literal_binds=True)
    return f"{written} WHERE {condition}"
