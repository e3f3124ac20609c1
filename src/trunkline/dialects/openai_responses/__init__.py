"""OpenAI's Responses API, for callers and upstreams alike: the most expressive of the wires, whose items are ours.

Source: https://platform.openai.com/docs/api-reference/responses
"""

from trunkline.dialects.dialect import Dialect
from trunkline.dialects.openai_responses.body import write_head, write_request
from trunkline.dialects.openai_responses.errors import read_error, write_error, write_error_event
from trunkline.dialects.openai_responses.file_api import FILE_API
from trunkline.dialects.openai_responses.parts import DIALECT_NAME, FORMS
from trunkline.dialects.openai_responses.patch import patch
from trunkline.dialects.openai_responses.reader import Reader
from trunkline.dialects.openai_responses.reply import read_reply, write_reply
from trunkline.dialects.openai_responses.request import read_conversation, read_head, read_request
from trunkline.dialects.openai_responses.tee import Tee, holds_end
from trunkline.dialects.openai_responses.tee_reply import tee_reply
from trunkline.dialects.openai_responses.writer import Writer

DIALECT = Dialect(
    name=DIALECT_NAME,
    conversation="input",
    read_head=read_head,
    read_conversation=read_conversation,
    read_request=read_request,
    write_request=write_request,
    write_head=write_head,
    read_reply=read_reply,
    write_reply=write_reply,
    reader=Reader,
    writer=Writer,
    read_error=read_error,
    write_error=write_error,
    write_error_event=write_error_event,
    tee=Tee,
    # No provider is known whose Responses streams need straightening: what is odd in them the clients take.
    mend=Tee,
    tee_reply=tee_reply,
    mend_reply=lambda body, _: tee_reply(body),
    answer_marks=(b'"output"',),
    patch=patch,
    holds_end=holds_end,
    media=FORMS,
    file_api=FILE_API,
)
