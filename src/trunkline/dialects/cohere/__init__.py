"""Cohere's v2 chat, spoken upstream alone: the dialect "cohere". Source: https://docs.cohere.com/reference/chat."""

from trunkline.dialects.cohere.body import write_request
from trunkline.dialects.cohere.errors import read_error
from trunkline.dialects.cohere.reader import open_reader, read_reply
from trunkline.dialects.dialect import UpstreamDialect
from trunkline.dialects.forms import Forms

DIALECT = UpstreamDialect(
    name="cohere",
    write_request=write_request,
    read_reply=read_reply,
    reader=open_reader,
    read_error=read_error,
    media=Forms(kinds=frozenset({"image"}), urls=frozenset({"image"}), ids=frozenset()),
)
