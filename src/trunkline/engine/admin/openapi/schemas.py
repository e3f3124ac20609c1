"""The schemas of what the admin API takes and answers, in few words: JSON Schema is made of them.

A member is written as its type: `string`, `integer`, `boolean`, `object`, `any`, the name of another schema, `[…]` for
an array, `{…}` for an object of such values; with `?` behind it, it may be null.
"""

from collections.abc import Mapping
from typing import Any

from trunkline.engine.admin.usage.query import APARTS
from trunkline.engine.admin.usage.shapes import BUCKETS

Members = Mapping[str, str]

_USAGE = dict.fromkeys((*BUCKETS, "total_input_tokens", "total_output_tokens"), "integer")
_COST = {"cost": "string?", "cost_nanos": "integer?"}

_REQUEST = {
    "id": "string",
    "object": "string",
    "created_at": "integer",
    "started_at": "string",
    "path": "string",
    "key_id": "string",
    "key": "string",
    "labels": "{string}",
    "session": "string",
    "operation": "string",
    "dialect": "string",
    "stream": "boolean",
    "model_asked": "string",
    "provider": "string",
    "model": "string",
    "status": "integer",
    "outcome": "string",
    "error_code": "string",
    "attempt_count": "integer",
    "duration_micros": "integer",
    "first_byte_micros": "integer?",
    "usage": "Usage",
    **_COST,
    "estimated": "boolean",
}
_TRAIL = {
    "peer": "string",
    "method": "string",
    "url": "string",
    "route": "string",
    "error_detail": "string",
    "dropped": "[string]",
    "emulated": "[string]",
    "trace": "string",
    "request_bytes": "integer",
    "bodies": "string",
    "upstream_request_id": "string",
}
_KEY = {
    "id": "string",
    "object": "string",
    "name": "string",
    "path": "string",
    "labels": "{string}",
    "models": "[string]?",
    "scopes": "[string]",
    "status": "string",
    "created_at": "integer?",
    "created_by": "string?",
    "expires_at": "integer?",
    "revoked_at": "integer?",
    "overlaps_until": "integer?",
    "waits_for_new_hash": "boolean",
    "declared_in": "string?",
}
_LIMIT_SAID = {
    "match": "{string}",
    "requests": "integer",
    "tokens": "integer",
    "concurrent": "integer",
    "per": "string",
    "zone": "string",
    "each": "string?",
}
_BUDGET_SAID = {
    "name": "string",
    "match": "{string}",
    "dollars": "string",
    "per": "string",
    "zone": "string",
    "unpriced": "string",
    "on_low": "string",
    "owner": "string",
    "webhook": "object?",
    "shares": "[integer]",
}
_CHANGEABLE = {
    "name": "string",
    "labels": "{string}?",
    "models": "[string]?",
    "scopes": "[string]",
    "expires_at": "integer?",
}

ANSWERS: Mapping[str, Members] = {
    "Key": _KEY,
    "IssuedKey": {**_KEY, "key": "string"},
    "Limit": {
        "id": "string",
        "object": "string",
        "match": "{string}",
        "declared": "boolean",
        "created_at": "integer?",
        "use": "object?",
    },
    "Budget": {
        **_BUDGET_SAID,
        "object": "string",
        "declared": "boolean",
        "reset_at": "string?",
        "status": "object?",
    },
    "Prompt": {
        "id": "string",
        "object": "string",
        "name": "string",
        "created_at": "integer",
        "default_version": "string",
    },
    "PromptVersion": {
        "object": "string",
        "prompt_id": "string",
        "version": "string",
        "created_at": "integer",
        "body": "object",
    },
    "Deleted": {"object": "string", "deleted": "boolean"},
    "Usage": _USAGE,
    "UsageRequest": _REQUEST,
    "UsageAttempt": {
        "request_id": "string",
        "object": "string",
        "position": "integer",
        "started_at": "string",
        "provider": "string",
        "model": "string",
        "aside": "boolean",
        "status": "integer",
        "outcome": "string",
        "error_code": "string",
        "duration_micros": "integer",
        "first_byte_micros": "integer?",
        "tier": "string",
        "usage": "Usage",
        **_COST,
        "cost_source": "string",
        "rates": "[any]?",
        "estimated": "boolean",
        "upstream_request_id": "string",
    },
    "UsageRequestWithAttempts": {**_REQUEST, "attempts": "[UsageAttempt]"},
    "UsageSum": {
        "object": "string",
        "requests": "integer",
        "attempts": "integer",
        "failed": "integer",
        "cancelled": "integer",
        "unpriced": "integer",
        "estimated": "integer",
        "usage": "Usage",
        **_COST,
    },
    "UsageSums": {
        "object": "string",
        "start": "string",
        "end": "string",
        "data": "[UsageSum]",
        "has_more": "boolean",
    },
    "UsageRecalculation": {
        "object": "string",
        "dry_run": "boolean",
        "requests": "integer",
        "attempts": "integer",
        "changed_attempts": "integer",
        "cost_before": "string",
        "cost_before_nanos": "integer",
        "cost_after": "string",
        "cost_after_nanos": "integer",
        "last_id": "string?",
        "has_more": "boolean",
    },
    "AuditTrail": _TRAIL,
    "AuditEntry": {**_REQUEST, **_TRAIL},
    "AuditDetail": {**_REQUEST, "trail": "AuditTrail?", "attempts": "[UsageAttempt]", "said": "Said?"},
    "AuditTurn": {**_REQUEST, "trail": "AuditTrail?", "said": "Said?"},
    "AuditSession": {
        "id": "string",
        "object": "string",
        "path": "string",
        "first_at": "string",
        "last_at": "string",
        "last_request_id": "string",
        "requests": "integer",
        "failed": "integer",
        **_COST,
    },
    "Said": {"headers": "{string}", "request": "SaidBody", "sent": "[SentBody]", "reply": "SaidBody"},
    "SaidBody": {"text": "string", "bytes": "integer", "cut": "boolean", "folded": "boolean"},
    "SentBody": {"target": "string", "as_it_came": "boolean", "body": "SaidBody?"},
    "ActAuthor": {"key_id": "string", "key": "string", "path": "string", "peer": "string"},
    "Act": {
        "id": "string",
        "object": "string",
        "number": "integer",
        "at": "string",
        "author": "ActAuthor",
        "kind": "string",
        "object_id": "string",
        "path": "string",
        "details": "object?",
        "hash": "string",
    },
    "ActsCheck": {
        "object": "string",
        "sound": "boolean",
        "entries": "integer",
        "head": "string?",
        "broken": "integer?",
        "why": "string",
    },
    "Setting": {"object": "string", "name": "string", "value": "string", "source": "string"},
    "Price": dict.fromkeys(("input", "cached_input", "cache_write", "output", "source"), "string"),
    "Target": {"name": "string", "provider": "string", "model": "string", "price": "Price?"},
    "Model": {"object": "string", "id": "string", "alias": "boolean", "targets": "[Target]"},
    "Erasure": {"object": "string", "path": "string", "erased": "{integer}"},
    "Document": {"openapi": "string", "info": "object", "paths": "object", "components": "object"},
    "ErrorBody": {"message": "string", "type": "string", "param": "string?", "code": "string?"},
    "Error": {"error": "ErrorBody"},
}
"""Every member of these is there; there may be more, as those of a limit that are of its kind."""

BODIES: Mapping[str, tuple[Members, tuple[str, ...]]] = {
    "NewKey": ({**_CHANGEABLE, "path": "string"}, ("name", "path")),
    "KeyChanges": (_CHANGEABLE, ()),
    "Rotation": ({"overlap_seconds": "integer"}, ()),
    "NewLimit": (_LIMIT_SAID, ()),
    "NewBudget": (_BUDGET_SAID, ()),
    "NewPrompt": ({"name": "string", "body": "object"}, ("name", "body")),
    "PromptChanges": ({"name": "string", "default_version": "string"}, ()),
    "NewPromptVersion": ({"body": "object", "is_default": "boolean"}, ("body",)),
    "ErasedPath": ({"path": "string"}, ("path",)),
}
"""What may be sent, and which of it must be. Nothing else is taken."""

_PLAIN = frozenset({"string", "integer", "boolean", "object"})


def write_schemas() -> dict[str, Any]:
    """All schemas, as JSON Schema."""
    schemas: dict[str, Any] = {
        name: {"type": "object", "properties": _write_members(members), "required": list(members)}
        for name, members in ANSWERS.items()
    }
    for name, (members, required) in BODIES.items():
        schemas[name] = {"type": "object", "properties": _write_members(members), "additionalProperties": False}
        if required:
            schemas[name]["required"] = list(required)
    # By whatever it is taken apart, that is there as well.
    schemas["UsageSum"]["properties"] |= {apart: {"type": "string"} for apart in APARTS}
    return schemas


def write_list(name: str) -> dict[str, Any]:
    """The schema of a list of these."""
    null = [{"type": "string"}, {"type": "null"}]
    return {
        "type": "object",
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "items": write_type(name)},
            "first_id": {"anyOf": null},
            "last_id": {"anyOf": null},
            "has_more": {"type": "boolean"},
        },
        "required": ["object", "data", "has_more"],
    }


def write_type(text: str) -> dict[str, Any]:
    if text.endswith("?"):
        return {"anyOf": [write_type(text[:-1]), {"type": "null"}]}
    if text.startswith("["):
        return {"type": "array", "items": write_type(text[1:-1])}
    if text.startswith("{"):
        return {"type": "object", "additionalProperties": write_type(text[1:-1])}
    if text == "any":
        return {}
    return {"type": text} if text in _PLAIN else {"$ref": f"#/components/schemas/{text}"}


def _write_members(members: Members) -> dict[str, Any]:
    return {name: write_type(text) for name, text in members.items()}
