"""Tools that Anthropic defines and the caller runs, as functions for the models of others.

They keep their names, so that calls of them are plain calls. Sources:
https://docs.anthropic.com/en/docs/agents-and-tools/tool-use (bash, text editor, memory, computer use).
"""

from typing import Any

from trunkline.dialects.lowering.json_shapes import INTEGER, POINT, STRING, object_schema
from trunkline.dialects.shapes import lenient_text
from trunkline.items import Extras, FunctionTool, OtherTool

_EDITOR_COMMANDS = ("view", "create", "str_replace", "insert")
_MEMORY_COMMANDS = (*_EDITOR_COMMANDS, "delete", "rename")
_COMPUTER_ACTIONS = (
    "key type mouse_move left_click left_click_drag right_click middle_click double_click triple_click screenshot"
    " cursor_position scroll wait hold_key left_mouse_down left_mouse_up zoom"
).split()

_EDITS = {
    "path": STRING,
    "file_text": STRING,
    "old_str": STRING,
    "new_str": STRING,
    "insert_line": INTEGER,
    "insert_text": STRING,
    "view_range": POINT,
}

_BASH = object_schema((), command=STRING, restart={"type": "boolean"})
_EDITOR = object_schema(("command", "path"), command={"type": "string", "enum": [*_EDITOR_COMMANDS]}, **_EDITS)
_OLD_EDITOR = object_schema(
    ("command", "path"), command={"type": "string", "enum": [*_EDITOR_COMMANDS, "undo_edit"]}, **_EDITS
)
_MEMORY = object_schema(
    ("command",),
    command={"type": "string", "enum": [*_MEMORY_COMMANDS]},
    **_EDITS,
    old_path=STRING,
    new_path=STRING,
)
_COMPUTER = object_schema(
    ("action",),
    action={"type": "string", "enum": _COMPUTER_ACTIONS},
    coordinate=POINT,
    start_coordinate=POINT,
    text=STRING,
    scroll_direction={"type": "string", "enum": ["up", "down", "left", "right"]},
    scroll_amount=INTEGER,
    duration={"type": "number"},
    region=POINT,
)

_ANTHROPIC: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("bash_", "bash", "Run a command in a persistent bash session; `restart` begins a new one.", _BASH),
    ("text_editor_20250728", "str_replace_based_edit_tool", "View, create and edit text files.", _EDITOR),
    ("text_editor_20250429", "str_replace_based_edit_tool", "View, create and edit text files.", _EDITOR),
    ("text_editor_", "str_replace_editor", "View, create and edit text files, and undo the last edit.", _OLD_EDITOR),
    (
        "memory_",
        "memory",
        "Read and write files under /memories, which last from one conversation to another.",
        _MEMORY,
    ),
    ("computer_toolset_", "", "", {}),
    ("computer_", "computer", "Use a computer by mouse, keyboard and screenshots.", _COMPUTER),
)
"""The beginning of a type's name, the tool's own name, what it does, its documented input; the first that fits."""


_SAID = frozenset(
    {"type", "name", "display_width_px", "display_height_px", "display_number", "enable_zoom", "max_characters"}
)


def unsaid(tool: OtherTool) -> Extras:
    """What a tool says beside what its function tells."""
    return {tool.dialect: {name: value for name, value in tool.value.items() if name not in _SAID}}


def as_function(tool: OtherTool) -> FunctionTool | None:
    """A tool that Anthropic defines and the caller runs, as a function; `None` for others."""
    row = next((row for row in _ANTHROPIC if tool.type.startswith(row[0])), None)
    if row is None or not row[1]:
        return None
    _, name, description, schema = row
    width, height = tool.value.get("display_width_px"), tool.value.get("display_height_px")
    if width and height:
        description += f" The screen is {width} pixels wide and {height} high; coordinates are [x, y]."
    return FunctionTool(name=lenient_text(tool.value.get("name")) or name, description=description, parameters=schema)
