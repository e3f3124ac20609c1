"""The tables as queries see them; `migrations/` makes them, and a test compares the two.

Whatever must be done to all that is kept (erase a path, seal anew, read everything) walks over these tables, so each
says of itself what that takes:

- `Table.info["named_by"]`: the columns that name a row for good; its sealed values are bound to them.
- `Table.info["part_of"]`: `(table, column)`, where a row has no path of its own and belongs to the row of that table
  whose `id` stands in that column.
- `Column.info["sealed"]`: bytes that are sealed when encryption at rest is on.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    column,
    literal_column,
)

from trunkline.store.indexes import index_some

METADATA = MetaData()

# SQLite counts by itself in a column of this very type alone.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def named(*columns: str, part_of: tuple[str, str] | None = None) -> dict[str, Any]:
    """The `info` of a table of objects."""
    return {"named_by": columns, "part_of": part_of}


def sealed(name: str) -> Column[bytes]:
    """A column of bodies."""
    return Column(name, LargeBinary, nullable=False, info={"sealed": True})


IS_UNDER_WAY = column("status", String).in_([literal_column(f"'{status}'") for status in ("queued", "in_progress")])
"""What an index is made of. To use it, a database must be asked in these very words."""

RESPONSES = Table(
    "responses",
    METADATA,
    # In the order of writing, so that a new row goes where the last one went.
    Column("number", _NUMBER, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("path", String, nullable=False),
    Column("created_at_micros", BigInteger, nullable=False),
    Column("expires_at_micros", BigInteger, nullable=False, index=True),
    # When it was deleted. It stays for as long as another one goes on from it.
    Column("hidden_at_micros", BigInteger),
    Column("status", String, nullable=False),
    Column("parent_id", String),
    Column("parent_items", Integer),
    Column("conversation_id", String),
    Column("account", String, nullable=False),
    Column("native", Boolean, nullable=False),
    Column("background", Boolean, nullable=False),
    Column("stream", Boolean, nullable=False),
    sealed("input"),
    sealed("response"),
    index_some("ix_responses_parent_id", "parent_id", where=column("parent_id").is_not(None)),
    index_some("ix_responses_under_way", "status", where=IS_UNDER_WAY),
    index_some("ix_responses_hidden", "hidden_at_micros", where=column("hidden_at_micros").is_not(None)),
    info=named("id"),
)

# Where items are, by the hash of their id. A row outlives its response: then it says that the item was here once.
ITEM_IDS = Table(
    "item_ids",
    METADATA,
    Column("hash", BigInteger, primary_key=True, autoincrement=False),
    Column("response", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# Ids of objects that were here once, by their hash.
GONE = Table(
    "gone", METADATA, Column("hash", BigInteger, primary_key=True, autoincrement=False), sqlite_with_rowid=False
)

CONVERSATIONS = Table(
    "conversations",
    METADATA,
    Column("id", String, primary_key=True),
    Column("path", String, nullable=False),
    Column("created_at_micros", BigInteger, nullable=False),
    Column("hidden_at_micros", BigInteger),
    Column("next_position", Integer, nullable=False),
    sealed("metadata"),
    index_some("ix_conversations_hidden", "hidden_at_micros", where=column("hidden_at_micros").is_not(None)),
    info=named("id"),
)

CONVERSATION_ITEMS = Table(
    "conversation_items",
    METADATA,
    Column("conversation_id", ForeignKey(CONVERSATIONS.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("item_id", String, nullable=False),
    sealed("item"),
    Index("ix_conversation_items_item_id", "item_id", "conversation_id", unique=True),
    info=named("conversation_id", "item_id", part_of=("conversations", "conversation_id")),
)

# Who is at work on a conversation or a response, where several processes may be.
HOLDS = Table(
    "holds",
    METADATA,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("until_micros", BigInteger, nullable=False),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("response_id", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    sealed("data"),
    info=named("response_id", "number", part_of=("responses", "response_id")),
)

# The record that a response began with which its upstream makes by itself: its end is recorded when it is seen.
RUNS = Table(
    "runs",
    METADATA,
    Column("response_id", String, primary_key=True),
    sealed("record"),
    info=named("response_id", part_of=("responses", "response_id")),
)

COMPLETIONS = Table(
    "completions",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("id", String, nullable=False),
    Column("path", String, nullable=False),
    Column("created_at_micros", BigInteger, nullable=False),
    Column("expires_at_micros", BigInteger, nullable=False, index=True),
    Column("model", String, nullable=False),
    Column("account", String, nullable=False),
    Column("native", Boolean, nullable=False),
    sealed("metadata"),
    sealed("completion"),
    sealed("messages"),
    Index("ix_completions_path", "path", "number"),
    # Ids are the provider's, and some give every completion the same.
    Index("ix_completions_id", "id", "path", unique=True),
    info=named("id", "path"),
)

PROMPTS = Table(
    "prompts",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("path", String, nullable=False),
    Column("name", String, nullable=False),
    Column("created_at_micros", BigInteger, nullable=False),
    Column("default_version", Integer, nullable=False),
    Index("ix_prompts_path", "path", "number"),
    info=named("id"),
)

PROMPT_VERSIONS = Table(
    "prompt_versions",
    METADATA,
    Column("prompt_id", ForeignKey(PROMPTS.c.id, ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("created_at_micros", BigInteger, nullable=False),
    sealed("body"),
    info=named("prompt_id", "version", part_of=("prompts", "prompt_id")),
)

FILES = Table(
    "files",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("path", String, nullable=False),
    Column("created_at_micros", BigInteger, nullable=False),
    Column("expires_at_micros", BigInteger, index=True),
    # When it was deleted. The row stays until its content is gone.
    Column("hidden_at_micros", BigInteger),
    Column("purpose", String, nullable=False),
    Column("media_type", String, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    sealed("name"),
    Index("ix_files_path", "path", "number"),
    index_some("ix_files_hidden", "hidden_at_micros", where=column("hidden_at_micros").is_not(None)),
    info=named("id"),
)

# What upstream accounts call the copies that they were given.
FILE_COPIES = Table(
    "file_copies",
    METADATA,
    Column("file_id", ForeignKey(FILES.c.id, ondelete="CASCADE"), primary_key=True),
    Column("account", String, primary_key=True),
    Column("upstream_id", String, nullable=False),
    Column("created_at_micros", BigInteger, nullable=False),
    info=named("file_id", "account", part_of=("files", "file_id")),
)

# What administrators have done. The column is no `path`: an act outlives what it was about.
ACTS = Table(
    "acts",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at_micros", BigInteger, nullable=False),
    Column("key_id", String, nullable=False),
    Column("key_name", String, nullable=False),
    Column("key_path", String, nullable=False),
    Column("peer", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("object_id", String, nullable=False),
    Column("about", String, nullable=False),
    Column("secret_id", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("hash", String, nullable=False),
    sealed("details"),
    Index("ix_acts_object_id", "object_id", "number"),
    info=named("number"),
)

# The newest act: one row, taken by whoever appends.
ACT_HEAD = Table(
    "act_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", String, nullable=False),
)

# Keys are named by a column of their own, and outlive what was kept on their paths: they are no objects.
KEYS = Table(
    "keys",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("name", String, unique=True),
    Column("path", String, nullable=False),
    Column("labels", String, nullable=False),
    Column("models", String, nullable=False),
    Column("scopes", String, nullable=False),
    Column("hashes", String, nullable=False),
    Column("created_at_micros", BigInteger, nullable=False),
    Column("created_by", String, nullable=False),
    Column("expires_at_micros", BigInteger),
    Column("revoked_at_micros", BigInteger),
    # When it was deleted. The row stays, so that every process learns of it.
    Column("hidden_at_micros", BigInteger),
    Column("revision", BigInteger, nullable=False, index=True),
)

# How often there was a change of something that processes keep in memory.
REVISIONS = Table(
    "revisions",
    METADATA,
    Column("name", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

# Rate limits, each as one value: there are few, and all are read at once. They outlive what was kept on their paths.
LIMITS = Table(
    "limits",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("rule", String, nullable=False),
)

# Budgets, each as one value with its webhook's secret in it. They outlive what was kept on their paths.
BUDGETS = Table("budgets", METADATA, Column("name", String, primary_key=True), sealed("budget"), info=named("name"))

# When a budget was reset last, also one that the configuration declares.
BUDGET_RESETS = Table(
    "budget_resets",
    METADATA,
    Column("name", String, primary_key=True),
    Column("at_micros", BigInteger, nullable=False),
)

# Which budget has passed which share in which window, and whether its webhook knows.
BUDGET_ALERTS = Table(
    "budget_alerts",
    METADATA,
    Column("budget", String, primary_key=True),
    Column("start_micros", BigInteger, primary_key=True, autoincrement=False),
    Column("share", Integer, primary_key=True, autoincrement=False),
    Column("end_micros", BigInteger, nullable=False, index=True),
    Column("spent", BigInteger, nullable=False),
    Column("cap", BigInteger, nullable=False),
    Column("at_micros", BigInteger, nullable=False),
    # Whoever tells the webhook has so long to do it, before another one tries.
    Column("until_micros", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("told", Boolean, nullable=False),
)

# What was said in a request, where the audit keeps bodies.
EVIDENCE = Table(
    "evidence",
    METADATA,
    Column("id", String, primary_key=True),
    Column("path", String, nullable=False),
    Column("started_at_micros", BigInteger, nullable=False, index=True),
    sealed("said"),
    info=named("id"),
)
