"""What one call may cost at most, by its body alone."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from scripted_gateway import DIALECTS, question
from trunkline.capabilities import Capabilities
from trunkline.dialects.output_limit import OutputLimit
from trunkline.engine.bounds.possible_cost import Possible, Prices, choose_limit, count_most, look_at, weigh
from trunkline.engine.envelope import read_envelope
from trunkline.money import Long, Tariff, fill_rates

PLAIN = fill_rates({"input": 2_000_000_000, "output": 10_000_000_000})
PICTURE = "data:image/png;base64," + "A" * 400_000


def possible(body: dict[str, Any], tariff: Tariff, input_tokens: int = 1_000) -> Possible:
    data = msgspec.json.encode({"model": "m", **body})
    seen = look_at("responses", read_envelope(data).members, data)
    return weigh(seen, Prices(tariff), input_tokens)


def count(body: dict[str, Any], dialect: str = "chat", ratio: float = 1.0, **facts: Any) -> int:
    envelope = read_envelope(msgspec.json.encode(body))
    seen = look_at(dialect, envelope.members, envelope.body)
    return count_most(DIALECTS[dialect], envelope, seen, Capabilities(**facts), ratio)


def test_input_and_output_are_counted_at_their_prices() -> None:
    """A thousand tokens at two dollars a million, and a hundred at ten."""
    assert possible({}, Tariff(PLAIN)).cost(100) == 1_000 * 2_000 + 100 * 10_000


def test_a_part_of_a_nano_dollar_counts_as_a_whole_one() -> None:
    """What is reserved is never less than what it may come to."""
    assert Possible(0, 1).cost(1) == 1


@pytest.mark.parametrize("money", [0, 1, 2_000_000, 2_000_001, 3_000_007])
def test_the_limit_that_money_pays_for_is_the_largest(money: int) -> None:
    """It costs no more than there is, and the next one does."""
    found = Possible(2_000_000, 10_000_000_007)
    tokens = found.tokens(money)
    if tokens >= 0:
        assert found.cost(tokens) <= money
    assert found.cost(tokens + 1) > money


def test_what_costs_nothing_fits_into_nothing() -> None:
    """A model that runs here is never refused for want of money."""
    assert Possible(0, 0).tokens(0) > 0
    assert Possible(1, 0).tokens(0) < 0


def test_input_is_counted_at_the_dearest_rate_that_it_may_meet() -> None:
    """Whether it is read fresh or written to a cache is known only after."""
    tariff = Tariff(fill_rates({"input": 2_000_000_000, "output": 0, "cache_write": 3_000_000_000}))
    assert possible({}, tariff).fixed == 1_000 * 3_000


def test_a_cache_of_an_hour_is_counted_where_it_is_asked_for() -> None:
    """It is dearer, and nobody gets it unasked."""
    known = {"input": 1_000_000_000, "output": 0, "cache_write": 1_000_000_000, "cache_write_1h": 2_000_000_000}
    tariff = Tariff(fill_rates(known))
    assert possible({}, tariff).fixed == 1_000_000
    assert possible({"cache_control": {"ttl": "1h"}}, tariff).fixed == 2_000_000


def test_a_tier_that_is_asked_for_is_counted() -> None:
    """And the usual one beside it, where the provider may serve it after all."""
    fast = Tariff(fill_rates({"input": 4_000_000_000, "output": 20_000_000_000}))
    slow = Tariff(fill_rates({"input": 1_000_000_000, "output": 1_000_000_000}))
    tariff = Tariff(PLAIN, tiers={"priority": fast, "flex": slow})
    assert possible({"service_tier": "priority"}, tariff).rate == 20_000_000_000
    assert possible({"service_tier": "flex"}, tariff).rate == 10_000_000_000


def test_a_large_input_is_counted_at_its_own_price() -> None:
    """A reply to much that goes in costs more as a whole."""
    tariff = Tariff(PLAIN, long=(Long(200_000, fill_rates({"input": 4_000_000_000, "output": 15_000_000_000})),))
    assert possible({}, tariff, 200_000).rate == 10_000_000_000
    assert possible({}, tariff, 200_001).rate == 15_000_000_000


def test_hosted_tools_are_counted_with_what_they_bring_along() -> None:
    """Their fees, and the results that the model reads."""
    tariff = Tariff(fill_rates({"input": 1_000_000, "output": 0, "web_search": 10_000_000}))
    searching = possible({"tools": [{"type": "web_search"}], "max_tool_calls": 2}, tariff)
    assert searching.fixed == 1_000 + 2 * 8_000 + 2 * 10_000_000


# --- how much goes in ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", ["responses", "chat", "messages", "gemini"])
def test_text_is_counted_rather_too_dear(caller: str) -> None:
    """Every three bytes of a body are a token."""
    body = {"model": "m", **question(caller, "m")}
    assert count(body, caller) == -(-len(msgspec.json.encode(body)) // 3)


def test_what_was_learned_of_a_model_counts() -> None:
    """One whose words are shorter is known to count more."""
    body = question("chat", "m")
    assert count(body, ratio=1.2) == count(body)
    assert count(body, ratio=3.0) > 2 * count(body)


@pytest.mark.parametrize(
    ("caller", "part"),
    [
        ("chat", {"type": "image_url", "image_url": {"url": PICTURE}}),
        ("responses", {"type": "input_image", "image_url": PICTURE}),
        ("messages", {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 400_000}}),
    ],
)
def test_a_picture_is_counted_as_one_and_not_as_text(caller: str, part: dict[str, Any]) -> None:
    """Its bytes are no words."""
    body = question(caller, "m")
    turn = {"role": "user", "content": [part]}
    body["input" if caller == "responses" else "messages"] = [turn]
    assert 1_000 < count(body, caller) < 4_000


def test_a_history_that_the_provider_keeps_is_counted_as_all_that_the_model_reads() -> None:
    """Nobody here sees how long it is."""
    body = {**question("responses", "m"), "previous_response_id": "resp_1"}
    assert count(body, "responses", context_tokens=50_000) > 50_000
    assert count(body, "responses") > 200_000


# --- how much may come out ----------------------------------------------------------------------------------------


def test_a_limit_of_the_callers_own_stays() -> None:
    """Also where it is more than the model can write: its provider will say so."""
    assert choose_limit(OutputLimit(7), Capabilities(max_output_tokens=5), 0, 9) == 7


def test_without_a_limit_it_is_what_the_model_can_write() -> None:
    """And where nobody knows, what the operator has set."""
    assert choose_limit(OutputLimit(None), Capabilities(max_output_tokens=5_000), 0, 9) == 5_000
    assert choose_limit(OutputLimit(None), Capabilities(), 0, 9_000) == 9_000


def test_a_limit_leaves_room_for_what_goes_in() -> None:
    """Some providers refuse what does not fit into a model together."""
    facts = Capabilities(max_output_tokens=5_000, context_tokens=8_000)
    assert choose_limit(OutputLimit(None), facts, 4_000, 9) == 4_000
    assert choose_limit(OutputLimit(None), facts, 9_000, 9) == 256


def test_a_history_of_known_length_is_counted_as_it_is() -> None:
    """The response that a request goes on from has said how long it was."""
    body = {**question("responses", "m"), "previous_response_id": "resp_1"}
    envelope = replace(read_envelope(msgspec.json.encode(body)), before_tokens=1_000)
    seen = look_at("responses", envelope.members, envelope.body)
    counted = count_most(DIALECTS["responses"], envelope, seen, Capabilities(), 1.0)
    assert 1_000 < counted < 1_100
