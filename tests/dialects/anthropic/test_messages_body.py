"""A body for an Anthropic upstream, written: its turns and what is in them."""

from typing import Any

import pytest
from messages_bodies import (
    HI,
    assistant,
    call,
    messages,
    result,
    say,
    use,
    user,
    write,
)

from trunkline.dialects.turns import PLACEHOLDER
from trunkline.errors import InvalidRequest, Unsupported
from trunkline.items import (
    Audio,
    Carrier,
    File,
    Image,
    Item,
    OtherItem,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolOutput,
)
from trunkline.request import ModelSettings


def test_fr11_the_least_body_holds_nothing_invented() -> None:
    """FR-11: no tools, no choice, no thinking, no sampling that nobody asked for."""
    assert write().body == {"model": "claude", "max_tokens": 64_000, "messages": [user("Hi")]}


def test_t77_the_limit_is_the_callers_or_the_models() -> None:
    """T-77: never a tiny constant."""
    assert write(settings=ModelSettings(max_output_tokens=5)).body["max_tokens"] == 5
    assert write().body["max_tokens"] == 64_000


# --- turns --------------------------------------------------------------------------------------------------------


def test_t37_one_turn_holds_thought_text_and_calls() -> None:
    """T-37: items of one turn are one assistant message, in order."""
    carrier = Carrier("messages", "signature", {"thinking": "t", "signature": "S"})
    items = (HI, Reasoning(summary=["t"], carrier=carrier), say("assistant", "x"), call("a", '{"q":1}'), call("b"))
    assert messages(*items, ToolOutput(call_id="a", output="1"), ToolOutput(call_id="b", output="2")) == [
        user("Hi"),
        assistant({"type": "thinking", "thinking": "t", "signature": "S"}, "x", use("a", q=1), use("b")),
        user(result("a", "1"), result("b", "2")),
    ]


def test_t45_interleaved_thought_is_replayed_in_its_order() -> None:
    """T-45: every block at its place, byte for byte."""

    def signed(signature: str) -> Reasoning:
        return Reasoning(carrier=Carrier("messages", "signature", {"thinking": "", "signature": signature}))

    red = Reasoning(carrier=Carrier("messages", "redacted", "RED"))
    items = (HI, signed("SIG0"), red, say("assistant", "x"), call("a"), signed("SIG4"), call("b"))
    turn = messages(*items, ToolOutput(call_id="a", output="1"), ToolOutput(call_id="b", output="2"))[1]["content"]
    assert turn == [
        {"type": "thinking", "thinking": "", "signature": "SIG0"},
        {"type": "redacted_thinking", "data": "RED"},
        {"type": "text", "text": "x"},
        use("a"),
        {"type": "thinking", "thinking": "", "signature": "SIG4"},
        use("b"),
    ]


def test_t44_foreign_and_unsigned_thought_is_left_out() -> None:
    """T-44: Anthropic would refuse it, so the turn goes without."""
    items = (HI, Reasoning(summary=["t"]), Reasoning(carrier=Carrier("chat", "text", "")), say("assistant", "x"), HI)
    assert messages(*items) == [user("Hi"), assistant("x"), user("Hi")]


def test_t35_results_come_first_in_the_order_of_the_calls() -> None:
    """T-35: all results of a turn stand in one message before any text."""
    items = (HI, call("a"), call("b"), say("user", "and?"))
    outputs = (ToolOutput(call_id="b", output="2"), ToolOutput(call_id="a", output="1", is_error=True))
    assert messages(*items, *outputs)[2] == user(result("a", "1", is_error=True), result("b", "2"), "and?")


def test_a_late_output_moves_to_its_call() -> None:
    """Anthropic wants every call answered in the next message."""
    items = (HI, call("a"), call("b"), ToolOutput(call_id="a", output="1"), say("assistant", "x"))
    assert messages(*items, ToolOutput(call_id="b", output="2"), HI) == [
        user("Hi"),
        assistant(use("a"), use("b")),
        user(result("a", "1"), result("b", "2")),
        assistant("x"),
        user("Hi"),
    ]


def test_calls_one_after_another_are_turns_of_their_own() -> None:
    """A loop of single calls keeps its steps."""
    items = (HI, call("a"), ToolOutput(call_id="a", output="1"), call("b"), ToolOutput(call_id="b", output="2"))
    assert [turn["role"] for turn in messages(*items)] == ["user", "assistant", "user", "assistant", "user"]


def test_t34_empty_text_makes_no_block() -> None:
    """T-34: neither in turns nor in results."""
    items = (HI, say("assistant", "", " \n"), call("a"), ToolOutput(call_id="a", output=""), say("user", "", "x"))
    assert messages(*items) == [user("Hi"), assistant(use("a")), user(result("a"), "x")]


def test_t34_a_refusal_in_the_history_is_text() -> None:
    """T-34: the model's words are kept."""
    assert messages(HI, say("assistant", Refusal(refusal="No.")), HI)[1] == assistant("No.")


def test_t34_a_prefill_does_not_end_in_white_space() -> None:
    """T-34: Anthropic refuses it."""
    assert messages(HI, say("assistant", "So: \n"))[-1] == assistant("So:")


def test_t57_neighbours_of_one_role_are_blocks_of_one_turn() -> None:
    """T-57: roles alternate, blocks stay apart."""
    assert messages(say("user", "a"), say("user", "b")) == [user("a", "b")]


@pytest.mark.parametrize("items", [(say("assistant", "Hello!"), HI), (say("user", " "),)])
def test_t57_the_first_turn_is_the_users(items: tuple[Item, ...]) -> None:
    """T-57: a placeholder stands for a user who has not spoken."""
    assert messages(*items)[0] == user(PLACEHOLDER)


def test_system_text_is_hoisted() -> None:
    """Instructions, system and developer messages stand on top, with what belongs to them."""
    cached = Text(text="B", extras={"messages": {"cache_control": {"type": "ephemeral"}}})
    body = write(say("developer", cached), HI, say("system", "C"), instructions="A").body
    assert body["system"] == [
        {"type": "text", "text": "A"},
        {"type": "text", "text": "B", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "C"},
    ]
    assert body["messages"] == [user("Hi")]


def test_instructions_alone_are_a_string() -> None:
    """The plain form for the plain case."""
    assert write(instructions="A").body["system"] == "A"


def test_call_ids_fit_anthropic_and_stay_pairs() -> None:
    """An id with other letters is mapped, the same each time, for the call and its result."""
    items = (HI, call("call.1|x"), ToolOutput(call_id="call.1|x", output="1"))
    first, second = messages(*items), messages(*items)
    mapped = first[1]["content"][0]["id"]
    assert first == second
    assert mapped.replace("_", "").isalnum()
    assert first[2]["content"][0]["tool_use_id"] == mapped


def test_an_id_used_twice_is_made_unique() -> None:
    """Some providers count calls anew each turn."""
    items = (HI, call("call_0"), ToolOutput(call_id="call_0", output="1"))
    again = (HI, call("call_0"), ToolOutput(call_id="call_0", output="2"))
    turns = messages(*items, *again)
    assert turns[2]["content"][0] == result("call_0", "1")
    assert turns[3]["content"] == [use("call_0_2")]
    assert turns[4]["content"] == [result("call_0_2", "2")]


def test_t38_a_picture_in_a_result_is_a_picture() -> None:
    """T-38: never base64 as text."""
    output = ToolOutput(call_id="a", output=[Text(text="see"), Image(url="data:image/png;base64,AAAA")])
    assert messages(HI, call("a"), output)[2]["content"][0]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
    ]


def test_own_blocks_go_back_in_place() -> None:
    """A server's tool of this very dialect is the assistant's; another dialect's item has no place."""
    value = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    own = OtherItem(dialect="messages", type="server_tool_use", value=value)
    foreign = OtherItem(dialect="responses", type="web_search_call", value={})
    assert messages(HI, own, foreign, HI) == [user("Hi"), assistant(value), user("Hi")]


# --- media --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "source"),
    [
        (Image(url="https://x/y.png"), {"type": "url", "url": "https://x/y.png"}),
        (Image(file_id="f"), {"type": "file", "file_id": "f"}),
        (Image(url="data:image/jpg;base64,AA=="), {"type": "base64", "media_type": "image/jpeg", "data": "AA=="}),
        (
            Image(url="data:image/png;charset=utf-8;base64,AA=="),
            {"type": "base64", "media_type": "image/png", "data": "AA=="},
        ),
        (
            File(data="data:application/pdf;base64,AA=="),
            {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
        ),
        (
            File(data="data:text/markdown;base64,SGk="),
            {"type": "text", "media_type": "text/plain", "data": "Hi"},
        ),
        (File(data="AA", filename="x.pdf"), {"type": "base64", "media_type": "application/pdf", "data": "AA=="}),
        (File(url="https://x/y.pdf"), {"type": "url", "url": "https://x/y.pdf"}),
        (File(file_id="f"), {"type": "file", "file_id": "f"}),
    ],
)
def test_t86_media_sources(part: Part, source: dict[str, Any]) -> None:
    """T-86: every source has its form."""
    assert messages(say("user", part))[0]["content"][0]["source"] == source


def test_t86_the_file_name_is_the_title() -> None:
    """T-86: so that the model can name it."""
    (block,) = messages(say("user", File(file_id="f", filename="report.pdf")))[0]["content"]
    assert block == {"type": "document", "source": {"type": "file", "file_id": "f"}, "title": "report.pdf"}


@pytest.mark.parametrize(
    "part",
    [
        Image(url="data:image/png,AAAA"),
        Image(url="data:image/svg+xml;base64,AAAA"),
        File(data="data:application/zip;base64,AA=="),
        File(data="AA"),
        File(data="data:text/plain;base64,A"),
    ],
)
def test_t87_media_that_anthropic_cannot_read_are_refused(part: Part) -> None:
    """T-87: a clear error, before the provider is asked."""
    with pytest.raises(InvalidRequest, match=r"must be|is of type|base64"):
        write(say("user", part))


@pytest.mark.parametrize(
    "item", [say("user", Audio(data="AA", format="wav")), say("system", Image(url="https://x/y.png"))]
)
def test_parts_without_a_place_are_refused(item: Item) -> None:
    """Sound, and pictures in system text."""
    with pytest.raises(Unsupported):
        write(item)
