"""Requests that name a prompt, whoever answers them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prompt_scene import ADMIN, PromptScene, open_scene
from stored_scene import NEIGHBOUR, bearer

from scripted_gateway import Scene, json_reply
from trunkline.dialects.openai_responses.prompts import PromptCall
from trunkline.engine.context.prompting import PromptHome, choose_prompt_home
from trunkline.errors import InvalidRequest
from trunkline.principal import OPERATOR, Principal
from trunkline.state.prompts import KeptVersion

ANA = {"authorization": bearer(NEIGHBOUR)}
VERSION = KeptVersion(prompt_id="pmpt_1", version="1", created_at_micros=0, body=b"{}")
CALL = PromptCall("pmpt_1", None, {})


TEXT = {"type": "output_text", "text": "Hello.", "annotations": []}
MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [TEXT]}
RESPONSE = {"id": "resp_up", "object": "response", "status": "completed", "model": "m", "output": [MESSAGE]}
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}
CHAT = {"id": "chatcmpl_up", "choices": [CHOICE]}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[PromptScene]:
    async with open_scene(tmp_path, forwarded_prompts={"pmpt_listed": "responses/responses-model"}) as scene:
        scene.upstream.answer = lambda request: json_reply(CHAT if b"/chat/completions" in request.head else RESPONSE)
        yield scene


# --- the decision -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("principal", "version", "model", "forward", "home"),
    [
        (OPERATOR, VERSION, "m", {"pmpt_1": "x"}, PromptHome(VERSION)),
        (Principal("ana", "/team"), VERSION, "", {}, PromptHome(VERSION)),
        (OPERATOR, None, "", {}, PromptHome()),
        (OPERATOR, None, "m", {}, PromptHome(model="m")),
        (OPERATOR, None, "", {"pmpt_1": "x"}, PromptHome(model="x")),
        (Principal("ana", "/team"), None, "", {"pmpt_1": "x"}, PromptHome(model="x")),
        (Principal("ana", "/team"), None, "m", {"pmpt_1": "x"}, PromptHome(model="m")),
        (Principal("ana", "/"), None, "m", {"pmpt_2": "x"}, None),
        (Principal("master", "/team", "master"), None, "m", {}, None),
    ],
)
def test_a_prompt_is_used_where_it_is_kept(
    principal: Principal, version: KeptVersion | None, model: str, forward: dict[str, str], home: PromptHome | None
) -> None:
    """Here first; at the provider by its operator, and by others where it is listed."""
    if home is not None:
        assert choose_prompt_home(CALL, version, principal, model, forward) == home
        return
    with pytest.raises(InvalidRequest, match=r"prompts create.*prompts\.forward") as caught:
        choose_prompt_home(CALL, version, principal, model, forward)
    assert (caught.value.param, caught.value.code) == ("prompt.id", "prompt_not_found")


# --- prompts of ours --------------------------------------------------------------------------------------------


async def test_a_prompt_owns_the_model(scene: PromptScene) -> None:
    """The request names none, and the reply shows the prompt that it named."""
    id = await scene.create(model="chat-model", instructions="Write in {{style}}.", temperature=0.5)
    prompt = {"id": id, "variables": {"style": "prose"}}
    answer = await scene.ask("/v1/responses", {"prompt": prompt, "input": "Hi?"})
    assert answer.status == 200, answer.body
    assert answer.json["prompt"] == prompt
    assert answer.json["instructions"] == "Write in prose."
    assert scene.upstream.json["messages"] == [
        {"role": "system", "content": "Write in prose."},
        {"role": "user", "content": "Hi?"},
    ]
    assert (scene.upstream.json["model"], scene.upstream.json["temperature"]) == ("chat-model", 0.5)


async def test_a_native_upstream_gets_what_the_prompt_stands_for(scene: PromptScene) -> None:
    """Never an id that it cannot know."""
    id = await scene.create(model="responses-model", instructions="Be brief.", input="About {{topic}}.")
    prompt = {"id": id, "variables": {"topic": "cats"}}
    answer = await scene.ask("/v1/responses", {"prompt": prompt, "input": "Hi?", "temperature": 1})
    assert answer.json["prompt"] == prompt
    sent = scene.upstream.json
    assert "prompt" not in sent
    assert (sent["model"], sent["instructions"], sent["temperature"]) == ("responses-model", "Be brief.", 1)
    assert [item["content"][0]["text"] for item in sent["input"]] == ["About cats.", "Hi?"]


async def test_a_version_is_chosen_by_its_name(scene: PromptScene) -> None:
    """The default one without."""
    id = await scene.create(model="chat-model", instructions="One")
    await scene.ask(f"{ADMIN}/{id}/versions", {"body": {"model": "chat-model", "instructions": "Two"}})
    for version, said in ((None, "Two"), ("1", "One"), ("2", "Two")):
        await scene.ask("/v1/responses", {"prompt": {"id": id, "version": version}, "input": "Hi?"})
        assert scene.upstream.json["messages"][0]["content"] == said
    answer = await scene.ask("/v1/responses", {"prompt": {"id": id, "version": "3"}, "input": "Hi?"})
    assert (answer.status, answer.error["param"]) == (400, "prompt.version")
    assert "default version, which is '2'" in answer.error["message"]


async def test_a_missing_variable_is_the_callers_to_mend(scene: PromptScene) -> None:
    """Nobody is asked."""
    id = await scene.create(model="chat-model", instructions="Write in {{poem_style}}.")
    answer = await scene.ask("/v1/responses", {"prompt": {"id": id}, "input": "Hi?"})
    assert (answer.status, answer.error["param"]) == (400, "prompt.variables.poem_style")
    assert scene.upstream.requests == []


async def test_messages_of_a_prompt_stand_before_the_conversation(scene: PromptScene) -> None:
    """Each turn anew, and never twice: they are no part of what is kept."""
    id = await scene.create(model="chat-model", input=[{"role": "developer", "content": "Rhyme."}])
    first = await scene.ask("/v1/responses", {"prompt": {"id": id}, "input": "One?"})
    items = await scene.get(f"/v1/responses/{first.json['id']}/input_items")
    assert [item["content"][0]["text"] for item in items.json["data"]] == ["One?"]
    follow = {"prompt": {"id": id}, "input": "Two?", "previous_response_id": first.json["id"]}
    await scene.ask("/v1/responses", follow)
    said = [message["content"] for message in scene.upstream.json["messages"]]
    assert said == ["Rhyme.", "One?", "Hello.", "Two?"]
    await scene.ask("/v1/responses", {**follow, "prompt": None, "model": "chat-model"})
    said = [message["content"] for message in scene.upstream.json["messages"]]
    assert said == ["One?", "Hello.", "Two?"]


async def test_a_prompt_that_is_null_is_none(scene: PromptScene) -> None:
    """Then a model must be named."""
    answer = await scene.ask("/v1/responses", {"prompt": None, "model": "chat-model", "input": "Hi?"})
    assert answer.status == 200
    answer = await scene.ask("/v1/responses", {"prompt": None, "input": "Hi?"})
    assert (answer.status, answer.error["param"]) == (400, "model")


async def test_somebody_elses_prompt_is_unknown(scene: PromptScene) -> None:
    """Exactly like one that never was."""
    id = await scene.create(model="chat-model", instructions="One")
    answer = await scene.ask("/v1/responses", {"prompt": {"id": id}, "input": "Hi?"}, **ANA)
    never = await scene.ask("/v1/responses", {"prompt": {"id": "pmpt_never"}, "input": "Hi?"}, **ANA)
    assert (answer.status, answer.error["code"]) == (never.status, never.error["code"]) == (400, "prompt_not_found")
    assert answer.error["message"].replace(id, "") == never.error["message"].replace("pmpt_never", "")
    assert scene.upstream.requests == []


# --- prompts at the provider ------------------------------------------------------------------------------------


async def test_the_operator_names_any_prompt_at_the_provider(scene: PromptScene) -> None:
    """Which then owns the model: the request goes there as it is."""
    prompt = {"id": "pmpt_theirs", "variables": {"a": "{{b}}"}}
    answer = await scene.ask("/v1/responses", {"prompt": prompt, "input": "Hi?"})
    assert answer.status == 200, answer.body
    assert scene.upstream.json == {"prompt": prompt, "input": "Hi?"}
    assert answer.headers["x-trunkline-route"].startswith("tee ")


async def test_others_name_a_prompt_that_is_listed(scene: PromptScene) -> None:
    """Under the model that is listed with it."""
    answer = await scene.ask("/v1/responses", {"prompt": {"id": "pmpt_listed"}, "input": "Hi?"}, **ANA)
    assert answer.status == 200, answer.body
    assert scene.upstream.json["model"] == "responses-model"
    assert scene.upstream.json["prompt"] == {"id": "pmpt_listed"}


@pytest.mark.parametrize("model", ["chat-model", "messages-model"])
async def test_a_prompt_at_the_provider_needs_its_models(scene: PromptScene, model: str) -> None:
    """Nobody else knows it."""
    answer = await scene.ask("/v1/responses", {"prompt": {"id": "pmpt_theirs"}, "input": "Hi?", "model": model})
    assert (answer.status, answer.error["code"]) == (400, "prompt_not_found")
    assert scene.upstream.requests == []


async def test_a_gateway_without_the_provider_knows_its_own_prompts_alone(tmp_path: Path) -> None:
    """And says how to make one."""
    accounts = [account for account in Scene().accounts if not account.keeps_prompts]
    async with open_scene(tmp_path, accounts=accounts) as scene:
        answer = await scene.ask("/v1/responses", {"prompt": {"id": "pmpt_theirs"}, "input": "Hi?"})
    assert (answer.status, answer.error["param"]) == (400, "prompt.id")
    assert "trunkline prompts create" in answer.error["message"]
