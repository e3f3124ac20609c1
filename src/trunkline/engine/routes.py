"""Raw path → operation: a table. Everything that is not in it is unknown, in the caller's own dialect."""

from urllib.parse import parse_qs, unquote

from msgspec import Struct
from msgspec.structs import replace

from trunkline.call import Call
from trunkline.engine.objects import find_object
from trunkline.errors import MethodNotAllowed, NotFound


class Route(Struct, frozen=True):
    """What a path means: the operation, and the dialect in which it is spoken (errors included).

    `model` and `stream` are what a path says that a body says elsewhere; `array` asks for a stream as one JSON array.
    `ids` are those that stand in the path, decoded. `kind` is what an administrator's path is about, the first word of
    most, which says what scope it takes.
    """

    operation: str
    dialect: str
    methods: tuple[str, ...] = ("POST",)
    model: str = ""
    stream: bool = False
    array: bool = False
    ids: tuple[str, ...] = ()
    kind: str = ""


_GET = ("GET", "HEAD")

_OPENAI = {
    "/chat/completions": Route("generate", "chat"),
    "/responses": Route("generate", "responses"),
    "/responses/compact": Route("compaction", "responses"),
    "/responses/input_tokens": Route("count_tokens", "responses"),
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
    "/metrics": Route("metrics", "chat", _GET, kind="usage"),
}

# What nobody would ask for in Google's way.
_PLAIN = ROUTES.keys() - {"/v1/models"}

_MODEL_PREFIXES = ("/v1/models/", "/models/")
_MODEL = Route("model", "chat", _GET)

ADMIN = "/admin/v1/"

_GOOGLE = "/v1beta/"
_GOOGLE_MODELS = ("/v1beta/models/", "/v1/models/")
_GOOGLE_ACTIONS = {
    "generateContent": Route("generate", "gemini"),
    "streamGenerateContent": Route("generate", "gemini", stream=True),
    "countTokens": Route("count_tokens", "gemini"),
}


def find_route(call: Call) -> Route:
    """The route of a call. Raises `NotFound` or `MethodNotAllowed`."""
    route = ROUTES.get(call.path)
    if route is None or route.operation == "models":
        route = _find_google(call) or route
    if route is None or call.method not in route.methods:
        route = _find_kept(call, route) or route
    if route is None:
        if call.path.startswith(_GOOGLE) or not model_id(call.path):
            raise NotFound(f"Unknown request URL: {call.method} {call.path[:256]}. The API is served below /v1")
        route = _MODEL
    if call.method not in route.methods:
        raise MethodNotAllowed(f"{call.path[:256]} takes {' and '.join(route.methods)}, not {call.method}")
    return route


def _find_kept(call: Call, plain: Route | None) -> Route | None:
    """The route of a kept object, or of a method that a plain path does not take. Raises `MethodNotAllowed`."""
    found = find_object(call.path)
    if found is None:
        return None
    methods, ids = found
    route = methods.get("GET" if call.method == "HEAD" else call.method)
    if route is not None:
        return Route(route.operation, route.dialect, (call.method,), ids=ids, kind=administered(call.path))
    taken = sorted({*methods, *(plain.methods if plain is not None else ())})
    raise MethodNotAllowed(f"{call.path[:256]} takes {' and '.join(taken)}, not {call.method}")


def administered(path: str) -> str:
    """The kind of objects that an administrator's path is about; empty for any other path."""
    return path.removeprefix(ADMIN).partition("/")[0] if path.startswith(ADMIN) else ""


def speaks_google(call: Call) -> bool:
    """Whether the caller would understand Google's shapes, and may present its key as Google's callers do.

    Below `/v1` the list of models is OpenAI's, but for callers with the header of Google's SDKs.
    """
    path = call.path
    if path in _PLAIN:
        return False
    if path.startswith(_GOOGLE):
        return True
    if path.startswith(_GOOGLE_MODELS) and path.rpartition(":")[2] in _GOOGLE_ACTIONS:
        return True
    return b"x-goog-api-key" in call.headers and (path == "/v1/models" or path.startswith("/v1/models/"))


def _find_google(call: Call) -> Route | None:
    """Google's routes, which say the model and the action in the path."""
    if not speaks_google(call):
        return None
    if call.path in ("/v1beta/models", "/v1/models"):
        return Route("models", "gemini", _GET)
    _, _, rest = call.path.partition("/models/")
    name, colon, action = rest.rpartition(":")
    if colon and name and call.path.startswith(_GOOGLE_MODELS) and action in _GOOGLE_ACTIONS:
        route = _GOOGLE_ACTIONS[action]
        array = route.stream and b"sse" not in parse_qs(call.query).get(b"alt", [])
        return replace(route, model=unquote(name).removeprefix("models/"), array=array)
    is_model = bool(rest) and call.path.startswith(_GOOGLE_MODELS)
    return Route("model", "gemini", _GET, model=unquote(rest)) if is_model and call.method in _GET else None


def model_id(path: str) -> str:
    """The id in `/v1/models/{id}`, still percent-encoded, or an empty string."""
    for prefix in _MODEL_PREFIXES:
        if path.startswith(prefix):
            return path[len(prefix) :]
    return ""


def speaks_anthropic(call: Call) -> bool:
    """Whether the caller would understand Anthropic's shapes: by path, and elsewhere by its version header."""
    return call.path.startswith("/v1/messages") or b"anthropic-version" in call.headers


def guess_dialect(call: Call) -> str:
    """The dialect in which an error is drawn before the path has been found to mean anything."""
    if speaks_google(call):
        return "gemini"
    return "messages" if speaks_anthropic(call) else "chat"
