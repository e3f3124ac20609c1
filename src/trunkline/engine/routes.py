"""Raw path → operation: a table. Everything that is not in it is unknown, in the caller's own dialect."""

from msgspec import Struct

from trunkline.call import Call
from trunkline.errors import MethodNotAllowed, NotFound


class Route(Struct, frozen=True):
    """What a path means: the operation, and the dialect in which it is spoken (errors included)."""

    operation: str
    dialect: str
    methods: tuple[str, ...] = ("POST",)


_GET = ("GET", "HEAD")

_OPENAI = {
    "/chat/completions": Route("generate", "chat"),
    "/responses": Route("generate", "responses"),
    "/embeddings": Route("embeddings", "chat"),
    "/models": Route("models", "chat", _GET),
}

PUBLIC = {
    "/health": Route("health", "chat", _GET),
    "/health/ready": Route("ready", "chat", _GET),
}
"""The only paths that are served without a key."""

ROUTES: dict[str, Route] = {
    # The commonest mistake in a base URL is a missing /v1, so the OpenAI routes answer without it as well.
    **_OPENAI,
    **{"/v1" + path: route for path, route in _OPENAI.items()},
    "/v1/messages": Route("generate", "messages"),
    "/v1/messages/count_tokens": Route("count_tokens", "messages"),
}

_MODEL_PREFIXES = ("/v1/models/", "/models/")
_MODEL = Route("model", "chat", _GET)


def find_route(call: Call) -> Route:
    """The route of a call. Raises `NotFound` or `MethodNotAllowed`."""
    route = ROUTES.get(call.path)
    if route is None:
        if not model_id(call.path):
            raise NotFound(f"Unknown request URL: {call.method} {call.path[:256]}. The API is served below /v1")
        route = _MODEL
    if call.method not in route.methods:
        raise MethodNotAllowed(f"{call.path[:256]} takes {' and '.join(route.methods)}, not {call.method}")
    return route


def model_id(path: str) -> str:
    """The id in `/v1/models/{id}`, still percent-encoded, or an empty string."""
    for prefix in _MODEL_PREFIXES:
        if path.startswith(prefix):
            return path[len(prefix) :]
    return ""


def speaks_anthropic(call: Call) -> bool:
    """Whether the caller would understand Anthropic's shapes: by path, and elsewhere by its version header."""
    return call.path.startswith("/v1/messages") or b"anthropic-version" in call.headers
