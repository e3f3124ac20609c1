"""What every provider is: one frozen record of facts. Knows no account, no configuration and no other provider."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trunkline.call import Header
from trunkline.capabilities import Capabilities

STREAM = ":stream"
"""What is put behind a dialect's name for the path of its streams, where that is another one."""

# Paths below the base URL; a provider that has others says so. `{model}` stands for the model's name, encoded.
PATHS: Mapping[str, str] = {
    "chat": "/chat/completions",
    "responses": "/responses",
    "messages": "/messages",
    "embeddings": "/embeddings",
    "count_tokens": "/messages/count_tokens",
    "models": "/models",
}

DIALECTS = ("responses", "chat", "messages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting that one provider has beyond the common ones: `<P>_<NAME>`, or `providers.<p>.<name>`.

    `header` is the request header that its value becomes; without one the account keeps the value for who asks.
    """

    name: str
    meaning: str
    header: bytes | None = None


def authorize_bearer(api_key: str) -> Sequence[Header]:
    """`Authorization: Bearer …`; nothing for an empty key."""
    return ((b"authorization", b"Bearer " + api_key.encode()),) if api_key else ()


class Signer(Protocol):
    """The part of an account that a signature is made from."""

    @property
    def api_key(self) -> str: ...

    @property
    def settings(self) -> Mapping[str, str]: ...


Sign = Callable[[Signer, bytes, bytes, int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One vendor or server, as far as it differs from others.

    `base_url` is its public address, or `None` where there is none to assume. `version` is the path segment that a
    base URL may be given without. `key_required`: an API key configures it; otherwise its base URL does.
    `speaks` are its dialects by preference, `faithful` those whose streams keep the dialect's own grammar.
    `operations` are what it serves beyond generation (`embeddings`, `count_tokens`). `headers` go with every request,
    `caller_headers` are taken from the caller when it sends them. `read_models` reads the body of its list call, and
    raises `Garbled`; without a `models` path the list cannot be had. `rank` decides which of several providers that
    list a name is asked, the lowest first, then by alphabet. `embedded`: it is served by this gateway itself. `example`
    is a bare name of a model that its accounts usually have, for programs to paste; empty where there is none.
    """

    name: str
    title: str
    docs: str
    read_models: Callable[[bytes], list[str]]
    base_url: str | None = None
    version: str = "/v1"
    key_required: bool = True
    authorize: Callable[[str], Sequence[Header]] = authorize_bearer
    speaks: tuple[str, ...] = ("chat",)
    faithful: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()
    paths: Mapping[str, str] = field(default_factory=lambda: PATHS)
    headers: tuple[Header, ...] = ()
    caller_headers: tuple[bytes, ...] = ()
    settings: tuple[Setting, ...] = ()
    capabilities: Capabilities = field(default_factory=Capabilities)
    rank: int = 100
    embedded: bool = False
    sign: Sign | None = None
    token: bool = False
    example: str = ""
