"""A budget as it is written: in the configuration, at the admin API, on the command line."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from trunkline.dialects.shapes import Fields, missing, wrong_value
from trunkline.engine.bounds.budgets.alerts import may_sign
from trunkline.engine.bounds.budgets.refusals import write_moment
from trunkline.engine.bounds.budgets.treasury import Standing
from trunkline.errors import InvalidRequest, UnknownParameter
from trunkline.labels import read_label
from trunkline.money import Nano, read_dollars, write_dollars
from trunkline.paths import read_pattern
from trunkline.state.budgets import SHARES, Budget, OnLow, Unpriced, Webhook
from trunkline.state.periods import Period, read_period

MATCHES = ("path", "key", "label")
MEMBERS = ("name", "match", "dollars", "per", "zone", "unpriced", "on_low", "owner", "webhook", "shares")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_UNPRICED: Mapping[str, Unpriced] = {"refuse": "refuse", "allow": "allow"}
_ON_LOW: Mapping[str, OnLow] = {"refuse": "refuse", "cut": "cut"}

_MOST_CHARACTERS = 256
_MOST_SHARES = 10

NEW = Budget(name="", cap=Nano(-1), period=Period("month", 2_592_000))
"""What a budget is laid over that is made."""

_PERIODS = "hour, day, week, month, or seconds like 3600s"


def read_budget(members: Mapping[str, Any], known: Budget, *, is_trusted: bool = False) -> Budget:
    """The members that are said, laid over what is `known`; `match` and `webhook` as a whole.

    `is_trusted`: the configuration says so. Raises `InvalidRequest`, naming the member that is wrong.
    """
    fields = Fields(dict(members))
    _refuse_unknown(members, MEMBERS)
    budget = replace(
        known,
        name=known.name or read_name(fields.need_text("name")),
        cap=_read_cap(fields, known),
        period=_read_period(fields, known),
        unpriced=_UNPRICED[fields.word("unpriced", tuple(_UNPRICED)) or known.unpriced],
        on_low=_ON_LOW[fields.word("on_low", tuple(_ON_LOW)) or known.on_low],
        owner=_read_owner(fields, known),
        shares=_read_shares(members, known),
    )
    if "match" in members:
        budget = replace(budget, **_read_match(fields.fields("match")))
    if "webhook" in members:
        budget = replace(budget, webhook=_read_webhook(fields.fields("webhook"), known, is_trusted=is_trusted))
    return budget


def read_name(text: str) -> str:
    """The name of a budget. Raises `InvalidRequest` for what can be none."""
    if not _NAME.fullmatch(text):
        raise InvalidRequest(
            "`name` must be 1 to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or a digit",
            param="name",
        )
    return text


def _refuse_unknown(members: Mapping[str, Any], names: tuple[str, ...], place: str = "") -> None:
    for name in members:
        if name not in names:
            raise UnknownParameter(f"`{place}{name[:64]}` is not a known parameter", param=f"{place}{name[:64]}")


def _read_cap(fields: Fields, known: Budget) -> Nano:
    text = fields.text("dollars")
    if text is None:
        if known.cap < 0:
            raise missing("dollars", "a string like 500 or 12.50")
        return known.cap
    try:
        return read_dollars(text)
    except ValueError as error:
        raise InvalidRequest(f"`dollars`: {error}", param="dollars", code="invalid_value") from None


def _read_period(fields: Fields, known: Budget) -> Period:
    per, zone = fields.text("per"), fields.text("zone")
    if per is None and known.cap < 0:
        raise missing("per", _PERIODS)
    try:
        period = read_period(str(known.period) if per is None else per, known.period.zone if zone is None else zone)
    except ValueError as error:
        param = "zone" if "zone" in str(error) else "per"
        raise InvalidRequest(f"`{param}`: {error}", param=param, code="invalid_value") from None
    if period.unit == "minute":
        raise InvalidRequest(f"`per` must be {_PERIODS}", param="per", code="invalid_value")
    return period


def _read_owner(fields: Fields, known: Budget) -> str:
    owner = fields.text("owner")
    if owner is None:
        return known.owner
    if len(owner) > _MOST_CHARACTERS or not owner.isprintable():
        raise InvalidRequest(f"`owner` must be at most {_MOST_CHARACTERS} printable characters", param="owner")
    return owner


def _read_shares(members: Mapping[str, Any], known: Budget) -> tuple[int, ...]:
    shares = members.get("shares")
    if shares is None:
        return known.shares if "shares" not in members else SHARES
    is_sound = isinstance(shares, list) and 1 <= len(shares) <= _MOST_SHARES
    if not is_sound or not all(type(share) is int and 1 <= share <= 100 for share in shares):
        raise InvalidRequest("`shares` must be 1 to 10 whole numbers from 1 to 100", param="shares")
    return tuple(sorted(set(shares)))


def _read_match(fields: Fields | None) -> dict[str, Any]:
    """The three members of `match`; `None` for those that are not said."""
    if fields is None:
        return dict.fromkeys(MATCHES)
    _refuse_unknown(fields.value, MATCHES, "match.")
    path, key, label = (fields.text(name) for name in MATCHES)
    if key is not None and not (1 <= len(key) <= _MOST_CHARACTERS and key.isprintable()):
        raise InvalidRequest(f"`match.key` must be 1 to {_MOST_CHARACTERS} characters", param="match.key")
    return {
        "path": None if path is None else read_pattern(path, "match.path"),
        "key": key,
        "label": None if label is None else read_label(label, "match.label"),
    }


def _read_webhook(fields: Fields | None, known: Budget, *, is_trusted: bool) -> Webhook | None:
    """The webhook; without a secret, the one that is known stays."""
    if fields is None:
        return None
    _refuse_unknown(fields.value, ("url", "secret"), "webhook.")
    url, secret = fields.need_text("url"), fields.text("secret")
    if not url.startswith(("https://", "http://")) or len(url) > 2048:
        raise wrong_value("webhook.url", url, ("https://…", "http://…"))
    if secret is None:
        secret = "" if known.webhook is None else known.webhook.secret
    if secret and not may_sign(secret):
        raise InvalidRequest(
            "`webhook.secret` must be at least 16 printable characters, or base64 of as many bytes behind `whsec_`",
            param="webhook.secret",
        )
    return Webhook(url, secret, is_trusted)


# --- shown --------------------------------------------------------------------------------------------------------


def write_budget(budget: Budget) -> dict[str, Any]:
    """The members of a budget, as they are read; of a webhook without its secret."""
    label = None if budget.label is None else "=".join(budget.label)
    match = {"path": budget.path, "key": budget.key, "label": label}
    return {
        "name": budget.name,
        "match": {name: value for name, value in match.items() if value is not None},
        "dollars": write_dollars(budget.cap),
        "per": str(budget.period),
        "zone": budget.period.zone,
        "unpriced": budget.unpriced,
        "on_low": budget.on_low,
        "owner": budget.owner,
        "webhook": None if budget.webhook is None else {"url": budget.webhook.url},
        "shares": list(budget.shares),
    }


def draw_budget(budget: Budget, standing: Standing | None = None) -> dict[str, Any]:
    """The object of a budget. `status` is how it stands, where that is known."""
    return {
        **write_budget(budget),
        "object": "budget",
        "declared": budget.is_declared,
        "reset_at": write_moment(budget.since_micros) if budget.since_micros else None,
        "status": None if standing is None else _draw_standing(budget, standing),
    }


def _draw_standing(budget: Budget, standing: Standing) -> dict[str, Any]:
    window, level = standing.fund.window, standing.level
    return {
        "spent": write_dollars(level.spent),
        "reserved": write_dollars(level.held),
        "left": write_dollars(max(0, budget.cap - level.spent - level.held)),
        "window": {"start": write_moment(window.start), "end": write_moment(window.end)},
    }
