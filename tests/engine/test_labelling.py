"""What requests are labelled with, through the public door."""

from typing import Any

import pytest
from budget_scene import BudgetScene, make_budget

from scripted_gateway import KEY, Scene, json_reply
from trunkline.engine.caller.labelling import Labelling
from trunkline.principal import Principal

_CHAT = {"model": "native_chat-model", "messages": [{"role": "user", "content": "hi"}]}
_REPLY = {"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}}]}


class _LabelledKey:
    def find(self, presented: bytes) -> Principal | None:
        return Principal("ana", "/a", "k", labels={"team": "alpha"}) if presented == KEY else None


def _scene(**given: Any) -> Scene:
    scene = Scene(**given)
    scene.upstream.answer = lambda _: json_reply(_REPLY)
    return scene


async def _labels(scene: Scene, body: dict[str, Any] | None = None, **headers: str) -> dict[str, str]:
    answer = await scene.ask("/v1/chat/completions", body or _CHAT, **headers)
    assert answer.status == 200, answer.body
    return dict(scene.records.only.labels)


async def test_a_caller_labels_its_request() -> None:
    """Labels of the header are those of the record."""
    assert await _labels(_scene(), x_trunkline_labels="app=web,beta") == {"app": "web", "beta": "true"}


async def test_a_keys_own_labels_win() -> None:
    """A caller cannot call itself another team than its key does."""
    labels = await _labels(_scene(keys=_LabelledKey()), x_trunkline_labels="team=beta,app=web")
    assert labels == {"team": "alpha", "app": "web"}


async def test_a_keys_labels_win_over_tags() -> None:
    """Nor can it do so in its body."""
    body = {**_CHAT, "metadata": {"tags": ["team=beta", "app:web", "urgent"]}}
    assert await _labels(_scene(keys=_LabelledKey()), body) == {"team": "alpha", "app": "web", "urgent": "true"}


@pytest.mark.parametrize(
    "said",
    [
        {"x_trunkline_labels": "team=beta"},
        {"x_team": "beta"},
        {"metadata": {"tags": ["team=beta"]}},
    ],
)
async def test_nobody_leaves_a_budget_by_another_label(said: dict[str, Any]) -> None:
    """What a key is labelled with pays, whatever its holder calls itself."""
    scene = BudgetScene(
        make_budget("0", label=("team", "alpha")), keys=_LabelledKey(), labelling=Labelling({b"x-team": "team"})
    )
    headers = {name: value for name, value in said.items() if name.startswith("x_")}
    body = {**_CHAT, "max_tokens": 10, "metadata": said.get("metadata", {})}
    answer = await scene.scene.ask("/v1/chat/completions", body, **headers)
    assert (answer.status, answer.error["code"]) == (429, "budget_exceeded")


async def test_a_header_that_is_configured_is_a_label() -> None:
    """What a proxy or a client sends under a name of its own labels the request, over what the caller says."""
    scene = _scene(labelling=Labelling({b"x-team": "team"}))
    assert await _labels(scene, x_team="alpha", x_trunkline_labels="team=beta,app=web") == {
        "team": "alpha",
        "app": "web",
    }


@pytest.mark.parametrize(
    ("headers", "param"),
    [({"x_trunkline_labels": "a=b=c"}, "x-trunkline-labels"), ({"x_team": "a,b"}, "x-team")],
)
async def test_a_bad_label_is_refused(headers: dict[str, str], param: str) -> None:
    """What is no label is a 400 that names where it stands."""
    scene = _scene(labelling=Labelling({b"x-team": "team"}))
    answer = await scene.ask("/v1/chat/completions", _CHAT, **headers)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert not scene.upstream.requests


async def test_a_bad_tag_is_refused() -> None:
    """A tag that is no text is a 400 as well."""
    answer = await _scene().ask("/v1/chat/completions", {**_CHAT, "metadata": {"tags": ["fine", 5]}})
    assert (answer.status, answer.error["param"]) == (400, "metadata.tags[1]")


async def test_labels_do_not_go_upstream() -> None:
    """A provider sees neither the header nor the tags, and all the rest."""
    scene = _scene()
    body = {**_CHAT, "metadata": {"tags": ["a"], "order": "7"}, "litellm_session_id": "s", "session_id": "t"}
    await _labels(scene, body, x_trunkline_labels="app=web")
    assert scene.upstream.json == {**_CHAT, "metadata": {"order": "7"}}
    assert "x-trunkline-labels" not in scene.upstream.headers


async def test_a_text_called_tags_is_the_providers() -> None:
    """OpenAI's metadata are texts: one of them may be called so."""
    scene = _scene()
    assert await _labels(scene, {**_CHAT, "metadata": {"tags": "a,b"}}) == {}
    assert scene.upstream.json["metadata"] == {"tags": "a,b"}


async def test_a_failed_request_is_labelled_too() -> None:
    """What never reached a provider is recorded with its labels."""
    scene = _scene()
    await scene.ask("/v1/chat/completions", {"model": "nobodys"}, x_trunkline_labels="app=web")
    assert scene.records.only.labels == {"app": "web"}
