"""generateContent as Gemini speaks it. Source: https://ai.google.dev/api/generate-content.

Insists, as Gemini 3 does, on a thought signature with the first call of each step, and on its own ids; a model that is
called like an older one does without the signature.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from trunkline.upstream.fake.google_json import settle
from trunkline.upstream.fake.model import Answer, Ask, Entry, Tool, ToolCall, split_text
from trunkline.upstream.fake.wire import BadRequest, Body, Stamp, check_choice, check_name, check_pairs, dump, require

_FINISH = {"stop": "STOP", "stop_sequence": "STOP", "length": "MAX_TOKENS", "calls": "STOP"}
_MODES = {"AUTO": "auto", "VALIDATED": "auto", "NONE": "none", "ANY": "required"}
_ENUM = "text/x.enum"
_OLDER = ("gemini-1", "gemini-2")
_SKIP = "skip_thought_signature_validator"


def read(body: Body) -> Ask:
    """What is asked, or `BadRequest`."""
    body = settle(body)
    contents = require(body, "contents", list)
    if not contents:
        raise BadRequest("contents is not specified", param="contents")
    entries: list[Entry] = []
    instruction = body.get("systemInstruction") or {}
    if not isinstance(instruction, Mapping):
        raise BadRequest("Invalid value at 'system_instruction'.", param="system_instruction")
    system = _texts(instruction.get("parts") or [])
    if system:
        entries.append(Entry("system", system))
    signs = not str(body.get("model", "")).startswith(_OLDER)
    for at, content in enumerate(contents):
        entries += _read_content(content, f"contents[{at}]", entries, signs=signs)
    config = body.get("generationConfig") or {}
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    ask = Ask(
        entries=check_pairs(entries, "contents"),
        tools=tuple(_read_tools(body)),
        choice=_read_choice(calling),
        schema=_read_schema(config),
        is_bare=config.get("responseMimeType") == _ENUM,
        limit=config.get("maxOutputTokens"),
        stops=tuple(config.get("stopSequences") or ()),
        reasons=bool((config.get("thinkingConfig") or {}).get("includeThoughts")),
    )
    return check_choice(ask, "toolConfig")


def read_to_count(body: Body) -> Body:
    """The request that is to be counted: contents alone, or a whole one wrapped, but not both."""
    wrapped = body.get("generateContentRequest")
    if wrapped is None:
        if set(body) - {"contents"}:
            raise BadRequest(f"Invalid JSON payload received. Unknown name {max(set(body) - {'contents'})!r}.")
        return body
    if "contents" in body or not str(wrapped.get("model", "")).startswith("models/"):
        raise BadRequest("A wrapped request needs a model, and stands alone.", param="generateContentRequest")
    return dict(wrapped)


def _texts(parts: list[Any]) -> str:
    """The words of parts; what is no text is named by its kind: `[inlineData]`."""
    words = []
    for part in parts:
        if isinstance(part, Mapping):
            named = next((f"[{name}]" for name in ("inlineData", "fileData") if name in part), "")
            words.append(part.get("text") or named)
    return " ".join(word for word in words if word)


def _read_content(content: Any, where: str, before: list[Entry], *, signs: bool) -> list[Entry]:
    role = (content.get("role") or "user") if isinstance(content, Mapping) else None
    parts = content.get("parts") if isinstance(content, Mapping) else None
    if role not in ("user", "model", "function") or not isinstance(parts, list) or not parts:
        raise BadRequest("Please use a valid role: user, model, and at least one part.", param=where)
    entries: list[Entry] = []
    words = _texts([part for part in parts if not part.get("thought")])
    if words:
        entries.append(Entry("assistant" if role == "model" else "user", words))
    calls = [part for part in parts if "functionCall" in part]
    for at, part in enumerate(calls):
        _check_signature(part, signs and at == 0, where)
        call = part["functionCall"]
        entries.append(Entry("call", dump(call.get("args") or {}).decode(), call.get("id") or "", call["name"]))
    results = [
        Entry("output", _result_text(part["functionResponse"]), part["functionResponse"].get("id") or "")
        for part in parts
        if "functionResponse" in part
    ]
    # Whatever stands between them, results answer before anything new is said.
    return [*_pair(results, before), *_name_calls(entries, before)]


def _check_signature(part: Mapping[str, Any], is_needed: bool, where: str) -> None:
    signature = part.get("thoughtSignature")
    call = part["functionCall"]
    if is_needed and signature is None:
        raise BadRequest("Function call is missing a thought_signature in functionCall parts.", param=where)
    if signature not in (None, _SKIP, _sign(call["name"], call.get("args") or {})):
        raise BadRequest("Corrupted thought signature.", param=where)


def _name_calls(entries: list[Entry], before: list[Entry]) -> list[Entry]:
    """Calls of other makers have no ids here: they are told apart by their place."""
    return [
        Entry(entry.kind, entry.text, entry.call_id or f"#{len(before) + at}", entry.name)
        if entry.kind == "call"
        else entry
        for at, entry in enumerate(entries)
    ]


def _pair(results: list[Entry], before: list[Entry]) -> list[Entry]:
    answered = {entry.call_id for entry in before if entry.kind == "output"}
    waiting = [entry.call_id for entry in before if entry.kind == "call" and entry.call_id not in answered]
    if len(results) != len(waiting) and results:
        raise BadRequest("The number of function response parts must equal that of function call parts.")
    return [Entry("output", entry.text, waiting[at]) for at, entry in enumerate(results)]


def _result_text(result: Mapping[str, Any]) -> str:
    response = result.get("response")
    if not isinstance(response, Mapping) or not result.get("name"):
        raise BadRequest("Invalid functionResponse: `name` and an object as `response` are needed.")
    return " ".join(value if isinstance(value, str) else json.dumps(value) for value in response.values())


# Arguments are always an object.
_NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}}

_PARAMETERS = ("parametersJsonSchema", "parameters")


def _read_tools(body: Body) -> list[Tool]:
    tools = []
    for at, entry in enumerate(body.get("tools") or ()):
        for place, declared in enumerate(entry.get("functionDeclarations") or ()):
            where = f"tools[{at}].functionDeclarations[{place}].name"
            schemas = (declared.get(name) for name in _PARAMETERS)
            schema = next(filter(None, schemas), _NOTHING)
            tools.append(Tool(check_name(declared.get("name"), where, 64), schema))
    return tools


def _read_choice(calling: Mapping[str, Any]) -> str:
    mode = str(calling.get("mode") or "AUTO").upper()
    if mode not in _MODES:
        raise BadRequest(f"Invalid value at 'tool_config.function_calling_config.mode': {mode}", param="toolConfig")
    names = calling.get("allowedFunctionNames") or []
    return str(names[0]) if mode == "ANY" and len(names) == 1 else _MODES[mode]


def _read_schema(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if config.get("responseMimeType") not in ("application/json", _ENUM):
        return None
    schemas = (config.get(name) for name in ("responseJsonSchema", "responseSchema"))
    return next(filter(None, schemas), {"type": "object", "properties": {"ok": {"type": "boolean"}}})


def _sign(name: str, arguments: Mapping[str, Any]) -> str:
    """What stands for a call in whatever order its arguments are named."""
    return base64.b64encode(f"sig {name} {json.dumps(arguments, sort_keys=True)}".encode()).decode()


def _parts(answer: Answer, stamp: Stamp) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": answer.thought, "thought": True}] if answer.thought else []
    parts += [{"text": piece} for piece in split_text(answer.text)]
    return parts + [_write_call(call, at == 0, stamp) for at, call in enumerate(answer.calls)]


def _write_call(call: ToolCall, is_first: bool, stamp: Stamp) -> dict[str, Any]:
    arguments = json.loads(call.arguments)
    part: dict[str, Any] = {"functionCall": {"id": stamp.id(""), "name": call.name, "args": arguments}}
    return {**part, "thoughtSignature": _sign(call.name, arguments)} if is_first else part


def _write(parts: list[dict[str, Any]], answer: Answer, body: Body, finish: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    said = answer.output_tokens - answer.reasoning_tokens
    usage = {
        "promptTokenCount": answer.input_tokens,
        "candidatesTokenCount": said,
        "thoughtsTokenCount": answer.reasoning_tokens,
        "totalTokenCount": answer.input_tokens + answer.output_tokens,
    }
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": body["model"], "responseId": "scripted"}


def write(answer: Answer, body: Body, stamp: Stamp) -> dict[str, Any]:
    """The whole reply, its text in one part."""
    parts = [part for part in _parts(answer, stamp) if "text" not in part or part.get("thought")]
    if answer.text:
        parts.insert(1 if answer.thought else 0, {"text": answer.text})
    return _write(parts, answer, body, _FINISH[answer.finish])


def stream(answer: Answer, body: Body, stamp: Stamp) -> list[bytes]:
    """The reply as events, which have no terminator: a part each, the reason on an empty one."""
    frames = [_write([part], answer, body, None) for part in _parts(answer, stamp)]
    frames.append(_write([{"text": ""}], answer, body, _FINISH[answer.finish]))
    return [b"data: " + dump(frame) + b"\r\n\r\n" for frame in frames]


_WORDS = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


def refuse(status: int, message: str, param: str | None, code: str | None) -> dict[str, Any]:
    """The error envelope of this API."""
    word = _WORDS.get(status, "UNAVAILABLE" if status == 503 else "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
    error: dict[str, Any] = {"code": status, "message": message, "status": word}
    if param is not None:
        violation = {"field": param, "description": message}
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return {"error": error}
