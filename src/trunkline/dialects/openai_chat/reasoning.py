"""Reasoning on the Chat wire: no standard, many spellings.

`reasoning_content` (DeepSeek and most), `reasoning` (Groq, OpenRouter, newer vLLM), `reasoning_details` (OpenRouter,
MiniMax; it must come back as it was), `thinking` parts within `content` (Mistral).
"""

from typing import Any

from trunkline.dialects.shapes import lenient_text
from trunkline.items import Reasoning


def read_reasoning(reasoning_content: Any, reasoning: Any, details: Any) -> str:
    """The reasoning text of one delta or message: the first spelling that holds some, as vendors send it twice."""
    for value in (reasoning_content, reasoning):
        if type(value) is str and value:
            return value
    if type(details) is not list:
        return ""
    return "".join(
        lenient_text(detail.get("text")) or lenient_text(detail.get("summary"))
        for detail in details
        if type(detail) is dict
    )


def split_content(content: Any) -> tuple[str, str]:
    """The reasoning and the text of a content array (Mistral's); parts of other kinds are for machines, not people."""
    thoughts: list[str] = []
    texts: list[str] = []
    for part in content if type(content) is list else ():
        if type(part) is str:
            texts.append(part)
        elif type(part) is dict:
            thinking = part.get("thinking")
            thoughts.append(thinking if type(thinking) is str else split_content(thinking)[1])
            texts.append(lenient_text(part.get("text")))
    return "".join(thoughts), "".join(texts)


def write_reasoning(steps: list[Reasoning], field: str | None) -> dict[str, Any]:
    """Reasoning as a target wants it back, under its name `field`; nothing where it wants none."""
    if field is None or not steps:
        return {}
    details = [detail for step in steps for detail in _own_details(step)]
    if details:
        return {"reasoning_details": details}
    texts = [text for step in steps for text in (*step.summary, *step.content) if text]
    if not texts:
        return {}
    text = "\n\n".join(texts)
    if field == "reasoning_details":
        return {field: [{"type": "reasoning.text", "text": text}]}
    return {field: text}


def _own_details(step: Reasoning) -> list[dict[str, Any]]:
    carrier = step.carrier
    if carrier is None or carrier.family != "chat" or carrier.kind != "reasoning_details":
        return []
    return [detail for detail in carrier.payload if isinstance(detail, dict)]


def merge_details(into: list[dict[str, Any]], details: Any) -> None:
    """Gather streamed `reasoning_details`: fragments of one entry grow together, entries keep their order."""
    for detail in details if type(details) is list else ():
        if type(detail) is not dict:
            continue
        last = into[-1] if into else None
        if last is None or not _continues(last, detail):
            into.append(dict(detail))
            continue
        for name, value in detail.items():
            if name in ("text", "summary") and type(value) is str:
                last[name] = lenient_text(last.get(name)) + value
            elif value is not None:
                last[name] = value


def _continues(last: dict[str, Any], detail: dict[str, Any]) -> bool:
    if last.get("type") != detail.get("type") or last.get("index") != detail.get("index"):
        return False
    # A signature ends an entry, and encrypted data comes whole.
    return not (last.get("signature") or last.get("data") or detail.get("data"))


def give_reasoning(message: dict[str, Any]) -> None:
    """Say thought under the name that most clients know as well, in place, where a vendor has another one for it, or
    tells it within the content."""
    if type(message.get("content")) is list:
        thoughts, message["content"] = split_content(message["content"])
        if thoughts:
            message["reasoning_content"] = thoughts
    reasoning = message.get("reasoning")
    if type(reasoning) is str and reasoning and not message.get("reasoning_content"):
        message["reasoning_content"] = reasoning
