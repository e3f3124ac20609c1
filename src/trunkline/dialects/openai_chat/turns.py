"""Items → Chat messages: one assistant message a turn, outputs right after their calls, wherever they stood.

Chat knows no order within a turn: reasoning, then text, then calls. A text after a call joins the text before it.
"""

from typing import Any, assert_never

from trunkline.capabilities import Capabilities
from trunkline.dialects.openai_chat.parts import join_texts, write_content
from trunkline.dialects.openai_chat.reasoning import write_reasoning
from trunkline.dialects.turns import PLACEHOLDER, Outputs
from trunkline.errors import Unsupported
from trunkline.items import Image, Item, Message, OtherItem, Part, Reasoning, Refusal, Text, ToolCall, ToolOutput


class _Turn:
    """One assistant message in the making."""

    def __init__(self) -> None:
        self.reasoning: list[Reasoning] = []
        self.messages: list[Message] = []
        self.calls: list[ToolCall] = []


class Turns:
    """Builds `messages`. Raises `Unsupported` for what Chat has no shape for."""

    def __init__(
        self, instructions: str | None, items: list[Item], capabilities: Capabilities, dropped: list[str]
    ) -> None:
        self.messages: list[dict[str, Any]] = []
        self._capabilities = capabilities
        self._dropped = dropped
        self._turn = _Turn()
        # Reasoning after a text belongs to what comes next: calls of the same turn, or the next message.
        self._late: list[Reasoning] = []
        self._outputs = Outputs(items)
        # What the tool messages of a turn cannot hold, until the last of them has been written.
        self._pictures: list[dict[str, Any]] = []
        if instructions:
            self.messages.append({"role": "system", "content": instructions})
        for number, item in enumerate(items):
            self._add(item, f"input[{number}]")
        self._flush_turn()
        if not self.messages:
            self.messages.append({"role": "user", "content": PLACEHOLDER})

    def _add(self, item: Item, path: str) -> None:
        match item:
            case Message() if item.role == "assistant":
                if self._turn.messages and not self._turn.calls:
                    late, self._late = self._late, []
                    self._flush_turn()
                    self._turn.reasoning = late
                self._turn.messages.append(item)
            case Message():
                self._flush_turn()
                self._add_message(item, path)
            case ToolOutput():
                # Written behind the turn that called, which is over with the first.
                self._flush_turn()
            case ToolCall():
                self._turn.reasoning += self._late
                self._late = []
                self._turn.calls.append(item)
            case Reasoning():
                (self._late if self._turn.messages and not self._turn.calls else self._turn.reasoning).append(item)
            case OtherItem():
                raise Unsupported(
                    f"`{path}` is of type `{item.type}`, which this model cannot take: leave it out", param=path
                )
            case _:
                assert_never(item)

    # --- callers and tools --------------------------------------------------------------------------------------

    def _add_message(self, item: Message, path: str) -> None:
        role = item.role
        if role == "developer" and not self._capabilities.developer_role:
            role = "system"
        message: dict[str, Any] = {"role": role, "content": write_content(item.parts, self._capabilities, path)}
        self.messages.append(message | self._write_own(item) if item.name is not None or item.extras else message)

    def _write_own(self, item: Message) -> dict[str, Any]:
        """What Chat has to say of a message beside who says what."""
        return {**self._write_name(item), **item.extras.get("chat", {})}

    def _write_name(self, item: Message) -> dict[str, Any]:
        if item.name is None:
            return {}
        if self._capabilities.message_names:
            return {"name": item.name}
        if "name" not in self._dropped:
            self._dropped.append("name")
        return {}

    def _answer(self, calls: list[ToolCall]) -> None:
        """The results of a turn, in the order of its calls, then what only a user's message can hold of them."""
        for call in calls:
            if (output := self._outputs.take(call.call_id)) is not None:
                self._add_output(output)
        if self._pictures:
            self.messages.append({"role": "user", "content": self._pictures})
            self._pictures = []

    def _add_output(self, item: ToolOutput) -> None:
        if isinstance(item.output, str):
            content = item.output
        else:
            plain: list[Part] = [part for part in item.output if isinstance(part, Text | Refusal)]
            others: list[Part] = [part for part in item.output if not isinstance(part, Text | Refusal)]
            content = join_texts(plain)
            if others:
                self._hold_pictures(item.call_id, others)
                content = content or "(The result is in the next message.)"
        message = {"role": "tool", "tool_call_id": item.call_id, "content": content}
        self.messages.append({**message, **item.extras.get("chat", {})} if item.extras else message)

    def _hold_pictures(self, call_id: str, parts: list[Part]) -> None:
        """Tool messages hold text alone: pictures and files follow in a user message that says whose they are."""
        what = "Images" if all(isinstance(part, Image) for part in parts) else "Files"
        label: Part = Text(text=f"{what} from the result of tool call {call_id}:")
        written = write_content([label, *parts], self._capabilities, "input")
        self._pictures += written if isinstance(written, list) else []

    # --- assistant ----------------------------------------------------------------------------------------------

    def _flush_turn(self) -> None:
        turn, late = self._turn, self._late
        if not (turn.messages or turn.calls or turn.reasoning or late):
            return
        self._turn, self._late = _Turn(), []
        thought = [*turn.reasoning, *late]
        replay = write_reasoning(thought, self._capabilities.reasoning_field) if thought else {}
        if not (turn.messages or turn.calls or replay):
            return
        content = "".join([join_texts(message.parts, "") for message in turn.messages])
        message: dict[str, Any] = {"role": "assistant", "content": content}
        if not content and (turn.calls or any(item.extras.get("chat") for item in turn.messages)):
            message["content"] = None
        for item in turn.messages:
            if item.name is not None or item.extras:
                message |= self._write_own(item)
        message |= replay
        if turn.calls:
            message["tool_calls"] = [_write_call(call) for call in turn.calls]
        self.messages.append(message)
        if turn.calls:
            self._answer(turn.calls)


def _write_call(call: ToolCall) -> dict[str, Any]:
    field = "arguments" if call.kind == "function" else "input"
    arguments = call.arguments or ("{}" if call.kind == "function" else "")
    written: dict[str, Any] = {
        "id": call.call_id,
        "type": call.kind,
        call.kind: {"name": call.name, field: arguments},
    }
    if call.extras:
        written |= call.extras.get("chat", {})
    carrier = call.carrier
    if carrier is not None and carrier.family == "chat" and carrier.kind == "extra_content":
        written["extra_content"] = carrier.payload
    return written
