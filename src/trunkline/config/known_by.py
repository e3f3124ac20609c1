"""What requests are known by and what of them is kept: headers that are looked at, and patterns that are taken out."""

import re
from collections.abc import Mapping

from trunkline.config.document import Document, Node
from trunkline.config.sources import Value
from trunkline.errors import ConfigError, InvalidRequest
from trunkline.labels import check_label

_NAME = re.compile(r"[a-z0-9_-]{1,64}")

# What they hold opens doors: it must not become a label, a session or a line of the audit.
_CREDENTIALS = frozenset(
    "authorization proxy-authorization cookie set-cookie x-api-key api-key x-goog-api-key x-auth-token x-access-token"
    " x-amz-security-token".split()
)


def read_header(text: str) -> str:
    """The name of a header. Raises `ValueError` for what is none, and for one that carries a credential."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise ValueError(f"should name headers like x-team, not `{text[:64]}`")
    if name in _CREDENTIALS:
        raise ValueError(f"must not name `{name}`, which carries a credential")
    return name


def read_header_list(text: str) -> tuple[bytes, ...]:
    """A comma list of names of headers. Raises `ValueError`."""
    return tuple(read_header(part).encode() for part in text.split(",") if part.strip())


def read_label_list(value: Value) -> dict[bytes, str]:
    """`header=label,…`. Raises `ConfigError`."""
    pairs = [_pair(part, value) for part in value.text.split(",") if part.strip()]
    return _read_labels(dict(pairs), f"`{value.name}` ({value.source})")


def read_label_mapping(document: Document, node: Node) -> dict[bytes, str]:
    """`{header: label}`. Raises `ConfigError`."""
    path = "labels.headers"
    members = {name: document.text(inner, path) or "" for name, inner in document.mapping(node, path).items()}
    return _read_labels(members, f"{document.place(node)}: `{path}`")


def read_patterns(document: Document, node: Node) -> tuple[re.Pattern[str], ...]:
    """A list of regular expressions. Raises `ConfigError`."""
    if not isinstance(node.content, list):
        raise ConfigError(f"{document.place(node)}: `audit.redact` should be a list of regular expressions")
    return tuple(_read_pattern(document, inner) for inner in node.content)


def _read_pattern(document: Document, node: Node) -> re.Pattern[str]:
    text = document.text(node, "audit.redact") or ""
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ConfigError(f"{document.place(node)}: `audit.redact` holds no regular expression: {error}") from None
    if pattern.match(""):
        raise ConfigError(f"{document.place(node)}: `{text}` in `audit.redact` finds nothing at all everywhere")
    return pattern


def _pair(part: str, value: Value) -> tuple[str, str]:
    header, equals, label = part.partition("=")
    if not equals:
        raise ConfigError(f"`{value.name}` ({value.source}) should be a list like x-team=team,x-app=app")
    return header, label.strip()


def _read_labels(members: Mapping[str, str], place: str) -> dict[bytes, str]:
    labels = {}
    for header, label in members.items():
        try:
            labels[read_header(header).encode()] = check_label(label, "x", "headers")[0]
        except ValueError as error:
            raise ConfigError(f"{place} {error}") from None
        except InvalidRequest:
            raise ConfigError(f"{place} should give `{header}` the name of a label, like team") from None
    return labels
