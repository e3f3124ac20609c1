"""Estimates come nearer to what providers count, the more answers there are."""

import msgspec
import pytest

from scripted_gateway import DIALECTS
from trunkline.engine.envelope import read_envelope
from trunkline.engine.estimates.gauge import Gauge, measure
from trunkline.items import Message, Text
from trunkline.request import ModelRequest

REQUEST = ModelRequest(model="m", items=[Message(role="user", parts=[Text(text="word " * 800)])])
PLAIN = Gauge().estimate("a/m", REQUEST)


def test_an_estimate_begins_plain() -> None:
    """Nothing is known of the target yet."""
    assert 900 < PLAIN < 1100


def test_an_estimate_learns_from_what_was_counted() -> None:
    """A tokenizer that makes a third more of everything is known after a few answers, on this target alone."""
    gauge = Gauge()
    for _ in range(5):
        gauge.learn("a/m", 1000, 1300)
    assert gauge.estimate("a/m", REQUEST) == pytest.approx(PLAIN * 1.3, rel=0.01)
    assert gauge.estimate("a/other", REQUEST) == PLAIN


def test_what_was_learned_last_counts_most() -> None:
    """A model behind a name may change."""
    gauge = Gauge()
    for _ in range(20):
        gauge.learn("a/m", 1000, 1000)
    for _ in range(20):
        gauge.learn("a/m", 1000, 2000)
    assert gauge.ratio("a/m") == pytest.approx(2, rel=0.02)


def test_long_requests_teach_more_than_short_ones() -> None:
    """Of a few words an estimate is mostly overhead."""
    gauge = Gauge()
    gauge.learn("a/m", 10_000, 12_000)
    gauge.learn("a/m", 10, 30)
    assert gauge.ratio("a/m") == pytest.approx(1.2, rel=0.01)


@pytest.mark.parametrize("actual", [0, 1, 1_000_000])
def test_counts_of_something_else_teach_nothing(actual: int) -> None:
    """An upstream that told no usage, or counted the pages that it had searched."""
    gauge = Gauge()
    gauge.learn("a/m", 1000, actual)
    assert gauge.ratio("a/m") == 1


def test_few_requests_are_learned_from() -> None:
    """The first of each target, and then one in 128."""
    gauge = Gauge()
    assert sum(gauge.is_due("a/m") for _ in range(1280)) == 4 + 10


def test_the_oldest_target_is_forgotten() -> None:
    """Names are callers' words: they must not fill the memory."""
    gauge = Gauge()
    gauge.learn("first", 100, 200)
    for number in range(4096):
        gauge.is_due(f"a/{number}")
    assert gauge.ratio("first") == 1


@pytest.mark.parametrize(
    ("members", "is_measured"),
    [
        ({}, True),
        ({"previous_response_id": "resp_1"}, False),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x/y"}]}]}, False),
        ({"input": 5}, False),
        ({"input": "x" * 300_000}, False),
    ],
)
def test_only_plain_text_that_is_all_there_is_measured(members: dict[str, object], is_measured: bool) -> None:
    """Pictures are guessed, histories elsewhere unknown, mistakes another's to tell, and long bodies cost time."""
    envelope = read_envelope(msgspec.json.encode({"model": "m", "input": "Hello there", **members}))
    assert (measure(DIALECTS["responses"], envelope) > 0) is is_measured
