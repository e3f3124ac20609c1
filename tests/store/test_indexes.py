"""Indexes of some rows, and what a program loads of the databases that it does not use."""

import subprocess
import sys

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex

from trunkline.store.indexes import index_some

TABLE = Table("things", MetaData(), Column("a", Integer), Column("b", String), Column("c", Boolean))


@pytest.mark.parametrize(("dialect", "flag"), [(sqlite.dialect(), "c = 0"), (postgresql.dialect(), "NOT c")])  # type: ignore[no-untyped-call]  # the library's own
def test_each_database_in_its_own_words(dialect: Dialect, flag: str) -> None:
    """The condition stands behind the index, and no table in it."""
    quoted, negated = index_some("ix_b", "b", where=column("b") != "'"), index_some("ix_c", "b", where=~TABLE.c.c)
    for index in (quoted, negated):
        index._set_parent(TABLE)
    assert str(CreateIndex(quoted).compile(dialect=dialect)) == "CREATE INDEX ix_b ON things (b) WHERE b != ''''"
    assert str(CreateIndex(negated).compile(dialect=dialect)) == f"CREATE INDEX ix_c ON things (b) WHERE {flag}"


@pytest.mark.slow
def test_a_database_that_is_not_used_is_not_loaded() -> None:
    """It would take a tenth of the time that a start takes."""
    program = "import sys, trunkline.build.gateway; print([name for name in sys.modules if 'postgres' in name])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout == "[]\n"
