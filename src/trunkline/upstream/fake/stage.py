"""What the fake answers to a request, whatever brought it: the model's answer on the right wire, or a script.

Knows neither sockets nor the engine's ports; keeps what it was asked, so that a test can look.
"""

import json
from collections import deque
from collections.abc import Callable, Collection, Mapping
from functools import partial
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, unquote

from msgspec import Struct

from trunkline.clock import Clock, Mint, SystemClock, mint
from trunkline.upstream.fake import chat, google, messages, responses
from trunkline.upstream.fake.embeddings import embed
from trunkline.upstream.fake.files import Shelf
from trunkline.upstream.fake.memory import Memory
from trunkline.upstream.fake.model import answer, count_input
from trunkline.upstream.fake.script import Performance, Script, direct
from trunkline.upstream.fake.wire import BadRequest, Body, Stamp, dump, require

EVERYTHING = frozenset(
    {
        "chat",
        "responses",
        "responses:count",
        "responses:compact",
        "messages",
        "count_tokens",
        "gemini",
        "gemini:count",
        "embeddings",
        "models",
        "files",
    }
)

_WIRES: Mapping[str, ModuleType] = {
    "chat": chat,
    "responses": responses,
    "messages": messages,
    "count_tokens": messages,
    "gemini": google,
    "gemini:count": google,
}

_ROUTES = {
    "/chat/completions": "chat",
    "/responses": "responses",
    "/responses/input_tokens": "responses:count",
    "/responses/compact": "responses:compact",
    "/messages": "messages",
    "/messages/count_tokens": "count_tokens",
    "/embeddings": "embeddings",
    "/models": "models",
}

# What Gemini's paths end with, and whether that streams.
_ACTIONS = {"generateContent": False, "streamGenerateContent": True}
_COUNTS = "countTokens"

# A test that asks more often than this looks at its last questions.
_REMEMBERED = 1000


class Received(Struct, frozen=True):
    """A request as it came in. Header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class Stage:
    """One fake upstream: its models, its key, what it speaks, its scripts, its files, and what it has received."""

    def __init__(
        self,
        scripts: Mapping[str, Script] | None = None,
        *,
        key: str | None = None,
        speaks: Collection[str] = EVERYTHING,
        models: Collection[str] = ("scripted-model",),
        clock: Clock | None = None,
        mint: Mint = mint,
    ) -> None:
        self.scripts = dict(scripts or {})
        self.received: deque[Received] = deque(maxlen=_REMEMBERED)
        self._key = key
        self._speaks = frozenset(speaks)
        self._models = tuple(models)
        self._clock = clock or SystemClock()
        self._mint = mint
        self._played: dict[str, int] = {}
        self._memory = Memory()
        self.files = Shelf(self._mint)

    def perform(self, request: Received) -> Performance:
        """The reply to one request, every refusal included."""
        self.received.append(request)
        path = request.path.partition("?")[0]
        refuse = _choose_refusal(request, path)
        try:
            return self._answer(request, path)
        except BadRequest as error:
            return _as_json(refuse(error.status, error.message, error.param, error.code), error.status)

    def _answer(self, request: Received, path: str) -> Performance:
        if self._key is not None and _key_of(request.headers) != self._key:
            raise BadRequest("Incorrect API key provided.", code="invalid_api_key", status=401)
        operation = next((name for end, name in _ROUTES.items() if path.endswith(end)), None)
        model_in_path, _, action = path.rpartition("/models/")[2].rpartition(":")
        if action in _ACTIONS:
            operation = "gemini"
        elif action == _COUNTS:
            operation = "gemini:count"
        if request.method == "GET" and "models" in self._speaks and "/models" in path:
            if _is_google(request, path):
                return _as_json({"models": [{"name": f"models/{name}"} for name in self._models]})
            return self._list_models(path, "anthropic-version" in request.headers)
        if "responses" in self._speaks and (id := _response_id(request.method, path)):
            return self._show_response(request, id)
        if "files" in self._speaks and (told := self.files.answer(request.method, path, request.headers, request.body)):
            return _as_json(told)
        if operation not in self._speaks:
            raise BadRequest(f"Unknown request URL: {request.method} {path}.", code="unknown_url", status=404)
        if request.method != "POST":
            raise BadRequest(f"Not allowed to {request.method} on {path}.", code="method_not_supported", status=405)
        body = _read_json(request.body)
        if operation == "gemini":
            body = {**body, "model": unquote(model_in_path), "stream": _ACTIONS[action]}
        elif operation == "gemini:count":
            body = {**google.read_to_count(body), "model": unquote(model_in_path)}
        self.files.check(body, request.headers)
        model = require(body, "model", str)
        script = self._take_script(model)
        wire = _WIRES.get(operation, chat)
        if script is not None and script.error is not None:
            plain = _as_json(wire.refuse(script.status, script.error.message, script.error.param, script.error.code))
        elif script is not None and script.chunks is not None:
            plain = _empty(body)
        else:
            plain = self._answer_plainly(operation, wire, body)
        return plain if script is None else direct(script, plain)

    def _take_script(self, model: str) -> Script | None:
        """The script of that name, unless it has been played out."""
        name = model.removeprefix("scripted/")
        script = self.scripts.get(name)
        if script is None:
            return None
        self._played[name] = self._played.get(name, 0) + 1
        return None if script.times is not None and self._played[name] > script.times else script

    def _answer_plainly(self, operation: str, wire: ModuleType, body: Body) -> Performance:
        if operation == "embeddings":
            return _as_json(embed(body))
        if operation == "count_tokens":
            return _as_json({"input_tokens": count_input(messages.read_to_count(body))})
        if operation == "gemini:count":
            return _as_json({"totalTokens": count_input(google.read(body))})
        if operation == "responses:count":
            return _as_json({"object": "response.input_tokens", "input_tokens": count_input(responses.read(body))})
        stamp = Stamp(partial(_mint_short, self._mint), self._clock.now_micros() // 1_000_000)
        if operation == "responses:compact":
            return _as_json(responses.compact(body, stamp))
        recalled = self._memory.recall(body) if operation == "responses" else body
        said = answer(wire.read(recalled))
        if not body.get("stream"):
            whole = wire.write(said, body, stamp)
            if operation == "responses":
                self._memory.keep(recalled, whole)
                whole = self._memory.begin(whole) if whole["background"] else whole
            return _as_json(whole)
        frames = wire.stream(said, body, stamp)
        if operation == "responses":
            self._memory.keep_stream(recalled, frames)
        return Performance(status=200, headers=_STREAMING, steps=tuple(frames))

    def _show_response(self, request: Received, id: str) -> Performance:
        query = parse_qs(request.path.partition("?")[2])
        if request.method == "POST":
            return _as_json(self._memory.call_off(id))
        if request.method == "DELETE":
            return _as_json(self._memory.forget(id))
        if query.get("stream") == ["true"]:
            frames = self._memory.play(id, int(query.get("starting_after", ["-1"])[0]))
            return Performance(status=200, headers=_STREAMING, steps=tuple(frames))
        return _as_json(self._memory.find(id))

    def _list_models(self, path: str, is_messages: bool) -> Performance:
        draw = _draw_messages_model if is_messages else _draw_model
        name = unquote(path.partition("/models")[2].strip("/"))
        if name:
            if name not in self._models:
                raise BadRequest(f"The model '{name}' does not exist.", code="model_not_found", status=404)
            return _as_json(draw(name))
        data = [draw(name) for name in self._models]
        if not is_messages:
            return _as_json({"object": "list", "data": data})
        first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
        return _as_json({"data": data, "has_more": False, "first_id": first, "last_id": last})


_JSON = {"content-type": "application/json", "x-request-id": "req_scripted"}
_STREAMING = {"content-type": "text/event-stream; charset=utf-8", "x-request-id": "req_scripted"}


def _as_json(value: Body, status: int = 200) -> Performance:
    return Performance(status=status, headers=_JSON, steps=(dump(value),))


def _empty(body: Body) -> Performance:
    return Performance(status=200, headers=_STREAMING if body.get("stream") else _JSON, steps=())


def _mint_short(mint: Mint, prefix: str) -> str:
    """An id whose end counts: a counting mint differs there and nowhere else."""
    return prefix + mint("")[-24:]


def _response_id(method: str, path: str) -> str:
    """The id of the response that is to be read, deleted or called off; empty for any other request."""
    if method == "POST":
        path, _, last = path.rpartition("/")
        if last != "cancel":
            return ""
    above, _, id = path.rpartition("/")
    return id if above.endswith("/responses") else ""


def _is_google(request: Received, path: str) -> bool:
    return "x-goog-api-key" in request.headers or path.rpartition(":")[2] in (*_ACTIONS, _COUNTS)


def _choose_refusal(request: Received, path: str) -> Callable[[int, str, str | None, str | None], dict[str, Any]]:
    """The envelope of the API that was asked."""
    if _is_google(request, path):
        return google.refuse
    return messages.refuse if "/messages" in path or "anthropic-version" in request.headers else chat.refuse


def _key_of(headers: Mapping[str, str]) -> str:
    return (
        headers.get("x-goog-api-key")
        or headers.get("x-api-key")
        or headers.get("authorization", "").removeprefix("Bearer ")
    )


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        raise BadRequest("We could not parse the JSON body of your request.") from None
    if not isinstance(value, dict):
        raise BadRequest("The body of your request is not an object.")
    return value


def _draw_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "scripted"}


def _draw_messages_model(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": "2026-01-02T00:00:00Z"}
