"""A compaction of ours is opened wherever it stands; a provider's own is left to that provider."""

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from trunkline.capabilities import Capabilities
from trunkline.clock import CountingMint
from trunkline.dialects.lowering import lower
from trunkline.dialects.openai_responses import DIALECT
from trunkline.dialects.openai_responses.compaction import Summary, carry_summary, draw_compaction, open_compactions
from trunkline.dialects.seal import Sealer
from trunkline.errors import InvalidRequest, Unsupported
from trunkline.items import Carrier, Message, Text

SEALER = Sealer({"k1": bytes(32)}, "k1")
SEAL, UNSEAL = SEALER.bind("anthropic", "/team")

NATIVE = {"type": "compaction", "id": "cmp_native", "encrypted_content": "gAAAAABo"}


def compacted(text: str = "They met.", **members: Any) -> dict[str, Any]:
    return draw_compaction("cmp_1", SEAL(carry_summary(Summary(summary=text, **members))))


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def told(*texts: str) -> dict[str, Any]:
    content = [{"type": "input_text", "text": text} for text in texts]
    return {"type": "message", "role": "developer", "content": content}


def summed_up(users: int, text: str = "They met.") -> str:
    covers = f"\n\n(The first {users} of the user's messages are part of what this sums up.)" if users else ""
    return f"Summary of the conversation so far: {text}{covers}"


def call_and_output(call_id: str) -> list[dict[str, Any]]:
    return [
        {"type": "function_call", "call_id": call_id, "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": call_id, "output": "found"},
    ]


def opened(*items: Any) -> list[Any]:
    return [item for _, item in open_compactions(list(items), UNSEAL)]


def patched(*items: Any) -> list[Any]:
    members = {"input": Raw(msgspec.json.encode(list(items)))}
    DIALECT.patch(members, Capabilities(), UNSEAL)
    return msgspec.json.decode(members["input"])


BOTH_WAYS = pytest.mark.parametrize("read", [opened, patched])


@BOTH_WAYS
def test_a_compaction_becomes_a_message_at_its_place(read: Any) -> None:
    """It is told with a priority above the user's, before what came after it."""
    assert read(user("Hi"), compacted(), user("Go on")) == [
        user("Hi"),
        told(summed_up(1)),
        user("Go on"),
    ]


@BOTH_WAYS
def test_what_stood_before_a_compaction_goes_but_for_the_users_words(read: Any) -> None:
    """Clients that replay everything send the compacted items too: calls and answers are dropped in pairs."""
    answer = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]}
    items = [user("Hi"), answer, *call_and_output("c1"), {"role": "system", "content": "Be brief"}]
    assert read(*items, compacted(), *call_and_output("c2")) == [
        user("Hi"),
        told(summed_up(1)),
        *call_and_output("c2"),
    ]


@BOTH_WAYS
def test_the_last_of_several_compactions_counts(read: Any) -> None:
    """An earlier one is part of what the later one stands for, and so is the item that asked for it."""
    items = [user("1"), compacted("old"), user("2"), {"type": "compaction_trigger"}, compacted("new"), user("3")]
    assert read(*items) == [user("1"), user("2"), told(summed_up(2, "new")), user("3")]


@BOTH_WAYS
def test_a_compaction_says_how_many_of_the_users_messages_it_retains(read: Any) -> None:
    """The last ones, as many as there are."""
    three = [user("1"), user("2"), user("3")]
    assert read(*three, compacted(retained=2)) == [*three[1:], told(summed_up(2))]
    assert read(three[0], compacted(retained=2)) == [three[0], told(summed_up(1))]
    assert read(three[0], compacted(retained=0)) == [told(summed_up(0))]


@BOTH_WAYS
def test_the_developers_standing_words_come_back(read: Any) -> None:
    """What the developer had said in the input is told again in its own words, before the summary."""
    assert read(compacted(standing=["Be brief."])) == [told("Be brief.", summed_up(0))]


@BOTH_WAYS
def test_a_providers_own_compaction_is_left_alone(read: Any) -> None:
    """What came before is its maker's to judge; our own compaction before it has served."""
    items = [user("1"), *call_and_output("c1"), NATIVE, user("2")]
    assert read(*items) == items
    assert read(user("1"), compacted(), NATIVE, user("2")) == [user("1"), NATIVE, user("2")]


@pytest.mark.parametrize(
    ("unseal", "why"),
    [
        (Sealer({"k2": bytes(32)}, "k2").bind("anthropic", "/team")[1], "a key that this gateway no longer has"),
        (SEALER.bind("anthropic", "/other")[1], "belongs to another caller"),
    ],
)
def test_a_compaction_that_cannot_be_opened_is_the_callers_to_mend(unseal: Any, why: str) -> None:
    """Without it the conversation would be lost in silence."""
    with pytest.raises(InvalidRequest, match=why) as caught:
        open_compactions([user("Hi"), compacted()], unseal)
    assert caught.value.param == "input[1]"
    assert caught.value.code == "invalid_encrypted_content"


@pytest.mark.parametrize(
    "sealed",
    [compacted()["encrypted_content"][:-4] + "AAAA", SEAL(Carrier("messages", "signature", "c2ln"))],
    ids=["tampered with", "a thought"],
)
def test_what_is_no_summary_of_ours_is_refused(sealed: str) -> None:
    """Whether it was tampered with, or is a thought in the place of a summary."""
    with pytest.raises(InvalidRequest):
        opened(compacted() | {"encrypted_content": sealed})


def test_any_account_opens_it() -> None:
    """A conversation goes on with a model of another provider."""
    _, unseal = SEALER.bind("gemini", "/team")
    assert open_compactions([compacted()], unseal)[0][1] == told(summed_up(0))


def test_a_request_is_read_with_its_compaction_opened() -> None:
    """Errors name the items by the numbers that they had."""
    body = {"model": "m", "input": [user("Hi"), *call_and_output("c1"), compacted(), {"role": "user"}]}
    with pytest.raises(InvalidRequest) as caught:
        DIALECT.read_request(body, UNSEAL)
    assert caught.value.param == "input[4].content"
    body["input"][4] = user("Go on")
    items = DIALECT.read_request(body, UNSEAL).items
    assert [item.role for item in items if isinstance(item, Message)] == ["user", "developer", "user"]
    assert items[1] == Message(role="developer", parts=[Text(text=summed_up(1))])


def test_another_providers_compaction_is_refused_by_every_other_family() -> None:
    """Nobody else can read it, and to leave it out would lose the conversation."""
    request = DIALECT.read_request({"model": "m", "input": [NATIVE, user("Go on")]}, UNSEAL)
    with pytest.raises(Unsupported, match="another provider has sealed") as caught:
        lower(request, "responses", "messages", Capabilities(), CountingMint())
    assert caught.value.param == "input[0]"
