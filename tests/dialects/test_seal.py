"""What a provider must get back travels through the caller unread, and works for nobody else."""

import pytest

from trunkline.dialects.seal import BOUND_ELSEWHERE, FOREIGN, GATEWAY, PREFIX, Sealer
from trunkline.items import Carrier

CARRIER = Carrier("messages", "signature", {"thinking": "hm", "signature": "c2ln"})


@pytest.fixture
def sealer() -> Sealer:
    return Sealer({"k1": bytes(32)}, "k1")


def test_a_sealed_value_opens_for_whom_it_was_sealed(sealer: Sealer) -> None:
    """The carrier comes back equal."""
    seal, unseal = sealer.bind("anthropic", "/team")
    assert unseal(seal(CARRIER)) == CARRIER


def test_a_sealed_value_says_its_key(sealer: Sealer) -> None:
    """The shape is `tl1.<key id>.<base64url>`, and the content cannot be read in it."""
    seal, _ = sealer.bind("anthropic", "/team")
    value = seal(CARRIER)
    assert value.startswith("tl1.k1.")
    assert "c2ln" not in value


@pytest.mark.parametrize(("account", "path"), [("anthropic-eu", "/team"), ("anthropic", "/other")])
def test_a_sealed_value_is_foreign_elsewhere(sealer: Sealer, account: str, path: str) -> None:
    """Another account or another path gets nothing out of it, and no error either."""
    seal, _ = sealer.bind("anthropic", "/team")
    _, unseal = sealer.bind(account, path)
    opened = unseal(seal(CARRIER))
    assert opened is not None
    assert opened.family == FOREIGN


def test_a_value_under_a_lost_key_is_foreign(sealer: Sealer) -> None:
    """A key that is gone makes no error."""
    seal, _ = sealer.bind("a", "/")
    _, unseal = Sealer({"k2": bytes(range(32))}, "k2").bind("a", "/")
    opened = unseal(seal(CARRIER))
    assert opened is not None
    assert opened.family == FOREIGN


def test_the_previous_key_still_opens() -> None:
    """After a rotation what was sealed before is good."""
    seal, _ = Sealer({"old": bytes(32)}, "old").bind("a", "/")
    _, unseal = Sealer({"old": bytes(32), "new": bytes(range(32))}, "new").bind("a", "/")
    assert unseal(seal(CARRIER)) == CARRIER


@pytest.mark.parametrize("value", ["", "gAAAA", "EqQBCkYIBxgC"])
def test_a_providers_own_value_is_not_ours(sealer: Sealer, value: str) -> None:
    """What we did not seal is left to whoever made it."""
    _, unseal = sealer.bind("a", "/")
    assert unseal(value) is None


@pytest.mark.parametrize("rest", ["k1.", "k1.!!!", "k1.AAAA", "k1", ""])
def test_a_damaged_value_is_foreign(sealer: Sealer, rest: str) -> None:
    """Whatever a caller makes of it, nothing raises."""
    _, unseal = sealer.bind("a", "/")
    opened = unseal(PREFIX + rest)
    assert opened is not None
    assert opened.family == FOREIGN


def test_no_key_is_in_a_repr() -> None:
    """A sealer can be logged."""
    assert "\\x00" not in repr(Sealer({"k1": bytes(32)}, "k1"))


SUMMARY = Carrier(GATEWAY, "summary", {"v": 1, "summary": "They talked."})


def test_what_the_gateway_made_opens_with_any_account(sealer: Sealer) -> None:
    """A value of the gateway's own family is bound to the path alone."""
    seal, _ = sealer.bind("anthropic", "/team")
    _, unseal = sealer.bind("gemini", "/team")
    assert unseal(seal(SUMMARY)) == SUMMARY


def test_what_the_gateway_made_opens_on_its_own_path_alone(sealer: Sealer) -> None:
    """Another path gets nothing out of it, whatever the account."""
    seal, _ = sealer.bind("anthropic", "/team")
    _, unseal = sealer.bind("anthropic", "/other")
    assert unseal(seal(SUMMARY)) == Carrier(FOREIGN, BOUND_ELSEWHERE, None)
