"""An item without an id has one all the same."""

from trunkline.state.ids import derive_item_id, mark, read_mark

MESSAGE = b'{"role":"user","content":"x"}'


def test_a_derived_id_is_the_same_each_time() -> None:
    """It follows from the response and the place, and from nothing else."""
    derived = derive_item_id("resp_1", 0, MESSAGE)
    assert derived == derive_item_id("resp_1", 0, MESSAGE)
    assert derived not in {derive_item_id("resp_1", 1, MESSAGE), derive_item_id("resp_2", 0, MESSAGE)}
    assert derived.startswith("msg_")
    assert len(derived) == len("msg_") + 48


def test_a_derived_id_leads_to_its_response() -> None:
    """By a hash that says nothing of it; what came with an id of its own leads nowhere."""
    assert read_mark(derive_item_id("resp_1", 3, MESSAGE)) == mark("resp_1") != mark("resp_2")
    for other in ("msg_1", "msg_" + "x" * 48, "", "msg_" + "0" * 47):
        assert read_mark(other) is None


def test_its_beginning_says_the_type() -> None:
    """An unknown type has a prefix too, as has what is no object."""
    assert derive_item_id("resp_1", 0, b'{"type":"reasoning","summary":[]}').startswith("rs_")
    assert derive_item_id("resp_1", 0, b'{"type":"function_call_output"}').startswith("fco_")
    assert derive_item_id("resp_1", 0, b'{"type":"of tomorrow"}').startswith("item_")
    assert derive_item_id("resp_1", 0, b"7").startswith("item_")
