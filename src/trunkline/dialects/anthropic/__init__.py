"""Anthropic's Messages API: the dialect "messages". Source: https://docs.anthropic.com/en/api/messages."""

from trunkline.dialects.anthropic.body import go_on, write_head, write_request
from trunkline.dialects.anthropic.cache_points import mark_cache
from trunkline.dialects.anthropic.errors import read_error, write_error, write_error_event
from trunkline.dialects.anthropic.file_api import FILE_API
from trunkline.dialects.anthropic.media import FORMS
from trunkline.dialects.anthropic.patch import is_unfit, patch
from trunkline.dialects.anthropic.reader import open_reader
from trunkline.dialects.anthropic.reply import read_reply, write_reply
from trunkline.dialects.anthropic.request import read_conversation, read_head, read_request
from trunkline.dialects.anthropic.tee import holds_end, tee_stream
from trunkline.dialects.anthropic.tee_reply import tee_reply
from trunkline.dialects.anthropic.writer import Writer
from trunkline.dialects.dialect import Dialect

DIALECT = Dialect(
    name="messages",
    conversation="messages",
    read_head=read_head,
    read_conversation=read_conversation,
    read_request=read_request,
    write_request=write_request,
    write_head=write_head,
    read_reply=read_reply,
    write_reply=write_reply,
    reader=open_reader,
    writer=Writer,
    read_error=read_error,
    write_error=write_error,
    write_error_event=write_error_event,
    tee=tee_stream,
    # No provider is known to bend this grammar, so there is nothing to straighten.
    mend=tee_stream,
    tee_reply=tee_reply,
    mend_reply=lambda body, _: tee_reply(body),
    answer_marks=(b'"content"',),
    patch=patch,
    is_unfit=is_unfit,
    media=FORMS,
    file_api=FILE_API,
    mark_cache=mark_cache,
    go_on=go_on,
    busy_statuses={503: 529},
    holds_end=holds_end,
    keep_alive=b'event: ping\ndata: {"type": "ping"}\n\n',
)
