"""Prompts that are kept at a provider, and that others than the operator may use: only the file lists them."""

from trunkline.config.document import Document, Node
from trunkline.config.sources import nearest
from trunkline.errors import ConfigError

_MEMBERS = ("id", "model")


def read_forwarded(document: Document, node: Node) -> dict[str, str]:
    """`{id: model}` of a list of `{id: pmpt_…, model: openai/gpt-5-mini}`."""
    if node.content is not None and not isinstance(node.content, list):
        raise ConfigError(f"{document.place(node)}: `prompts.forward` should be a list of prompts with their models")
    forwarded: dict[str, str] = {}
    for number, entry in enumerate(node.content or ()):
        id, model = _read_entry(document, entry, f"prompts.forward[{number}]")
        if id in forwarded:
            raise ConfigError(f"{document.place(entry)}: the prompt `{id}` is listed twice: it has one model")
        forwarded[id] = model
    return forwarded


def _read_entry(document: Document, entry: Node, path: str) -> tuple[str, str]:
    members = document.mapping(entry, path)
    for name, member in members.items():
        if name not in _MEMBERS:
            raise ConfigError(f"{document.place(member)}: `{path}.{name}` is not a setting{nearest(name, _MEMBERS)}")
    id, model = ((document.text(members[name], path) or "") if name in members else "" for name in _MEMBERS)
    if not id or not model:
        raise ConfigError(f"{document.place(entry)}: `{path}` should have an `id` and a `model`, as openai/gpt-5-mini")
    return id, model
