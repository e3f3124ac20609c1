"""OpenAI's Chat Completions API: for callers that speak it, and for every provider that does, straight or crooked.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from trunkline.dialects.dialect import Dialect
from trunkline.dialects.openai_chat.body import write_head, write_request
from trunkline.dialects.openai_chat.cache_points import mark_cache
from trunkline.dialects.openai_chat.errors import read_error, write_error, write_error_event
from trunkline.dialects.openai_chat.mend import Mend
from trunkline.dialects.openai_chat.mend_reply import mend_reply
from trunkline.dialects.openai_chat.parts import FORMS
from trunkline.dialects.openai_chat.patch import ask_for_usage, is_unfit, patch
from trunkline.dialects.openai_chat.put_back import put_back
from trunkline.dialects.openai_chat.reader import Reader
from trunkline.dialects.openai_chat.reply import read_reply, write_reply
from trunkline.dialects.openai_chat.request import read_conversation, read_head, read_request
from trunkline.dialects.openai_chat.tee import Tee, holds_end
from trunkline.dialects.openai_chat.tee_reply import tee_reply
from trunkline.dialects.openai_chat.writer import Writer
from trunkline.dialects.openai_responses.file_api import FILE_API

DIALECT = Dialect(
    name="chat",
    conversation="messages",
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
    mend=Mend,
    tee_reply=tee_reply,
    mend_reply=mend_reply,
    answer_marks=(b'"choices"',),
    patch=patch,
    is_unfit=is_unfit,
    ask_for_usage=ask_for_usage,
    drops_thought=True,
    put_back=put_back,
    holds_end=holds_end,
    media=FORMS,
    file_api=FILE_API,
    mark_cache=mark_cache,
)
