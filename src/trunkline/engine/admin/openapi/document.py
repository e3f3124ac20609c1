"""The OpenAPI 3.1 document of the admin API, made of the routes and of what is said of them."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

from trunkline import __version__
from trunkline.engine.admin.openapi.schemas import write_list, write_schemas, write_type
from trunkline.engine.admin.openapi.table import DESCRIBED, PARAMETERS, Described
from trunkline.engine.caller.scopes import SCOPES_OF_KINDS
from trunkline.engine.objects import ADMIN_SHAPES

_INFO = """\
Everything below `/admin/v1` takes the master key, or an issued key with the scope that each operation names, over its
path and what is below. Errors are those of OpenAI's API.
"""
_ID = "{}"
_NAMES = {"usage": "request", "audit": "request"}


@lru_cache(maxsize=1)
def write_document() -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "trunkline: administration", "version": __version__, "description": _INFO},
        "servers": [{"url": "/admin/v1"}],
        "security": [{"key": []}],
        "paths": {
            _name_ids(shape): {
                method.lower(): _write_operation(shape, method, route.operation) for method, route in methods.items()
            }
            for shape, methods in ADMIN_SHAPES.items()
        },
        "components": {
            "schemas": write_schemas(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "responses": {"Error": {"description": "What is wrong.", "content": _json({"$ref": _ref("Error")})}},
        },
    }


def _write_operation(shape: str, method: str, operation: str) -> dict[str, Any]:
    described = DESCRIBED[operation]
    kind = shape.split("/")[1]
    scope = SCOPES_OF_KINDS[kind] + (":read" if method == "GET" else "")
    written: dict[str, Any] = {
        "operationId": operation,
        "summary": described.summary,
        "description": f"Takes the scope `{scope}`.",
        "tags": [kind],
        "parameters": [*_write_ids(shape), *_write_query(described)],
        "responses": {"200": _write_answer(described), "default": {"$ref": "#/components/responses/Error"}},
    }
    if described.body:
        written["requestBody"] = {"required": True, "content": _json({"$ref": _ref(described.body)})}
    return written


def _write_answer(described: Described) -> dict[str, Any]:
    if described.media:
        content = {media: {"schema": {"type": "string"}} for media in described.media}
    elif described.answer.endswith("*"):
        content = _json(write_list(described.answer.removesuffix("*")))
    else:
        content = _json(write_type(described.answer))
    return {"description": "The answer.", "content": content}


def _write_query(described: Described) -> Iterator[dict[str, Any]]:
    for name in described.query:
        type, meaning = PARAMETERS[name]
        yield {"name": name, "in": "query", "description": meaning, "schema": {"type": type}}


def _write_ids(shape: str) -> Iterator[dict[str, Any]]:
    for name in _ids(shape):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _name_ids(shape: str) -> str:
    """`/prompts/{}/versions/{}` → `/prompts/{prompt}/versions/{version}`."""
    for name in _ids(shape):
        shape = shape.replace(_ID, f"{{{name}}}", 1)
    return shape


def _ids(shape: str) -> list[str]:
    """The name of each id: the kind that stands before it."""
    words = shape.split("/")[1:]
    return [_NAMES.get(before, before.removesuffix("s")) for before, word in pairwise(words) if word == _ID]


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> str:
    return f"#/components/schemas/{name}"
