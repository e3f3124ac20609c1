"""Chat messages → items. One assistant message may hold reasoning, text and calls: each becomes an item."""

from typing import Any, Literal

from trunkline.dialects.dialect import Unseal
from trunkline.dialects.easy import read_easy_message
from trunkline.dialects.openai_chat.calls import read_arguments
from trunkline.dialects.openai_chat.easy import read_calling_turn, read_result
from trunkline.dialects.openai_chat.message import LAST
from trunkline.dialects.openai_chat.parts import read_content
from trunkline.dialects.openai_chat.reasoning import read_reasoning, split_content
from trunkline.dialects.openai_chat.tools import chat_extras
from trunkline.dialects.shapes import Fields, lenient_object, lenient_text, missing, read_object, wrong_value
from trunkline.errors import InvalidRequest
from trunkline.items import Carrier, Item, Message, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolOutput

_ROLES: dict[str, Role] = {"system": "system", "developer": "developer", "user": "user"}
_EASY_ROLES: dict[str, Role] = {**_ROLES, "assistant": "assistant"}


class History:
    """The items of a conversation, message by message."""

    def __init__(self, unseal: Unseal) -> None:
        self.items: list[Item] = []
        self._unseal = unseal
        # The old `function_call` has no id: its output follows, by name.
        self._legacy_calls = 0

    def read(self, value: Any, path: str) -> None:
        """Take one message in. Raises `InvalidRequest`."""
        easy = read_easy_message(value, _EASY_ROLES)
        if easy is not None:
            self.items.append(easy)
        elif not self._read_plain(value):
            self._read(read_object(value, path))

    def _read_plain(self, value: Any) -> bool:
        """Take in what is of a plain shape; says whether it was."""
        role = value.get("role") if type(value) is dict else None
        if role == "assistant" and (items := read_calling_turn(value)) is not None:
            self.items += items
            return True
        if role == "tool" and (result := read_result(value)) is not None:
            call_id = result.tool_call_id
            self.items.append(ToolOutput(call_id=call_id, output=result.content, kind=self._find_kind(call_id)))
            return True
        return False

    def _read(self, message: Fields) -> None:
        role = message.need_text("role")
        match role:
            case "assistant":
                self._read_assistant(message)
            case "tool":
                self._read_output(message)
            case "function":
                self._read_legacy_output(message)
            case _ if role in _ROLES:
                parts = read_content(message)
                if message.any("content") is None:
                    raise missing(message.at("content"), "a string or an array of parts")
                name = message.text("name")
                extras = chat_extras(message.rest())
                self.items.append(Message(role=_ROLES[role], parts=parts, name=name, extras=extras))
            case _:
                raise wrong_value(message.at("role"), role, (*_ROLES, "assistant", "tool", "function"))

    # --- assistant ----------------------------------------------------------------------------------------------

    def _read_assistant(self, message: Fields) -> None:
        steps, parts = self._read_reasoning(message), self._read_parts(message)
        name = message.text("name")
        calls = [self._read_call(call) for call in message.each("tool_calls")]
        legacy = message.fields("function_call")
        if legacy is not None:
            calls.append(self._read_legacy_call(legacy))
        # Clients send back what replies had, empty lists and all.
        rest = message.rest()
        extras = chat_extras(
            {field: value for field, value in rest.items() if value not in (None, [], {})} if rest else {}
        )
        placed = {call.call_id for call in calls}
        reasoning = [step for before, step in steps if before not in placed and before != LAST]
        self.items += reasoning
        if parts or extras or name or not (calls or steps):
            self.items.append(Message(role="assistant", parts=parts, name=name, extras=extras))
        for call in calls:
            self.items += [step for before, step in steps if before == call.call_id]
            self.items.append(call)
        self.items += [step for before, step in steps if before == LAST]

    def _read_parts(self, message: Fields) -> list[Part]:
        content = message.any("content")
        if type(content) is list and any(lenient_object(part).get("type") == "thinking" for part in content):
            # Mistral's: the thinking is an item of its own.
            text = split_content(content)[1]
            parts: list[Part] = [Text(text=text)] if text else []
        else:
            parts = [part for part in read_content(message) if part != Text(text="")]
        refusal = message.text("refusal")
        return [*parts, Refusal(refusal=refusal)] if refusal else parts

    def _read_reasoning(self, message: Fields) -> list[tuple[str, Reasoning]]:
        """What the client kept of the reasoning, in whichever spelling it got it, and the call that each step precedes.

        Without a call (an empty id) it precedes the text, with the word for it, it is behind all.
        """
        details = message.array("reasoning_details")
        blocks = message.array("thinking_blocks")
        text = read_reasoning(message.any("reasoning_content"), message.any("reasoning"), details)
        if not text:
            text = split_content(message.any("content"))[0]
        carriers = self._unseal_details(details or [])
        if blocks and not carriers:
            return [("", self._read_block(lenient_object(block))) for block in blocks]
        if not carriers:
            return [("", Reasoning(content=[text]))] if text else []
        # One sealed value is one step; which text belonged to which is in the values themselves.
        (before, first), *rest = carriers
        steps = [(before, Reasoning(content=[text] if text else [], carrier=first))]
        return steps + [(before, Reasoning(carrier=carrier)) for before, carrier in rest]

    def _unseal_details(self, details: list[Any]) -> list[tuple[str, Carrier]]:
        carriers: list[tuple[str, Carrier]] = []
        own: list[Any] = []
        for detail in details:
            fields = lenient_object(detail)
            opened = self._unseal(lenient_text(fields.get("data")))
            if opened is not None:
                carriers.append((lenient_text(fields.get("id")), opened))
            else:
                own.append(detail)
        return [*carriers, ("", Carrier("chat", "reasoning_details", own))] if own else carriers

    def _read_block(self, block: dict[str, Any]) -> Reasoning:
        thinking = lenient_text(block.get("thinking"))
        opaque = lenient_text(block.get("signature")) or lenient_text(block.get("data"))
        carrier = self._unseal(opaque) if opaque else None
        if carrier is None:
            carrier = Carrier("chat", "thinking_blocks", block)
        return Reasoning(content=[thinking] if thinking else [], carrier=carrier)

    def _read_call(self, call: Fields) -> ToolCall:
        call_id = call.need_text("id")
        kind = call.text("type") or "function"
        extra_content = call.any("extra_content")
        carrier = self._read_call_carrier(extra_content) if extra_content else None
        # Some clients send the stream's index back; it says nothing here.
        call.any("index")
        if kind == "custom":
            custom = call.need_fields("custom")
            return ToolCall(
                call_id=call_id,
                name=custom.need_text("name"),
                arguments=custom.need_text("input"),
                kind="custom",
                carrier=carrier,
                extras=chat_extras(call.rest()),
            )
        if kind != "function":
            raise wrong_value(call.at("type"), kind, ("function", "custom"))
        function = call.need_fields("function")
        return ToolCall(
            call_id=call_id,
            name=function.need_text("name"),
            arguments=read_arguments(function.any("arguments")) or "{}",
            carrier=carrier,
            extras=chat_extras(call.rest()),
        )

    def _read_call_carrier(self, extra_content: Any) -> Carrier:
        google = lenient_object(lenient_object(extra_content).get("google"))
        opened = self._unseal(lenient_text(google.get("thought_signature")))
        return Carrier("chat", "extra_content", extra_content) if opened is None else opened

    def _read_legacy_call(self, call: Fields) -> ToolCall:
        self._legacy_calls += 1
        arguments = read_arguments(call.any("arguments")) or "{}"
        return ToolCall(call_id=self._legacy_id(), name=call.need_text("name"), arguments=arguments)

    def _legacy_id(self) -> str:
        return f"call_function_{self._legacy_calls}"

    # --- outputs ------------------------------------------------------------------------------------------------

    def _read_output(self, message: Fields) -> None:
        call_id = message.text("tool_call_id")
        if call_id is None:
            raise InvalidRequest(
                f"`{message.at('role')}` is 'tool' but the message carries no `tool_call_id`",
                param=message.at("tool_call_id"),
                code="missing_required_parameter",
            )
        message.any("name")
        output, kind = self._read_output_content(message), self._find_kind(call_id)
        self.items.append(ToolOutput(call_id=call_id, output=output, kind=kind, extras=chat_extras(message.rest())))

    def _find_kind(self, call_id: str) -> Literal["function", "custom"]:
        """The kind of the call that an output answers."""
        for item in reversed(self.items):
            if type(item) is ToolCall and item.call_id == call_id:
                return item.kind
        return "function"

    def _read_legacy_output(self, message: Fields) -> None:
        message.need_text("name")
        output = self._read_output_content(message)
        self.items.append(ToolOutput(call_id=self._legacy_id(), output=output, extras=chat_extras(message.rest())))

    def _read_output_content(self, message: Fields) -> str | list[Part]:
        content = message.any("content")
        if content is None:
            return ""
        return content if type(content) is str else read_content(message)
