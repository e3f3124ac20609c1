"""The items of a conversation as items that the target can be told.

Calls go under the names of the lowered tools, client tools' items become calls and outputs of their functions, what
hosted tools did is told in words, and what another family sealed is left out.
"""

from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.dialects.fates import SAYS_ERRORS
from trunkline.dialects.lowering import client_tools, told
from trunkline.dialects.lowering.cache_marks import MOST, Markable, carry_mark, is_marked, keep_last, takes_marks
from trunkline.dialects.lowering.extras import lower_extras
from trunkline.dialects.lowering.freeform import write_input
from trunkline.dialects.lowering.outcome import Notes
from trunkline.dialects.lowering.served import BLOCKS
from trunkline.dialects.lowering.toolbox import Toolbox
from trunkline.dialects.openai_responses.compaction import COMPACTION, is_block, tell_block
from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.errors import InvalidRequest, Unsupported
from trunkline.items import (
    File,
    Image,
    Item,
    Message,
    OtherItem,
    OtherPart,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolOutput,
)

# What is wrong with an output without its call, and with a call without its output, in each caller's own words.
_PAIRS = {
    "responses": (
        "No tool call found for function call output with call_id {}.",
        "No tool output found for function call {}.",
    ),
    "chat": (
        "`messages` holds a tool message for `tool_call_id` '{}', but no assistant message before it makes that call",
        "`messages` holds no tool message for the tool call '{}': answer each call of an assistant message",
    ),
    "messages": (
        "`messages` holds a `tool_result` for `tool_use_id` '{}', but no `tool_use` block before it has that id",
        "`messages` holds no `tool_result` for the `tool_use` block '{}': the next user turn must answer each",
    ),
    # Google's calls may have no ids: what is wrong is told of their number, as Google does.
    "gemini": (
        "`contents` holds a `functionResponse` that answers no `functionCall` before it",
        "`contents` holds a `functionCall` without its `functionResponse`: the next turn must answer each",
    ),
}

# What the caller calls its conversation, where it is not `messages`.
_HISTORIES = {"responses": "input", "gemini": "contents"}

# Wishes in parts that are told in words.
_WISHES = ("cache_control", "citations", "context")

# Longer ones are no ids, and an error is no mirror.
_ID_LIMIT = 64


class History:
    """One conversation being lowered, for one target."""

    def __init__(self, toolbox: Toolbox, upstream: str, capabilities: Capabilities, notes: Notes) -> None:
        self._toolbox = toolbox
        self._upstream = upstream
        self._has_custom = capabilities.custom_tools
        # Responses' writer says itself what of thought it leaves out.
        self._takes_thought = upstream == "responses" or (upstream == "chat" and bool(capabilities.reasoning_field))
        self._notes = notes
        self._has_blocks = False
        self._takes_marks = takes_marks(upstream, capabilities)
        self._marks = 0

    def lower(self, items: list[Item]) -> list[Item]:
        """The items that the target can be told, or an error that names the place of one that it cannot."""
        self._has_blocks = self._upstream == "messages" and any(map(_holds_blocks, items))
        begin = 0 if self._upstream == "messages" else _find_summary(items)
        kept: list[Item] = []
        for number, item in enumerate(items):
            if number < begin and not (isinstance(item, Message) and item.role in ("system", "developer")):
                continue
            if _is_plain(item):
                kept.append(item)
            else:
                kept += self._lower(item, f"input[{number}]")
        return keep_last(kept, self._upstream) if self._marks > MOST else kept

    def _lower(self, item: Item, path: str) -> list[Item]:
        match item:
            case Message():
                return [self._lower_message(item, path)]
            case Reasoning():
                return self._lower_reasoning(item)
            case ToolCall():
                return [self._lower_call(item, path)]
            case ToolOutput():
                return [self._lower_output(item, path)]
            case OtherItem():
                return [item] if item.dialect == self._upstream else self._lower_other(item, path)

    # --- messages and thought -----------------------------------------------------------------------------------

    def _lower_message(self, item: Message, path: str) -> Message:
        is_answer = item.role == "assistant"
        if item.phase is not None and self._upstream != "responses":
            self._notes.drop("phase")
        if item.name is not None and self._upstream != "chat":
            self._notes.drop("name")
        if item.extras:
            lower_extras(item.extras, self._upstream, path, self._notes, is_answer=is_answer)
        parts = self._lower_parts(item.parts, path, is_answer=is_answer, takes_marks=self._takes_marks)
        return item if parts is item.parts else replace(item, parts=parts)

    def _lower_parts(self, parts: list[Part], path: str, *, is_answer: bool, takes_marks: bool = False) -> list[Part]:
        changed = False
        kept: list[Part] = []
        for number, part in enumerate(parts):
            if isinstance(part, Image | File):
                self._note_hints(part)
            if isinstance(part, OtherPart):
                if part.dialect != self._upstream:
                    for name in _WISHES:
                        if part.value.get(name):
                            self._notes.drop(name)
                    part, changed = _tell_part(part, f"{path}.content[{number}]"), True
            elif part.extras:
                if takes_marks:
                    part = self._carry_mark(part)
                    changed = changed or part is not parts[number]
                place = f"{path}.content[{number}]"
                lower_extras(part.extras, self._upstream, place, self._notes, is_answer=is_answer)
            kept.append(part)
        return kept if changed else parts

    def _note_hints(self, part: Image | File) -> None:
        """What is said of media that only some wires have a word for."""
        if isinstance(part, File):
            if part.filename is not None and self._upstream == "gemini":
                self._notes.drop("filename")
        elif part.detail not in (None, "auto") and self._upstream not in ("responses", "chat"):
            self._notes.drop("detail")

    def _carry_mark(self, part: Markable) -> Markable:
        part = carry_mark(part, self._upstream)
        self._marks += is_marked(part, self._upstream)
        return part

    def _lower_reasoning(self, item: Reasoning) -> list[Item]:
        carrier = item.carrier
        if carrier is None:
            if not self._takes_thought and (item.summary or item.content):
                self._notes.drop("reasoning")
            return [item]
        if carrier.family == "messages" and carrier.kind == BLOCKS:
            # Towards others the items beside it say what was done.
            return told.restore_blocks(carrier) if self._upstream == "messages" else []
        if carrier.family == self._upstream:
            return [item]
        # What another family made is useless or harmful here: its text may stay, its seal may not.
        self._notes.drop("reasoning")
        return [replace(item, carrier=None)]

    # --- calls and outputs --------------------------------------------------------------------------------------

    def _lower_call(self, item: ToolCall, path: str) -> ToolCall:
        if item.extras:
            lower_extras(item.extras, self._upstream, path, self._notes, is_answer=True)
        if item.carrier is not None and item.carrier.family != self._upstream:
            item = replace(item, carrier=None)
        if item.kind == "custom" and not self._has_custom:
            item = replace(item, kind="function", arguments=write_input(item.arguments))
        if item.namespace is not None and self._upstream == "responses":
            return item
        name = self._toolbox.names.called(item.name, item.namespace)
        if name == item.name and item.namespace is None:
            return item
        return replace(item, name=name, namespace=None)

    def _lower_output(self, item: ToolOutput, path: str) -> ToolOutput:
        if item.extras:
            lower_extras(item.extras, self._upstream, path, self._notes, is_answer=False)
        if item.is_error and self._upstream not in SAYS_ERRORS:
            self._notes.drop("is_error")
        if isinstance(item.output, list):
            parts = self._lower_parts(item.output, path, is_answer=False)
            item = item if parts is item.output else replace(item, output=parts)
        return item if item.kind == "function" or self._has_custom else replace(item, kind="function")

    # --- items of another dialect -------------------------------------------------------------------------------

    def _lower_other(self, item: OtherItem, path: str) -> list[Item]:
        if item.type == "additional_tools":
            # Already in the toolbox.
            return []
        if item.type in ("tool_search_call", "tool_search_output") and item.value.get("execution") == "client":
            return [self._lower_client_search(item)]
        if (known := client_tools.read_item(item, self._toolbox.kinds)) is not None:
            return [self._lower_call(known, path) if isinstance(known, ToolCall) else known]
        if self._has_blocks and told.is_shown_by_blocks(item):
            return []
        if item.type == COMPACTION and item.dialect == "messages":
            return [tell_block(item)] if is_block(item) else []
        if item.type == COMPACTION:
            raise Unsupported(
                f"`{path}` is a compaction that another provider has sealed, and this model cannot read it: name a model"
                " of that provider, or compact the conversation through this gateway",
                param=path,
            )
        words = told.tell(item)
        if words is None:
            raise Unsupported(
                f"`{path}` is of type `{item.type}`, which this model cannot take: leave it out", param=path
            )
        return words

    def _lower_client_search(self, item: OtherItem) -> Item:
        call_id = lenient_text(item.value.get("call_id"))
        if item.type == "tool_search_call":
            arguments = client_tools.encode(lenient_object(item.value.get("arguments")))
            name = self._toolbox.names.called("tool_search", None)
            return ToolCall(call_id=call_id, name=name, arguments=arguments)
        names = [lenient_text(lenient_object(tool).get("name")) for tool in lenient_list(item.value.get("tools"))]
        return ToolOutput(call_id=call_id, output=f"Found, and ready to be called: {', '.join(names) or 'nothing'}.")


def _is_plain(item: Item) -> bool:
    """Whether there is nothing in an item that any target could lack, as in most: it is a text or a function's
    output."""
    if type(item) is ToolOutput:
        return type(item.output) is str and item.kind == "function" and not item.is_error and not item.extras
    if type(item) is not Message or item.extras or item.phase or item.name or len(item.parts) != 1:
        return False
    only = item.parts[0]
    return type(only) is Text and not only.extras


def _find_summary(items: list[Item]) -> int:
    """Where the last block stands that sums up what came before it; 0 where there is none."""
    return max([number for number, item in enumerate(items) if type(item) is OtherItem and is_block(item)], default=0)


def _holds_blocks(item: Item) -> bool:
    carrier = item.carrier if type(item) is Reasoning else None
    return carrier is not None and carrier.family == "messages" and carrier.kind == BLOCKS


def _tell_part(part: OtherPart, path: str) -> Text:
    """A part that only another dialect knows, in words. Raises `Unsupported` where words would not do."""
    value = part.value
    source = lenient_object(value.get("source"))
    has_words = part.type == "search_result" or (part.type == "document" and source.get("type") == "content")
    if part.dialect == "messages" and has_words:
        content = value.get("content") or source.get("content")
        texts = (
            [content]
            if isinstance(content, str)
            else [lenient_object(block).get("text") for block in lenient_list(content)]
        )
        told = [value.get("title"), value.get("source"), *texts]
        return Text(text="\n".join(text for text in told if isinstance(text, str) and text))
    if part.dialect == "messages" and part.type == "tool_reference":
        return Text(text=f"Found, and ready to be called: {lenient_text(value.get('tool_name'))}.")
    raise Unsupported(f"`{path}` is of type `{part.type}`, which this model cannot take: leave it out", param=path)


_WITH_TOOLS = frozenset({"additional_tools", "tool_search_output"})


def hold_tools(items: list[Item]) -> bool:
    """Whether any of these brings tools with it."""
    return any(type(item) is OtherItem and item.type in _WITH_TOOLS for item in items)


def gather_tools(items: list[Item], toolbox: Toolbox) -> None:
    """Tools that came later than the request's own: told by the developer, or found by a search."""
    for number, item in enumerate(items):
        if type(item) is OtherItem and item.type in _WITH_TOOLS:
            toolbox.add_found(item.value.get("tools"), f"input[{number}]")


def check_pairs(items: list[Item], caller: str) -> None:
    """Every call has its output and every output its call, or the provider would answer with a riddle."""
    calls = {item.call_id for item in items if type(item) is ToolCall}
    outputs = {item.call_id for item in items if type(item) is ToolOutput}
    if calls == outputs:
        return
    without_call, without_output = _PAIRS.get(caller, _PAIRS["responses"])
    param = _HISTORIES.get(caller, "messages")
    for item in items:
        if isinstance(item, ToolOutput) and item.call_id not in calls:
            raise InvalidRequest(without_call.format(item.call_id[:_ID_LIMIT]), param=param)
        if isinstance(item, ToolCall) and item.call_id not in outputs:
            raise InvalidRequest(without_output.format(item.call_id[:_ID_LIMIT]), param=param)
