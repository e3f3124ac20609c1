"""Google's generateContent API: the dialect "gemini". Source: https://ai.google.dev/api/generate-content."""

from trunkline.dialects.dialect import Dialect
from trunkline.dialects.gemini.body import go_on, write_head, write_request
from trunkline.dialects.gemini.errors import read_error, write_error, write_error_event
from trunkline.dialects.gemini.file_api import FILE_API
from trunkline.dialects.gemini.media import FORMS
from trunkline.dialects.gemini.patch import is_unfit, patch
from trunkline.dialects.gemini.reader import open_reader
from trunkline.dialects.gemini.reply import read_reply, write_reply
from trunkline.dialects.gemini.request import read_conversation, read_head, read_request
from trunkline.dialects.gemini.tee import tee_stream
from trunkline.dialects.gemini.tee_reply import tee_reply
from trunkline.dialects.gemini.writer import Writer

DIALECT = Dialect(
    name="gemini",
    conversation="contents",
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
    answer_marks=(b'"candidates"', b'"promptFeedback"'),
    patch=patch,
    is_unfit=is_unfit,
    media=FORMS,
    file_api=FILE_API,
    go_on=go_on,
    # The SDK takes a comment for a piece of JSON; a blank line means nothing to it, nor within an array.
    keep_alive=b"\r\n\r\n",
    model_in_body=False,
)
