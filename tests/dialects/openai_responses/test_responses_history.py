"""A chain of kept responses is the history of the next turn."""

import json
from typing import Any

from trunkline.dialects.openai_responses.history import context, history
from trunkline.state.responses import KeptResponse


def user(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def answer(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": f"msg_{text}", "role": "assistant", "status": "completed", "content": content}


def kept(
    id: str,
    input_: Any,
    *output: Any,
    previous: str | None = None,
    parent: str | None = None,
    parent_items: int | None = None,
) -> KeptResponse:
    response = {"id": id, "output": output, "previous_response_id": previous}
    return KeptResponse(
        id=id,
        path="/",
        created_at_micros=1,
        expires_at_micros=2,
        status="completed",
        input=json.dumps(input_).encode(),
        response=json.dumps(response).encode(),
        parent_id=previous or parent,
        parent_items=parent_items,
    )


def read(items: list[Any]) -> list[Any]:
    return [json.loads(bytes(item)) for item in items]


def test_a_turn_leaves_its_input_and_its_output() -> None:
    """A string is one message of the user's; items keep their bytes."""
    turn = kept("resp_1", "hello", answer("hi"))
    assert read(history([turn])) == [user("hello"), answer("hi")]
    spaced = KeptResponse(
        id="resp_2",
        path="/",
        created_at_micros=1,
        expires_at_micros=2,
        status="completed",
        input=b'[ {"role" : "user", "content":"x",  "own": 1.10} ]',
        response=b'{"output":[]}',
    )
    assert [bytes(item) for item in history([spaced])] == [b'{"role" : "user", "content":"x",  "own": 1.10}']


def test_a_chain_is_every_turn_in_order() -> None:
    """Input and output of each response follow each other, the oldest first."""
    chain = [
        kept("resp_1", "one", answer("a")),
        kept("resp_2", [user("two")], answer("b"), previous="resp_1"),
        kept("resp_3", "three", answer("c"), previous="resp_2"),
    ]
    assert read(history(chain)) == [user("one"), answer("a"), user("two"), answer("b"), user("three"), answer("c")]
    assert [(each.response_id, each.position) for each in context(chain)] == [
        ("resp_1", 0),
        ("resp_1", 0),
        ("resp_2", 0),
        ("resp_2", 0),
        ("resp_3", 0),
    ]


def test_what_was_sent_again_is_taken_from_where_it_stands() -> None:
    """Of a parent whose beginning was sent again, only that beginning counts, and not its answer."""
    chain = [
        kept("resp_1", [user("one"), user("more")], answer("a")),
        kept("resp_2", [answer("edited"), user("two")], answer("b"), parent="resp_1", parent_items=1),
    ]
    assert read(history(chain)) == [user("one"), answer("edited"), user("two"), answer("b")]
    assert [(each.response_id, each.position) for each in context(chain)] == [
        ("resp_1", 0),
        ("resp_2", 1),
        ("resp_2", 2),
    ]


def test_items_sent_again_may_stand_several_rows_up() -> None:
    """The number counts what the caller had sent with the parent, wherever that is kept."""
    chain = [
        kept("resp_1", [user("one")], answer("a")),
        kept("resp_2", [answer("x"), user("two")], answer("b"), parent="resp_1", parent_items=1),
        kept("resp_3", [answer("y"), user("three")], answer("c"), parent="resp_2", parent_items=3),
        kept("resp_4", "four", answer("d"), previous="resp_3"),
    ]
    expected = [user("one"), answer("x"), user("two"), answer("y"), user("three"), answer("c"), user("four")]
    assert read(history(chain)) == [*expected, answer("d")]


def test_a_history_that_was_sent_again_whole_counts_as_sent() -> None:
    """A parent that the caller did not name stands for the first items of what it sent."""
    chain = [
        kept("resp_1", [user("one")], answer("a")),
        kept("resp_2", [user("two")], answer("b"), parent="resp_1"),
        kept("resp_3", [user("three")], answer("c"), parent="resp_2", parent_items=3),
    ]
    assert read(history(chain)) == [user("one"), answer("a"), user("two"), user("three"), answer("c")]
    assert [(each.response_id, each.position) for each in context(chain)][2:] == [("resp_2", 2), ("resp_3", 3)]


def test_items_sent_beside_a_named_parent_are_counted_alone() -> None:
    """What was inherited from a response that the caller named was not sent."""
    chain = [
        kept("resp_1", "one", answer("a")),
        kept("resp_2", [user("two"), user("too")], answer("b"), previous="resp_1"),
        kept("resp_3", [user("three")], answer("c"), parent="resp_2", parent_items=1),
    ]
    assert read(history(chain)) == [user("two"), user("three"), answer("c")]


def test_a_response_under_way_has_no_output_yet() -> None:
    """Whatever output there is counts; a response object without any, or without an input, is no error."""
    queued = KeptResponse(
        id="resp_1",
        path="/",
        created_at_micros=1,
        expires_at_micros=2,
        status="queued",
        input=b"null",
        response=b'{"id":"resp_1","status":"queued"}',
    )
    assert history([queued]) == []
    assert history([]) == []
