"""A caller's turns and their blocks → items.

Source: https://docs.anthropic.com/en/api/messages (messages, content blocks).
"""

import base64
from typing import Any

import msgspec
from msgspec.structs import replace

from trunkline.dialects.anthropic.blocks import DIALECT
from trunkline.dialects.anthropic.citations import read_annotations
from trunkline.dialects.anthropic.drawn import read_drawn
from trunkline.dialects.anthropic.found import RESULT, is_ours, read_found
from trunkline.dialects.dialect import Unseal
from trunkline.dialects.easy import read_easy_message
from trunkline.dialects.shapes import (
    Fields,
    missing,
    read_object,
    wrong_type,
    wrong_value,
)
from trunkline.errors import InvalidRequest
from trunkline.items import (
    Carrier,
    Extras,
    File,
    Image,
    Item,
    Message,
    OtherItem,
    OtherPart,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolOutput,
)

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}


def read_messages(body: Fields, unseal: Unseal) -> list[Item]:
    """The conversation. A turn that holds calls, results or thought becomes several items, in the order of its
    blocks."""
    turns = body.array("messages")
    if not turns:
        raise missing("messages", "an array with at least one message")
    items: list[Item] = []
    for number, turn in enumerate(turns):
        easy = read_easy_message(turn, _ROLES)
        if easy is not None:
            items.append(easy)
            continue
        fields = read_object(turn, f"messages[{number}]")
        role = fields.need_text("role")
        if role not in _ROLES:
            raise wrong_value(fields.at("role"), role, tuple(_ROLES))
        items += _Turn(_ROLES[role], unseal).read(fields)
    return items


class _Turn:
    """One turn on its way to items: parts gather in a message until something that is no part comes between."""

    def __init__(self, role: Role, unseal: Unseal) -> None:
        self._role = role
        self._unseal = unseal
        self._items: list[Item] = []
        self._parts: list[Part] = []

    def read(self, fields: Fields) -> list[Item]:
        content = fields.any("content")
        if self._role != "assistant":
            # What others have added to a model's own turn is passed over.
            fields.close()
        if type(content) is str:
            return [Message(role=self._role, parts=[Text(text=content)])]
        if type(content) is not list:
            raise wrong_type(fields.at("content"), "a string or an array of content blocks", content)
        for number, block in enumerate(content):
            self._add(read_object(block, f"{fields.at('content')}[{number}]"))
        self._flush()
        return self._items

    def _flush(self) -> None:
        if self._parts:
            self._items.append(Message(role=self._role, parts=self._parts))
            self._parts = []

    def _add(self, block: Fields) -> None:
        kind = block.need_text("type")
        item: Item | None = None
        if kind == "tool_result":
            item = read_tool_result(block)
        elif kind == "tool_use":
            item = read_tool_use(block)
        elif kind == "thinking":
            item = read_thinking(block, self._unseal)
        elif kind == "redacted_thinking":
            item = read_redacted(block, self._unseal)
        elif kind == RESULT and is_ours(block.value):
            item = read_found(block.value, self._take_use(block.text("tool_use_id")), self._unseal)
        elif kind == "image" and self._role == "assistant":
            item = read_drawn(block)
        elif kind not in _PARTS and self._role == "assistant":
            item = OtherItem(dialect=DIALECT, type=kind, value=block.value)
        if item is None:
            self._parts.append(read_part(block, kind))
            return
        self._flush()
        if self._is_of_a_call(item):
            return
        self._items.append(item)

    def _is_of_a_call(self, item: Item) -> bool:
        """Whether this is what Chat's providers sign a call with, told behind the call: then it is put back into it."""
        last = self._items[-1] if self._items else None
        if not isinstance(item, Reasoning) or not isinstance(last, ToolCall):
            return False
        if item.carrier is None or item.carrier.kind != "extra_content":
            return False
        self._items[-1] = replace(last, carrier=item.carrier)
        return True

    def _take_use(self, use_id: str | None) -> dict[str, Any]:
        """The use of a server's tool that a result belongs to, which says no more beside it."""
        for place, item in enumerate(self._items):
            if isinstance(item, OtherItem) and item.type == "server_tool_use" and item.value.get("id") == use_id:
                del self._items[place]
                return item.value
        return {}


def _extras(block: Fields) -> Extras:
    rest = block.rest()
    if rest:
        rest = {name: value for name, value in rest.items() if value is not None}
    return {DIALECT: rest} if rest else {}


# --- parts --------------------------------------------------------------------------------------------------------


def read_part(block: Fields, kind: str) -> Part:
    """One block that is a part of a message or of a tool's result; a type without a word of ours stays as it is."""
    read = _PARTS.get(kind)
    part = read(block) if read is not None else None
    return part or OtherPart(dialect=DIALECT, type=kind, value=block.value)


def read_text(block: Fields) -> Text:
    """A text block. Its citations stay as they are for Anthropic, and are annotations for the others."""
    text = block.need_text("text")
    return Text(text=text, annotations=read_annotations(block.value, text), extras=_extras(block))


def _read_image(block: Fields) -> Image | None:
    source = block.need_fields("source")
    kind = source.need_text("type")
    if kind == "base64":
        url = f"data:{source.need_text('media_type')};base64,{source.need_text('data')}"
        source.close()
        return Image(url=url, extras=_extras(block))
    if kind == "url":
        url = source.need_text("url")
        source.close()
        return Image(url=url, extras=_extras(block))
    if kind == "file":
        file_id = source.need_text("file_id")
        source.close()
        return Image(file_id=file_id, extras=_extras(block))
    return None


def _read_document(block: Fields) -> File | None:
    source = block.need_fields("source")
    kind = source.need_text("type")
    title = block.text("title")
    if kind == "base64":
        data = f"data:{source.text('media_type') or 'application/pdf'};base64,{source.need_text('data')}"
        source.close()
        return File(data=data, filename=title, extras=_extras(block))
    if kind == "text":
        encoded = base64.b64encode(source.need_text("data").encode("utf-8", "replace")).decode()
        data = f"data:{source.text('media_type') or 'text/plain'};base64,{encoded}"
        source.close()
        return File(data=data, filename=title, extras=_extras(block))
    if kind == "url":
        url = source.need_text("url")
        source.close()
        return File(url=url, filename=title, extras=_extras(block))
    if kind == "file":
        file_id = source.need_text("file_id")
        source.close()
        return File(file_id=file_id, filename=title, extras=_extras(block))
    return None


_PARTS: dict[str, Any] = {"text": read_text, "image": _read_image, "document": _read_document}


# --- items --------------------------------------------------------------------------------------------------------


def read_tool_use(block: Fields) -> ToolCall:
    call_id = block.need_text("id")
    name = block.need_text("name")
    given = block.object("input")
    try:
        arguments = msgspec.json.encode(given or {}).decode()
    except (UnicodeEncodeError, RecursionError) as error:
        raise InvalidRequest(f"`{block.at('input')}` is not valid JSON", param=block.at("input")) from error
    block.any("type")
    return ToolCall(call_id=call_id, name=name, arguments=arguments, extras=_extras(block))


def read_tool_result(block: Fields) -> ToolOutput:
    """A tool's result; one without content is the empty text."""
    content = block.any("content")
    output: str | list[Part] = ""
    if type(content) is str:
        output = content
    elif type(content) is list:
        output = [read_part(inner, inner.need_text("type")) for inner in block.each("content")]
    elif content is not None:
        raise wrong_type(block.at("content"), "a string or an array of content blocks", content)
    return ToolOutput(
        call_id=block.need_text("tool_use_id"),
        output=output,
        is_error=block.flag("is_error"),
        extras=_extras(block),
    )


def read_thinking(block: Fields, unseal: Unseal) -> Reasoning:
    """A step of thought. What was sealed here is opened; another signature is Anthropic's own."""
    text = block.text("thinking") or ""
    signature = block.text("signature") or ""
    carrier = unseal(signature) if signature else None
    if carrier is None and signature:
        carrier = Carrier(DIALECT, "signature", {"thinking": text, "signature": signature})
    paragraphs = [text] if text else []
    if carrier is not None and carrier.family == "chat":
        # Models behind Chat show their raw thought, and want it back as such.
        return Reasoning(content=paragraphs, carrier=carrier)
    return Reasoning(summary=paragraphs, carrier=carrier)


def read_redacted(block: Fields, unseal: Unseal) -> Reasoning:
    data = block.need_text("data")
    return Reasoning(carrier=unseal(data) or Carrier(DIALECT, "redacted", data))
