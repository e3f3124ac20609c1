"""Which session a request belongs to."""

import tracemalloc
from typing import Any

import msgspec
import pytest
from stored_scene import StoredScene

from scripted_gateway import Scene, json_reply
from trunkline.engine.caller.sessions import GUESSED, Sessions
from trunkline.engine.envelope import read_members

_CHAT = {"model": "native_chat-model", "messages": [{"role": "user", "content": "hi"}]}
_REPLY = {"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}}]}
_RESPONSE = {"object": "response", "status": "completed", "output": []}


def _guess(body: dict[str, Any], path: str = "/", **known: Any) -> str:
    return Sessions(**known).guess(path, read_members(msgspec.json.encode(body)))


async def _session(body: dict[str, Any], **headers: str) -> str:
    scene = Scene()
    scene.upstream.answer = lambda _: json_reply(_REPLY)
    await scene.ask("/v1/chat/completions", body, **headers)
    return scene.records.only.session


# --- what is said ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    ["X-Session-Id", "X-Claude-Code-Session-Id", "Session-Id", "X-Litellm-Session-Id", "Helicone-Session-Id", "Agent-Session-Id"],
)  # fmt: skip
async def test_a_header_names_the_session(header: str) -> None:
    """Each header that clients are known to send names it."""
    assert await _session(_CHAT, **{header.lower().replace("-", "_"): "s-1"}) == "s-1"


def test_codex_names_its_session() -> None:
    """Codex writes the name of its header with an underscore."""
    assert Sessions().read("/", {b"session_id": b"s-1"}) == "s-1"


def test_a_configured_header_comes_first() -> None:
    """What an operator names is looked at before what is known anyway."""
    headers = {b"x-thread": b"mine", b"x-session-id": b"theirs"}
    assert Sessions([b"x-thread"]).read("/", headers) == "mine"


@pytest.mark.parametrize(
    "members",
    [
        {"session_id": "s-1"},
        {"litellm_session_id": "s-1"},
        {"metadata": {"user_id": "s-1"}},
        {"metadata": {"session_id": "s-1", "user_id": "u"}},
        {"prompt_cache_key": "s-1"},
        {"conversation": "s-1"},
        {"conversation": {"id": "s-1"}},
        {"conversation": "s-1", "prompt_cache_key": "k"},
        {"metadata": {"user_id": "user_ab12_account_c-3_session_s-1"}},
        {"metadata": {"user_id": '{"device_id":"d","session_id":"s-1"}'}},
    ],
)
async def test_a_body_names_the_session(members: dict[str, Any]) -> None:
    """Each member that clients are known to send names it."""
    assert await _session({**_CHAT, **members}) == "s-1"


@pytest.mark.parametrize("said", ["x" * 129, "sk-proj-abcdef", "Bearer abc", "a\x07b"])
def test_what_must_not_be_shown_is_hashed(said: str) -> None:
    """A session that is too long, unprintable or looks like a key is known by a hash."""
    session = Sessions().read("/", {b"x-session-id": said.encode()})
    assert session.startswith("hashed-")
    assert len(session) < 64


@pytest.mark.parametrize("members", [{"metadata": 5}, {"metadata": {"user_id": 5}}, {"prompt_cache_key": None}])
async def test_what_says_nothing_is_passed_over(members: dict[str, Any]) -> None:
    """A member of a wrong type names no session, and is no reason to fail."""
    assert (await _session({**_CHAT, **members})).startswith("auto-")


# --- what is guessed ------------------------------------------------------------------------------------------------

_FIRST = {"role": "user", "content": "What is the capital of France?"}
_NEXT = [{"role": "assistant", "content": "Paris."}, {"role": "user", "content": "And of Spain?"}]

_PARTS = {"role": "user", "content": [{"type": "text", "text": "hello"}]}
_MARKED = {"role": "user", "content": [{"type": "text", "text": "hello", "cache_control": {"type": "ephemeral"}}]}


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ({"messages": [_FIRST]}, {"messages": [_FIRST, *_NEXT], "tools": []}),
        ({"input": [_FIRST], "instructions": "Be brief."}, {"input": [_FIRST, *_NEXT], "instructions": "Be brief."}),
        ({"input": [{"content": "hi", "role": "user"}]}, {"input": [{"content": "hi", "role": "user"}, *_NEXT]}),
        ({"messages": [_MARKED]}, {"messages": [_PARTS, *_NEXT, _MARKED]}),
        (
            {"messages": [{"role": "system", "content": "x" * 5000}, _FIRST]},
            {"messages": [{"role": "system", "content": "x" * 5000}, _FIRST, *_NEXT]},
        ),
        (
            {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
            {"contents": [{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": [{"text": "yes"}]}]},
        ),
        (
            {"messages": [{"role": "user", "content": "y" * 50_000}]},
            {"messages": [{"role": "user", "content": "y" * 50_000}, *_NEXT]},
        ),
        (
            {"messages": [{"role": "user", "content": 'say "}" twice'}]},
            {"messages": [{"role": "user", "content": 'say "}" twice'}, *_NEXT]},
        ),
    ],
)
def test_every_turn_of_a_conversation_is_one_session(first: dict[str, Any], later: dict[str, Any]) -> None:
    """A conversation begins the same in each of its turns."""
    assert _guess(first) == _guess(later) != ""


@pytest.mark.parametrize(
    "other",
    [
        {"messages": [{"role": "user", "content": "hallo"}]},
        {"messages": [{"role": "system", "content": "x" * 5000}, {"role": "user", "content": "hallo"}]},
        {"messages": [_FIRST], "system": "Be brief."},
    ],
)
def test_what_begins_otherwise_is_another_session(other: dict[str, Any]) -> None:
    """Other first words, or other instructions over them, make another session."""
    one = {"messages": [{"role": "system", "content": "x" * 5000}, _FIRST]}
    assert len({_guess(one), _guess({"messages": [_FIRST]}), _guess(other)}) == 3


def test_a_long_beginning_is_the_same_when_it_is_gone_on_from() -> None:
    """First words that are only just reached make the same session for what goes on from a response."""
    history = [{"role": "assistant", "content": "x" * 32_700}, {"role": "user", "content": "y" * 200}]
    opening = msgspec.json.encode(history)
    assert Sessions().follow("/", GUESSED, {}, opening) == _guess({"input": history})


def test_each_path_has_sessions_of_its_own() -> None:
    """Two teams that say the same are not in one session."""
    assert _guess({"messages": [_FIRST]}, "/a") != _guess({"messages": [_FIRST]}, "/b")


def test_a_guess_cannot_be_found_out_without_the_secret() -> None:
    """Whoever sees the name of a session cannot check what was said in it."""
    assert _guess({"messages": [_FIRST]}, key=b"one") != _guess({"messages": [_FIRST]}, key=b"other")


def test_guessing_can_be_switched_off() -> None:
    """Then what says no session has none."""
    assert _guess({"messages": [_FIRST]}, guesses=False) == ""


async def test_embeddings_are_no_conversation() -> None:
    """A text to embed begins nothing; what is said of a session counts for it too."""
    scene = Scene()
    scene.upstream.answer = lambda _: json_reply({"object": "list", "data": []})
    await scene.ask("/v1/embeddings", {"model": "native_chat-model", "input": "hello"})
    await scene.ask("/v1/embeddings", {"model": "native_chat-model", "input": "hello"}, x_session_id="s")
    assert [record.session for record in scene.records.kept] == ["", "s"]


async def test_a_response_is_in_the_session_of_the_one_it_goes_on_from() -> None:
    """The first input of a chain is known, so all that goes on from it is one session."""
    scene = StoredScene()
    numbers = iter("123")
    scene.upstream.answer = lambda _: json_reply({"id": f"resp_{next(numbers) * 48}", **_RESPONSE})
    begun = {"model": "responses-model", "input": [_FIRST]}
    await scene.ask("/v1/responses", begun)
    for number in "12":
        await scene.ask(
            "/v1/responses",
            {"model": "responses-model", "input": "And now?", "previous_response_id": f"resp_{number * 48}"},
        )
    assert [record.status for record in scene.records.kept] == [200, 200, 200]
    assert len({record.session for record in scene.records.kept}) == 1


def test_a_long_word_is_forgotten_with_its_request() -> None:
    """A caller may say as much as a body holds, and another thing each time."""
    sessions = Sessions()
    tracemalloc.start()
    for letter in "abcdefgh":
        sessions.guess("/", read_members(b'{"previous_response_id":"%b"}' % (letter.encode() * 1_000_000)))
        sessions.read("/", {b"session-id": letter.encode() * 1_000_000})
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1_000_000
