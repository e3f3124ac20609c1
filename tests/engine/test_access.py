"""What a key may use of all models: the rest is for its holder as if it did not exist."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from test_router import PENDING, UNKNOWN, lists, router

from scripted_gateway import Scene, question
from trunkline.engine.caller.access import Access, Names, can_grant
from trunkline.errors import ModelNotFound, Unavailable
from trunkline.ports import Listed
from trunkline.principal import Principal

LISTING = {
    "openai": lists("gpt-5", "gpt-5-mini", "o9"),
    "groq": lists("llama", "openai/gpt-oss"),
    "azure": lists("gpt-5-mini"),
}
ALIASES = {"fast": "groq/llama", "gpt-*": "groq/llama", "openai/cheap": "groq/llama"}


def view(*models: str, listing: Mapping[str, Listed] = LISTING, aliases: Mapping[str, str] | None = ALIASES) -> Names:
    return Access(router(listing, aliases)).view(models)


def target(names: Names, asked: str) -> str:
    return names.resolve(asked).targets[0].name


def refusal(names: Names, asked: str) -> str:
    with pytest.raises(ModelNotFound) as caught:
        names.resolve(asked)
    return caught.value.message


def test_a_key_without_models_sees_the_router_itself() -> None:
    """Who may use everything pays nothing for those who may not."""
    everything = router(LISTING)
    assert Access(everything).view(None) is everything


def test_globs_match_targets() -> None:
    """`openai/*` is what one account serves, by whatever name it is asked for."""
    names = view("openai/*")
    assert target(names, "openai/gpt-5") == target(names, "gpt-5") == "openai/gpt-5"
    assert refusal(names, "groq/llama")


def test_a_glob_is_of_a_whole_name() -> None:
    """A model whose own name looks like another account's is not that account's."""
    assert "does not exist" in refusal(view("openai/*"), "groq/openai/gpt-oss")


def test_an_alias_grants_itself_alone() -> None:
    """Named in a key, an alias leads wherever it points to; its target stays out of reach by its own name."""
    names = view("fast")
    assert target(names, "fast") == target(names, "FAST") == "groq/llama"
    assert refusal(names, "groq/llama")
    assert refusal(names, "llama")


@pytest.mark.parametrize("named", ["gpt-*", "gpt-4o"])
def test_a_pattern_is_granted_whole_or_by_one_of_its_names(named: str) -> None:
    """`gpt-*` in a key is the alias of that name; a name that only the pattern serves may be granted by itself."""
    names = view(named)
    assert target(names, "gpt-4o") == "groq/llama"
    assert (names.resolve("gpt-4").targets[0].name == "groq/llama") if named == "gpt-*" else refusal(names, "gpt-4")


def test_an_alias_to_what_may_be_used_works_unnamed() -> None:
    """It is another name for a target that the key has."""
    assert target(view("groq/*"), "fast") == "groq/llama"


def test_what_may_not_be_used_is_said_as_what_is_not_there() -> None:
    """The messages differ by the name asked for alone, and name no model out of reach."""
    names = view("openai/gpt-5")
    known, unknown = refusal(names, "openai/gpt-5-mini"), refusal(names, "openai/gpt-5-mikr")
    assert known.replace("gpt-5-mini", "X") == unknown.replace("gpt-5-mikr", "X")
    assert "llama" not in refusal(names, "lama")


def test_a_broken_alias_does_not_tell_its_target() -> None:
    """An alias that leads nowhere is unknown by its own name."""
    assert "secret" not in refusal(view("openai/*", aliases={"dead": "secret/model"}), "dead")


def test_while_lists_are_pending_both_have_to_wait() -> None:
    """A forbidden name is not told from an unknown one by its answer coming sooner."""
    names = view("openai/*", listing={"openai": UNKNOWN, "groq": PENDING}, aliases={"fast": "groq/llama"})
    for asked in ("groq/llama", "fast", "nobody/knows"):
        assert names.known(asked) is None
        with pytest.raises(Unavailable):
            names.resolve(asked)
    plan = names.known("openai/gpt-5")
    assert plan is not None
    assert plan.targets[0].name == "openai/gpt-5"


def test_lists_what_may_be_used_under_the_names_that_work() -> None:
    """A bare name that leads elsewhere is listed with its account's name before it."""
    names = view("azure/*", "fast")
    assert [name for name, _ in names.names()] == ["fast", "azure/gpt-5-mini"]
    assert {target(names, name) for name, _ in names.names()} == {"groq/llama", "azure/gpt-5-mini"}


@pytest.mark.parametrize(
    ("own", "given", "may"),
    [
        (None, None, True),
        (("*",), None, True),
        (("openai/*",), None, False),
        (("openai/*",), ["openai/gpt-5", "openai/gpt-*", "openai/*"], True),
        (("openai/*",), ["groq/llama"], False),
        (("openai/*",), ["*"], False),
        (("openai/*",), ["openai/cheap"], False),
        (("f*",), ["fast"], False),
        (("fast",), ["fast"], True),
        (("openai/gpt-?",), ["openai/gpt-5"], False),
        (("openai/*",), [], True),
    ],
)
def test_hands_on_what_it_has_alone(own: tuple[str, ...] | None, given: list[str] | None, may: bool) -> None:
    """Nobody grants models that it may not use itself, nor an alias that hides behind a glob."""
    assert can_grant(own, given, router(LISTING, ALIASES).is_alias) is may


# --- on every way -----------------------------------------------------------------------------------------------


@dataclass
class Narrow:
    """Everybody may use the same: the models of `chat`, and one alias."""

    models: tuple[str, ...] = ("chat/*", "fast")

    def find(self, presented: bytes) -> Principal | None:
        return Principal("ana", "/team", "k1", "/team", models=self.models)


@dataclass
class NarrowScene(Scene):
    keys: Any = field(default_factory=Narrow)
    aliases: dict[str, str] = field(default_factory=lambda: {"fast": "responses/responses-model"})


ASKED: Mapping[str, tuple[str, Any]] = {
    "chat": ("/v1/chat/completions", question("chat", "MODEL")),
    "responses": ("/v1/responses", question("responses", "MODEL")),
    "messages": ("/v1/messages", question("messages", "MODEL")),
    "gemini": ("/v1beta/models/MODEL:generateContent", question("gemini", "")),
    "embeddings": ("/v1/embeddings", {"model": "MODEL", "input": "Hi?"}),
    "input_tokens": ("/v1/responses/input_tokens", {"model": "MODEL", "input": "Hi?"}),
    "count_tokens": ("/v1/messages/count_tokens", question("messages", "MODEL")),
    "countTokens": ("/v1beta/models/MODEL:countTokens", question("gemini", "")),
    "compact": ("/v1/responses/compact", {"model": "MODEL", "input": "Hi?"}),
    "background": ("/v1/responses", question("responses", "MODEL", background=True)),
}


@pytest.mark.parametrize("way", ASKED)
async def test_a_forbidden_model_answers_like_an_unknown_one(way: str) -> None:
    """On every route the two replies are the same bytes but for the name, and nobody upstream hears of either."""
    scene = NarrowScene()
    path, body = ASKED[way]
    replies = []
    for name in ("messages-model", "messages-modem"):
        named = {**body, "model": name} if "model" in body else body
        answer = await scene.ask(path.replace("MODEL", name), named)
        replies.append((answer.status, answer.body.replace(name.encode(), b"X"), answer.headers))
    assert replies[0] == replies[1]
    assert replies[0][0] == 404
    assert scene.upstream.requests == []


async def test_an_allowed_model_is_asked() -> None:
    """By its own name, and by the alias that the key names; not by the name of that one's target."""
    scene = NarrowScene()
    for name in ("chat-model", "fast", "responses-model"):
        await scene.ask("/v1/responses", question("responses", name))
    assert [record.target for record in scene.records.kept] == ["chat/chat-model", "responses/responses-model", ""]


@pytest.mark.parametrize(
    ("headers", "path", "listed"),
    [
        ({}, "/v1/models", ["fast", "chat-model"]),
        ({"anthropic_version": "2023-06-01"}, "/v1/models", ["fast", "chat-model"]),
        ({}, "/v1beta/models", ["models/fast", "models/chat-model"]),
    ],
)
async def test_lists_exactly_what_the_caller_may_use(headers: dict[str, str], path: str, listed: list[str]) -> None:
    """In every shape of the list."""
    answer = await NarrowScene().ask(path, method="GET", **headers)
    entries = answer.json.get("data") or answer.json["models"]
    assert [entry.get("id") or entry["name"] for entry in entries] == listed


@pytest.mark.parametrize("path", ["/v1/models/", "/v1beta/models/"])
async def test_a_forbidden_model_cannot_be_looked_up(path: str) -> None:
    """By its bare name or behind its account's."""
    scene = NarrowScene()
    assert (await scene.ask(path + "chat-model", method="GET")).status == 200
    for name in ("messages-model", "messages/messages-model", "responses-model"):
        assert (await scene.ask(path + name, method="GET")).status == 404


@pytest.mark.parametrize("member", ["models", "fallbacks", "preset"])
@pytest.mark.parametrize("way", ["chat", "responses", "embeddings"])
async def test_no_other_model_is_named_beside_the_one_that_is_asked_for(way: str, member: str) -> None:
    """Routers take lists of models to fall back on: a key that may use some alone may not send one."""
    scene = NarrowScene()
    path, body = ASKED[way]
    answer = await scene.ask(path, {**body, "model": "chat-model", member: ["messages-model"]})
    assert (answer.status, answer.error["param"]) == (400, member)
    assert scene.upstream.requests == []


async def test_who_may_use_everything_may_name_others() -> None:
    """They go to the provider, whose words they are."""
    scene = Scene()
    await scene.ask("/v1/chat/completions", question("chat", "chat-model", models=["messages-model"]))
    assert scene.upstream.json["models"] == ["messages-model"]


@pytest.mark.parametrize("member", ["models", "fallbacks", "preset"])
async def test_nor_by_way_of_a_providers_options(member: str) -> None:
    """For nobody: as a member of the request it can be looked at."""
    scene = Scene()
    options = {"compatible": {member: ["messages-model"]}}
    answer = await scene.ask("/v1/chat/completions", question("chat", "chat-model", provider_options=options))
    assert (answer.status, answer.error["param"]) == (400, "provider_options")


_DRAWING = {"type": "image_generation", "model": "gpt-image-1"}


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"tools": [{"type": "web_search"}, _DRAWING]}, "tools[1].model"),
        ({"tools": [{"type": "namespace", "name": "all", "tools": [_DRAWING]}]}, "tools[0].tools[0].model"),
        ({"tools": [{"type": "x:image", "parameters": {"model": "gpt-image-1"}}]}, "tools[0].parameters.model"),
        ({"plugins": [{"id": "advisor", "model": "gpt-image-1"}]}, "plugins[0].model"),
        ({"provider_options": {"openai": {"tools": [_DRAWING]}}}, "provider_options.openai.tools[0].model"),
        ({"provider_options": {"responses": {"tools": [_DRAWING]}}}, "provider_options.responses.tools[0].model"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_hosted_tools_model_is_held_against_the_keys(members: dict[str, Any], place: str, stream: bool) -> None:
    """Wherever it is named: it answers as the request's own model would, and nobody upstream hears of it."""
    scene = NarrowScene(keys=Narrow(("responses/responses-model",)))
    answer = await scene.ask(
        "/v1/responses", question("responses", "responses/responses-model", stream=stream, **members)
    )
    assert (answer.status, answer.error["code"], answer.error["param"]) == (404, "model_not_found", place)
    assert scene.upstream.requests == []


@pytest.mark.parametrize("models", [("responses/*",), ("responses/responses-model", "responses/gpt-image-*"), None])
async def test_a_hosted_tools_model_may_be_granted(models: tuple[str, ...] | None) -> None:
    """By a glob of the account that runs the tool; who may use everything is not asked."""
    scene = NarrowScene(keys=Narrow(models)) if models else Scene()
    await scene.ask("/v1/responses", question("responses", "responses/responses-model", tools=[_DRAWING]))
    assert scene.upstream.json["tools"] == [_DRAWING]


async def test_no_escape_hides_a_tools_model() -> None:
    """A name in JSON may be spelt in more than one way."""
    scene = NarrowScene(keys=Narrow(("responses/responses-model",)))
    body = rb'{"model":"responses/responses-model","input":"x","tools":[{"type":"image_generation","mod\u0065l":"gpt-image-1"}]}'
    assert (await scene.ask("/v1/responses", body)).status == 404


async def test_what_others_are_told_names_no_model_here() -> None:
    """Options of a provider that is not asked are taken out, and the schema of a function is no tool of a provider's."""
    scene = NarrowScene(keys=Narrow(("responses/responses-model",)))
    schema = {"type": "object", "properties": {"model": {"type": "string"}}}
    function = {"type": "function", "name": "f", "parameters": schema}
    options = {"anthropic": {"tools": [_DRAWING]}}
    await scene.ask(
        "/v1/responses", question("responses", "responses/responses-model", tools=[function], provider_options=options)
    )
    assert scene.upstream.json["tools"] == [function]
