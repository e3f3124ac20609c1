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
    """One vendor or server, as far as it differs from others.

    `base_url` is its public address, or `None` where there is none to assume; `address` makes it of the settings where
    it depends on them, and `adapt` what an account's base URL and settings change of the other facts. `configured_by`
    is the setting that configures the provider, where that is not its key. `version` is the path segment that a base
    URL may be given without. `key_required`: an API key configures it; otherwise its base URL does. `needs` are the
    settings without which it cannot be used, as alternatives; empty: the key, where one is required. `also` are the
    variables of the vendor's own tools for the key and the base URL. `speaks` are its dialects by preference,
    `faithful` those whose streams keep the dialect's own grammar. `operations` are what it serves beyond generation
    (`embeddings`, `count_tokens`). `headers` go with every request, `caller_headers` are taken from the caller when it
    sends them. `read_models` reads the body of its list call, and raises `Garbled`; without a `models` path there is
    none to ask for. `rank` decides which of several providers that list a name is asked, the lowest first, then by
    alphabet. `keeps_responses`: a response that it was told to store can be gone on from, read and deleted there under
    its id. `keeps_prompts`: a request may name a prompt that is kept there. `embedded`: it is served by this gateway
    itself. `is_free`: nothing is paid for its models. `cloud` is whose tokens or temporary keys open it, `aws`, `entra`
    or `google`, where its key and settings say that it `needs_token`. `lists` are the URLs that its models are listed
    at, where that is not below the base URL. `example` is a bare name of a model that its accounts usually have, for
    programs to paste; empty where there is none.
    """

    name: str
    title: str
    docs: str
    read_models: Callable[[bytes], list[str]]
    base_url: str | None = None
    address: Callable[[Mapping[str, str]], str] | None = None
    configured_by: str = ""
    version: str = "/v1"
    key_required: bool = True
    needs: tuple[tuple[str, ...], ...] = ()
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    adapt: Adapt | None = None
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
    keeps_responses: bool = False
    keeps_prompts: bool = False
    embedded: bool = False
    is_free: bool = False
    sign: Sign | None = None
    cloud: str = ""
    needs_token: Callable[[str, Mapping[str, str]], bool] = lambda _, __: True
    lists: tuple[str, ...] = ()
    example: str = ""

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
