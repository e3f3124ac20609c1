"""T-68: tools that one API defines and the caller runs, for the models of others."""

import json
from typing import Any

import pytest
from crossings import Crossed, call, user

from trunkline.errors import Garbled, InvalidRequest, Unsupported
from trunkline.items import OtherItem, ToolCall

PICTURE = "data:image/png;base64,AAAA"


def from_messages(tool: Any, upstream: str = "chat") -> Crossed:
    return Crossed({"messages": [user()], "tools": [tool]}, "messages", upstream)


def from_responses(tool: Any, *history: Any, upstream: str = "chat", **fields: Any) -> Crossed:
    return Crossed({"input": [user(), *history], "tools": [tool], **fields}, "responses", upstream)


@pytest.mark.parametrize(
    ("tool", "member"),
    [
        ({"type": "bash_20250124", "name": "bash"}, "command"),
        ({"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"}, "old_str"),
        ({"type": "text_editor_20250124", "name": "str_replace_editor"}, "view_range"),
        ({"type": "memory_20250818", "name": "memory"}, "old_path"),
        ({"type": "computer_20251124", "name": "computer", "display_width_px": 9, "display_height_px": 8}, "action"),
    ],
)
@pytest.mark.parametrize("upstream", ["chat", "responses"])
def test_t68_anthropics_tools_are_functions_elsewhere(tool: Any, member: str, upstream: str) -> None:
    """With their documented input, under their own names, so that calls need no way back."""
    seen = from_messages(tool, upstream)
    [written] = seen.body["tools"]
    function = written.get("function", written)
    assert function["name"] == tool["name"]
    assert member in function["parameters"]["properties"]
    assert seen.emulated == ["tools[0]"]
    [item] = seen.answer(call(tool["name"], "{}")).items
    assert isinstance(item, ToolCall)
    assert (item.kind, item.name) == ("function", tool["name"])


def test_t68_a_toolset_of_many_names_is_refused() -> None:
    """Its calls are blocks of their own kind."""
    with pytest.raises(Unsupported) as caught:
        from_messages({"type": "computer_toolset_20260801"})
    assert caught.value.param == "tools[0]"


CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "shell",
        {"commands": ["ls"], "timeout_ms": 5},
        {"action": {"commands": ["ls"], "timeout_ms": 5, "max_output_length": None}},
    ),
    ("local_shell", {"command": ["ls"]}, {"action": {"type": "exec", "command": ["ls"], "env": {}}}),
    (
        "apply_patch",
        {"operation": {"type": "delete_file", "path": "a"}},
        {"operation": {"type": "delete_file", "path": "a"}},
    ),
    ("computer", {"actions": [{"type": "wait"}]}, {"actions": [{"type": "wait"}], "pending_safety_checks": []}),
    (
        "computer_use_preview",
        {"action": {"type": "wait"}},
        {"action": {"type": "wait"}, "pending_safety_checks": []},
    ),
]


@pytest.mark.parametrize(("kind", "arguments", "members"), CASES)
@pytest.mark.parametrize("upstream", ["chat", "messages"])
def test_openais_tools_come_back_as_their_own_items(
    kind: str, arguments: Any, members: dict[str, Any], upstream: str
) -> None:
    """The model calls a function; the caller sees the item that its SDK knows."""
    seen = from_responses({"type": kind}, upstream=upstream)
    [tool] = seen.body["tools"]
    assert (tool.get("function") or tool)["name"] == kind
    [item] = seen.answer(call(kind, json.dumps(arguments))).items
    assert isinstance(item, OtherItem)
    assert item.type == ("computer_call" if kind.startswith("computer") else f"{kind}_call")
    assert item.value["call_id"] == "call_1"
    assert item.value["status"] == "completed"
    assert {name: item.value[name] for name in members} == members


@pytest.mark.parametrize("kind", ["shell", "apply_patch", "computer"])
def test_their_items_are_told_as_calls_again(kind: str) -> None:
    """What came back once must be understood when it is sent."""
    outputs: dict[str, Any] = {
        "shell": [{"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}],
        "apply_patch": "ok",
        "computer": {"type": "computer_screenshot", "image_url": PICTURE},
    }
    arguments = next(arguments for name, arguments, _ in CASES if name == kind)
    [item] = from_responses({"type": kind}).answer(call(kind, json.dumps(arguments))).items
    assert isinstance(item, OtherItem)
    output = {"type": f"{kind}_call_output", "call_id": "call_1", "output": outputs[kind], "status": "completed"}
    messages = from_responses({"type": kind}, item.value, output).body["messages"]
    told = messages[1]["tool_calls"][0]["function"]
    assert told["name"] == kind
    assert json.loads(told["arguments"]) == arguments
    assert messages[2]["role"] == "tool"
    if kind == "computer":
        assert messages[3]["content"][1]["image_url"]["url"] == PICTURE


def test_a_local_shells_output_may_name_its_call_by_id() -> None:
    """The SDK's type has no `call_id`."""
    history = [
        {
            "type": "local_shell_call",
            "id": "lsh_1",
            "call_id": "c1",
            "status": "completed",
            "action": {"type": "exec", "command": ["ls"], "env": {}},
        },
        {"type": "local_shell_call_output", "id": "c1", "output": "a"},
    ]
    assert from_responses({"type": "local_shell"}, *history).body["messages"][2]["content"] == "a"


def test_a_patch_without_its_output_is_refused() -> None:
    """FR-16 holds for every kind of call."""
    lone = {
        "type": "apply_patch_call",
        "call_id": "c1",
        "status": "completed",
        "operation": {"type": "delete_file", "path": "a"},
    }
    with pytest.raises(InvalidRequest, match="No tool output found for function call c1"):
        from_responses({"type": "apply_patch"}, lone)


def test_a_call_that_fits_no_item_is_an_error() -> None:
    """The caller's SDK has no place for it, and a guess could do harm."""
    answer = from_responses({"type": "shell"}).answer(call("shell", '{"commands":7}'))
    assert isinstance(answer.error, Garbled)
    assert answer.items == []


def test_a_call_that_was_cut_off_makes_no_item() -> None:
    """Half a command is none."""
    cut = ToolCall(call_id="c", name="shell", arguments='{"comm', status="incomplete")
    answer = from_responses({"type": "shell"}).answer(cut, finish="length")
    assert answer.items == []
    assert answer.finish == "length"


def test_a_repeated_call_id_is_made_anew() -> None:
    """Some providers count calls from 0 in every answer."""
    history = [
        {"type": "shell_call", "call_id": "call_1", "action": {"commands": ["ls"]}, "status": "completed"},
        {"type": "shell_call_output", "call_id": "call_1", "output": []},
    ]
    [item] = from_responses({"type": "shell"}, *history).answer(call("shell", '{"commands":["ls"]}')).items
    assert isinstance(item, OtherItem)
    assert item.value["call_id"] not in ("", "call_1")


def test_a_forced_patch_is_a_forced_function() -> None:
    """Its choice names a type."""
    seen = from_responses({"type": "apply_patch"}, tool_choice={"type": "apply_patch"})
    assert seen.body["tool_choice"] == {"type": "function", "function": {"name": "apply_patch"}}


@pytest.mark.parametrize(
    "environment", [{"type": "container_auto"}, {"type": "container_reference", "container_id": "c"}]
)
def test_t67_a_shell_in_openais_own_container_is_refused(environment: Any) -> None:
    """Nobody else has one."""
    with pytest.raises(Unsupported) as caught:
        from_responses({"type": "shell", "environment": environment})
    assert (caught.value.code, caught.value.param) == ("unsupported_tool", "tools[0]")


def test_t67_a_computer_without_eyes_is_refused() -> None:
    """Its screenshots would be for nothing."""
    with pytest.raises(Unsupported):
        Crossed({"input": "x", "tools": [{"type": "computer"}]}, "responses", "chat", images=False)
