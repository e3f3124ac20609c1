"""What every provider is: one frozen record of facts. Knows no account, no configuration and no other provider."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trunkline.call import Header
from trunkline.capabilities import Capabilities

STREAM = ":stream"
"""What is put behind a dialect's name for the path of its streams, where that is another one."""

# Paths below the base URL, unless that stands in them as `{base}`; a provider that has others says so. `{model}` stands
# for the model's name, encoded.
PATHS: Mapping[str, str] = {
    "chat": "/chat/completions",
    "responses": "/responses",
    "messages": "/messages",
    "embeddings": "/embeddings",
    "count_tokens": "/messages/count_tokens",
    "responses:count": "/responses/input_tokens",
    "responses:compact": "/responses/compact",
    "files": "/files",
    "files:upload": "/files",
    "models": "/models",
}

DIALECTS = ("responses", "chat", "messages", "gemini", "bedrock", "cohere")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting that one provider has beyond the common ones: `<P>_<NAME>`, or `providers.<p>.<name>`.

    `header` is the request header that its value becomes, and `{name}` in a path its place there; else the account
    keeps the value for who asks. `default` is its value when it is not set, `also` are the variables of the vendor's
    own tools that are heeded as well. `secret`: it is never shown, and the file may only refer to it.
    """

    name: str
    meaning: str
    header: bytes | None = None
    default: str = ""
    also: tuple[str, ...] = ()
    secret: bool = False


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

Adapt = Callable[["Provider", str | None, Mapping[str, str]], tuple["Provider", str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One vendor or server, as far as it differs from others."""

    name: str
    title: str
    docs: str
    # A bare name of a model that its accounts usually have, for programs to paste.
    example: str = ""

    # Where it is: its public address, if there is one to assume, or what makes it of the settings. A base URL may be
    # given without the segment of its `version`.
    base_url: str | None = None
    address: Callable[[Mapping[str, str]], str] | None = None
    version: str = "/v1"
    paths: Mapping[str, str] = field(default_factory=lambda: PATHS)

    # What configures it: its key if one is required, else its base URL, unless `configured_by` names another setting.
    # `needs` are the settings without which it cannot be used, as alternatives (empty: its key, if that is required).
    key_required: bool = True
    configured_by: str = ""
    needs: tuple[tuple[str, ...], ...] = ()
    settings: tuple[Setting, ...] = ()
    # The variables of the vendor's own tools for the key and the base URL.
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # What an account's base URL and settings change of the other facts.
    adapt: Adapt | None = None

    # What opens it: a header made of its key, a signature over each request, or tokens and temporary keys of a cloud
    # (`aws`, `entra`, `google`), where its key and settings say that it needs them.
    authorize: Callable[[str], Sequence[Header]] = authorize_bearer
    sign: Sign | None = None
    cloud: str = ""
    needs_token: Callable[[str, Mapping[str, str]], bool] = lambda _, __: True

    # What it speaks, by preference, and which streams of it keep the dialect's own grammar; what it serves beyond
    # generation.
    speaks: tuple[str, ...] = ("chat",)
    faithful: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()
    capabilities: Capabilities = field(default_factory=Capabilities)
    # Headers that go with every request, and those that are taken from the caller.
    headers: tuple[Header, ...] = ()
    caller_headers: tuple[bytes, ...] = ()

    # Its models: how the list is read (raises `Garbled`), and where it is if that is not below the base URL; without a
    # `models` path there is none. Of several providers that list a name the one of the lowest rank is asked, then by
    # alphabet.
    read_models: Callable[[bytes], list[str]]
    lists: tuple[str, ...] = ()
    rank: int = 100

    # A response that it was told to store can be gone on from, read and deleted there; a request may name a prompt
    # there.
    keeps_responses: bool = False
    keeps_prompts: bool = False

    # It is served by this gateway itself; nothing is paid for its models.
    embedded: bool = False
    is_free: bool = False

    @property
    def token(self) -> bool:
        """Whether it is opened by what does not last."""
        return bool(self.cloud)

    @property
    def openers(self) -> tuple[tuple[str, ...], ...]:
        """The settings that open it, as alternatives; empty where none is needed."""
        return self.needs or ((("api_key",),) if self.key_required else ())

    def also_of(self, setting: str) -> tuple[str, ...]:
        """The variables of the vendor's own tools for one setting."""
        own = next((known.also for known in self.settings if known.name == setting), ())
        return own or self.also.get(setting, ())
