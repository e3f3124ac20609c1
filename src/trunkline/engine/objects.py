"""Paths with the ids of kept objects in them: a table, asked when a path is none of the plain ones."""

from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from msgspec import Struct


class ObjectRoute(Struct, frozen=True):
    """What a method means for a path of this shape, and the dialect in which it is spoken."""

    operation: str
    dialect: str = "responses"


Methods = Mapping[str, ObjectRoute]

_ID = "{}"

SHAPES: Mapping[str, Methods] = {
    "/responses/{}": {"GET": ObjectRoute("response"), "DELETE": ObjectRoute("response_deletion")},
    "/responses/{}/cancel": {"POST": ObjectRoute("response_cancellation")},
    "/responses/{}/input_items": {"GET": ObjectRoute("input_items")},
    "/chat/completions": {"GET": ObjectRoute("completions", "chat")},
    "/chat/completions/{}": {
        "GET": ObjectRoute("completion", "chat"),
        "POST": ObjectRoute("completion_update", "chat"),
        "DELETE": ObjectRoute("completion_deletion", "chat"),
    },
    "/chat/completions/{}/messages": {"GET": ObjectRoute("completion_messages", "chat")},
    "/conversations": {"POST": ObjectRoute("conversation_creation")},
    "/conversations/{}": {
        "GET": ObjectRoute("conversation"),
        "POST": ObjectRoute("conversation_update"),
        "DELETE": ObjectRoute("conversation_deletion"),
    },
    "/conversations/{}/items": {
        "GET": ObjectRoute("conversation_items"),
        "POST": ObjectRoute("conversation_items_creation"),
    },
    "/conversations/{}/items/{}": {
        "GET": ObjectRoute("conversation_item"),
        "DELETE": ObjectRoute("conversation_item_deletion"),
    },
    "/files": {"GET": ObjectRoute("files"), "POST": ObjectRoute("file_upload")},
    "/files/{}": {"GET": ObjectRoute("file"), "DELETE": ObjectRoute("file_deletion")},
    "/files/{}/content": {"GET": ObjectRoute("file_content")},
    "/usage": {"GET": ObjectRoute("own_usage")},
}
"""By shape, without `/v1`. `{}` stands for an id; a shape with a word in its place is looked for first."""

ADMIN_SHAPES: Mapping[str, Methods] = {
    "/budgets": {"GET": ObjectRoute("budgets"), "POST": ObjectRoute("budget_creation")},
    "/budgets/{}": {
        "GET": ObjectRoute("budget"),
        "POST": ObjectRoute("budget_update"),
        "DELETE": ObjectRoute("budget_deletion"),
    },
    "/budgets/{}/reset": {"POST": ObjectRoute("budget_reset")},
    "/keys": {"GET": ObjectRoute("keys"), "POST": ObjectRoute("key_creation")},
    "/keys/{}": {"GET": ObjectRoute("key"), "POST": ObjectRoute("key_update"), "DELETE": ObjectRoute("key_deletion")},
    "/keys/{}/rotate": {"POST": ObjectRoute("key_rotation")},
    "/keys/{}/revoke": {"POST": ObjectRoute("key_revocation")},
    "/limits": {"GET": ObjectRoute("limits"), "POST": ObjectRoute("limit_creation")},
    "/limits/{}": {
        "GET": ObjectRoute("limit"),
        "POST": ObjectRoute("limit_update"),
        "DELETE": ObjectRoute("limit_deletion"),
    },
    "/limits/{}/reset": {"POST": ObjectRoute("limit_reset")},
    "/prompts": {"GET": ObjectRoute("prompts"), "POST": ObjectRoute("prompt_creation")},
    "/prompts/{}": {
        "GET": ObjectRoute("prompt"),
        "POST": ObjectRoute("prompt_update"),
        "DELETE": ObjectRoute("prompt_deletion"),
    },
    "/prompts/{}/versions": {"GET": ObjectRoute("prompt_versions"), "POST": ObjectRoute("prompt_version_creation")},
    "/prompts/{}/versions/{}": {"GET": ObjectRoute("prompt_version")},
    "/usage": {"GET": ObjectRoute("usage_list")},
    "/usage/{}": {"GET": ObjectRoute("usage")},
    "/usage/summary": {"GET": ObjectRoute("usage_summary")},
    "/usage/export": {"GET": ObjectRoute("usage_export")},
    "/usage/recalculate": {"POST": ObjectRoute("usage_recalculation")},
    "/audit": {"GET": ObjectRoute("audit_list")},
    "/audit/{}": {"GET": ObjectRoute("audit")},
    "/audit/export": {"GET": ObjectRoute("audit_export")},
    "/audit/live": {"GET": ObjectRoute("audit_live")},
    "/audit/sessions": {"GET": ObjectRoute("audit_sessions")},
    "/audit/sessions/{}": {"GET": ObjectRoute("audit_session")},
    "/acts": {"GET": ObjectRoute("acts")},
    "/acts/check": {"GET": ObjectRoute("acts_check")},
    "/erase": {"POST": ObjectRoute("erasure")},
    "/models": {"GET": ObjectRoute("admin_models")},
    "/settings": {"GET": ObjectRoute("settings")},
    "/openapi.json": {"GET": ObjectRoute("openapi")},
}
"""The same below `/admin/v1`."""


def find_object(path: str) -> tuple[Methods, tuple[str, ...]] | None:
    """What the methods of a path mean, and the ids that it holds, decoded; `None` for a path of no such shape."""
    words = path.split("/")[1:] or [""]
    shapes = _BY_WORDS
    if words[:2] == ["admin", "v1"]:
        shapes, words = _ADMIN_BY_WORDS, words[2:]
    elif words[0] == "v1":
        words = words[1:]
    for shape in _possible(words):
        methods = shapes.get(shape)
        if methods is not None:
            return methods, tuple(unquote(word) for word, part in zip(words, shape, strict=True) if part == _ID)
    return None


def _possible(words: list[str]) -> Iterator[tuple[str, ...]]:
    """The shapes that a path may have: objects stand behind the name of their kind, items behind that of theirs."""
    if not 1 <= len(words) <= 4 or not all(words):
        return
    yield tuple(words)
    if len(words) >= 2:
        yield (words[0], _ID, *words[2:])
        yield (*words[:2], _ID, *words[3:])
    if len(words) == 4:
        yield (words[0], _ID, words[2], _ID)


def _by_words(shapes: Mapping[str, Methods]) -> dict[tuple[str, ...], Methods]:
    return {tuple(shape.split("/")[1:]): methods for shape, methods in shapes.items()}


_BY_WORDS = _by_words(SHAPES)
_ADMIN_BY_WORDS = _by_words(ADMIN_SHAPES)
