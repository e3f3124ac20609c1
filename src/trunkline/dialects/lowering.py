"""What the target cannot hold → what it can. One neutral pass between reading the caller and writing to the upstream.

`lower` returns a request that the target's writer can hold whole, and a `Lowering`: what was left out or emulated, and
how to give the answer back in the caller's terms. Refuses, naming the parameter, what would change the answer's shape
or meaning. Knows no wire.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.clock import Mint
from trunkline.dialects import emulation
from trunkline.dialects.fates import EXTRAS, IDLE_EXTRAS, IDLE_VALUES, SETTINGS, Fate, caller_name
from trunkline.errors import InvalidRequest, UnknownParameter, Unsupported
from trunkline.events import Event
from trunkline.items import (
    CustomTool,
    FunctionTool,
    Item,
    OtherItem,
    OtherTool,
    Reasoning,
    ToolCall,
    ToolOutput,
)
from trunkline.request import ModelRequest, ModelSettings

Restore = Callable[[list[Event]], list[Event]]


def as_they_are(events: list[Event]) -> list[Event]:
    """Nothing to restore."""
    return events


class Lowering(Struct, frozen=True, kw_only=True):
    """What lowering did. `dropped` and `emulated` are the caller's own field names.

    `restore()` makes, for one reply, the function that turns the target's events into what the caller asked for.
    """

    dropped: list[str] = field(default_factory=list)
    emulated: list[str] = field(default_factory=list)
    restore: Callable[[], Restore] = lambda: as_they_are


def lower(
    request: ModelRequest, caller: str, upstream: str, capabilities: Capabilities, mint: Mint
) -> tuple[ModelRequest, Lowering]:
    """A request that a target speaking `upstream` with these `capabilities` can hold, for a caller speaking `caller`.

    Raises `Unsupported` or `UnknownParameter` for what has no home there, `InvalidRequest` for a broken history.
    """
    dropped: list[str] = []
    emulated: list[str] = []
    _refuse_state(request)
    _check_pairs(request.items)
    request = replace(
        request,
        settings=_lower_settings(request.settings, caller, upstream, capabilities, dropped),
        items=_lower_items(request.items, upstream, dropped),
        unknown=_lower_unknown(request, capabilities),
    )
    _lower_extras(request, caller, upstream, dropped)
    _check_tools(request, upstream, capabilities)
    request = _lower_effort(request, caller, capabilities, upstream, dropped)
    request = _lower_call_ids(request, capabilities)
    if capabilities.tools == "emulated" and request.tools:
        request, restore = emulation.lower_tools(request, mint)
        emulated.append("tools")
        return request, Lowering(dropped=dropped, emulated=emulated, restore=restore)
    return request, Lowering(dropped=dropped, emulated=emulated)


def _refuse_state(request: ModelRequest) -> None:
    for name in ("previous_response_id", "conversation", "prompt"):
        if getattr(request, name) is not None:
            raise Unsupported(
                f"`{name}` needs a store, which this gateway does not have for this model yet: send the whole"
                " history in `input` instead",
                param=name,
            )


def _lower_settings(
    settings: ModelSettings, caller: str, upstream: str, capabilities: Capabilities, dropped: list[str]
) -> ModelSettings:
    fates = SETTINGS[upstream]
    without: dict[str, Any] = {}
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if value is None:
            continue
        fate = fates.get(name, Fate.REFUSED)
        if fate not in (Fate.DROPPED, Fate.REFUSED) or name in capabilities.fields:
            continue
        without[name] = None
        if name in IDLE_VALUES and value == IDLE_VALUES[name]:
            continue
        asked = caller_name(caller, name)
        if fate is Fate.REFUSED:
            raise Unsupported(
                f"`{asked}` is not possible with this model: leave it out or name another model", param=asked
            )
        dropped.append(asked)
    return replace(settings, **without) if without else settings


def _lower_unknown(request: ModelRequest, capabilities: Capabilities) -> dict[str, Any]:
    for name in request.unknown:
        if name not in capabilities.fields:
            raise UnknownParameter(
                f"Unknown parameter `{name}`: leave it out, or put a provider's own fields into"
                ' `provider_options: {"<provider>": {…}}`',
                param=name,
            )
    return request.unknown


def _lower_extras(request: ModelRequest, caller: str, upstream: str, dropped: list[str]) -> None:
    if caller == upstream:
        return
    for name, value in request.extras.get(caller, {}).items():
        if value is None or (name in IDLE_EXTRAS and value == IDLE_EXTRAS[name]):
            continue
        if EXTRAS.get(name, Fate.REFUSED) is Fate.REFUSED:
            raise Unsupported(
                f"`{name}` is not possible with this model: leave it out or name another model", param=name
            )
        dropped.append(name)


def _lower_items(items: list[Item], upstream: str, dropped: list[str]) -> list[Item]:
    kept: list[Item] = []
    for number, item in enumerate(items):
        match item:
            case OtherItem() if item.dialect != upstream:
                raise Unsupported(
                    f"`input[{number}]` is of type `{item.type}`, which this model cannot take: leave it out",
                    param=f"input[{number}]",
                )
            case Reasoning(carrier=carrier) if carrier is not None and carrier.family != upstream:
                # What another family made is useless or harmful here: its text may stay, its seal may not.
                _note(dropped, "reasoning")
                kept.append(replace(item, carrier=None))
            case ToolCall(carrier=carrier) if carrier is not None and carrier.family != upstream:
                kept.append(replace(item, carrier=None))
            case _:
                kept.append(item)
    return kept


def _note(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _check_pairs(items: list[Item]) -> None:
    """Every call has its output and every output its call, or the provider would answer with a riddle."""
    calls = {item.call_id for item in items if isinstance(item, ToolCall)}
    outputs = {item.call_id for item in items if isinstance(item, ToolOutput)}
    for item in items:
        if isinstance(item, ToolOutput) and item.call_id not in calls:
            raise InvalidRequest(
                f"No tool call found for function call output with call_id {item.call_id}.", param="input"
            )
        if isinstance(item, ToolCall) and item.call_id not in outputs:
            raise InvalidRequest(f"No tool output found for function call {item.call_id}.", param="input")


def _check_tools(request: ModelRequest, upstream: str, capabilities: Capabilities) -> None:
    for number, tool in enumerate(request.tools):
        match tool:
            case OtherTool() if tool.dialect != upstream:
                kind = tool.type
            case CustomTool() if not capabilities.custom_tools:
                kind = "custom"
            case FunctionTool() if capabilities.tools == "none":
                kind = "function"
            case _:
                continue
        raise Unsupported(
            f"`tools[{number}]` is of type `{kind}`, which this model does not have: leave it out or name another model",
            code="unsupported_tool",
            param=f"tools[{number}]",
        )
    choice = request.tool_choice
    if (
        choice is not None
        and choice.other is not None
        and not any(isinstance(tool, OtherTool) for tool in request.tools)
    ):
        raise Unsupported("`tool_choice` names a tool that this model does not have", param="tool_choice")
    if choice is not None and choice.mode == "tool" and choice.name is not None:
        names = {tool.name for tool in request.tools if not isinstance(tool, OtherTool)}
        if choice.name not in names and choice.kind in ("function", "custom"):
            raise InvalidRequest(
                f"`tool_choice` names `{choice.name}`, which is not among `tools`", param="tool_choice"
            )


def _lower_effort(
    request: ModelRequest, caller: str, capabilities: Capabilities, upstream: str, dropped: list[str]
) -> ModelRequest:
    """Leave out an effort where the target has no such dial; `none` asks for nothing there."""
    reasoning = request.reasoning
    if reasoning is None or reasoning.effort is None:
        return request
    has_dial = capabilities.thinking != "none" if upstream == "messages" else capabilities.effort
    if has_dial:
        return request
    dropped.append(caller_name(caller, "effort"))
    return replace(request, reasoning=replace(reasoning, effort=None))


# --- call ids ---------------------------------------------------------------------------------------------------

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def short_id(call_id: str, length: int) -> str:
    """A call id of exactly `length` letters and digits: itself if it is one, else made from it, the same each time.

    Only requests need it: what such a target makes itself is fit for every caller.
    """
    if len(call_id) == length and call_id.isascii() and call_id.isalnum():
        return call_id
    number = 0
    for byte in call_id.encode("utf-8", "surrogatepass"):
        number = (number * 1_000_003 + byte + 1) % (62**length - 59)
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(digits)


def _lower_call_ids(request: ModelRequest, capabilities: Capabilities) -> ModelRequest:
    length = capabilities.call_id_digits
    if not length:
        return request
    return replace(
        request,
        items=[
            replace(item, call_id=short_id(item.call_id, length)) if isinstance(item, ToolCall | ToolOutput) else item
            for item in request.items
        ],
    )
