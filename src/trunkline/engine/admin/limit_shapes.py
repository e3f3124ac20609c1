"""A rate limit as it is written: in the configuration, at the admin API, on the command line."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from trunkline.dialects.shapes import Fields, missing
from trunkline.errors import InvalidRequest, UnknownParameter
from trunkline.paths import read_pattern
from trunkline.state.counters import Level
from trunkline.state.limits import MEASURES, Each, LimitRule, Measure
from trunkline.state.periods import Period, read_period

MATCHES = ("path", "key", "model", "provider")
_MEMBERS = ("match", *MEASURES, "per", "zone", "each")

_EACH: Mapping[str, Each] = {"key": "key", "path": "path"}
_MOST = 1_000_000_000_000
_MOST_CHARACTERS = 256


def read_rule(members: Mapping[str, Any], known: LimitRule) -> LimitRule:
    """`{match: {path, key, model, provider}, requests | tokens | concurrent, per, zone, each}` laid over what is
    `known`.

    Raises `InvalidRequest`, naming the member that is wrong.
    """
    fields = Fields(dict(members))
    for name in members:
        if name not in _MEMBERS:
            raise UnknownParameter(f"`{name[:64]}` is not a known parameter", param=name[:64])
    measure, most = _read_measure(fields, known)
    rule = replace(known, measure=measure, most=most, period=_read_period(fields, measure, known.period))
    if "match" in members:
        rule = replace(rule, **_read_match(fields.fields("match")))
    if "each" in members:
        each = fields.word("each", tuple(_EACH))
        rule = replace(rule, each=None if each is None else _EACH[each])
    return rule


def _read_measure(fields: Fields, known: LimitRule) -> tuple[Measure, int]:
    said = {measure: most for measure in MEASURES if (most := fields.integer(measure, 1)) is not None}
    if len(said) > 1 or (not said and not known.most):
        raise InvalidRequest("one of `requests`, `tokens` and `concurrent` must be there, a number", param="requests")
    measure, most = next(iter(said.items()), (known.measure, known.most))
    if most > _MOST:
        raise InvalidRequest(f"`{measure}` must be at most {_MOST}", param=measure, code="integer_above_max_value")
    return measure, most


def _read_period(fields: Fields, measure: Measure, known: Period | None) -> Period | None:
    per, zone = fields.text("per"), fields.text("zone")
    if measure == "concurrent":
        if per is not None or zone is not None:
            raise InvalidRequest("what is `concurrent` has no `per` and no `zone`", param="per" if per else "zone")
        return None
    if per is None and known is None:
        raise missing("per", "minute, hour, day, week, month, or seconds like 30s")
    old_zone = "UTC" if known is None else known.zone
    try:
        return read_period(str(known) if per is None else per, old_zone if zone is None else zone)
    except ValueError as error:
        param = "zone" if "zone" in str(error) else "per"
        raise InvalidRequest(f"`{param}`: {error}", param=param, code="invalid_value") from None


def _read_match(fields: Fields | None) -> dict[str, str | None]:
    """The four members of `match`; `None` for those that are not said."""
    if fields is None:
        return dict.fromkeys(MATCHES)
    said = {name: fields.text(name) for name in MATCHES}
    for name in fields.rest():
        raise UnknownParameter(f"`match.{name[:64]}` is not a known parameter", param=f"match.{name[:64]}")
    for name, value in said.items():
        if value is not None and not (1 <= len(value) <= _MOST_CHARACTERS and value.isprintable()):
            raise InvalidRequest(f"`match.{name}` must be 1 to {_MOST_CHARACTERS} characters", param=f"match.{name}")
    if said["path"] is not None:
        said["path"] = read_pattern(said["path"], "match.path")
    return said


def write_rule(rule: LimitRule) -> dict[str, Any]:
    """The members of a rule, as they are read."""
    match = {name: value for name in MATCHES if (value := getattr(rule, name)) is not None}
    written: dict[str, Any] = {"match": match, rule.measure: rule.most}
    if rule.period is not None:
        written |= {"per": str(rule.period), "zone": rule.period.zone}
    return written if rule.each is None else written | {"each": rule.each}


def draw_rule(rule: LimitRule, level: Level | None = None) -> dict[str, Any]:
    """The object of a rule. `use` is how its counter stands, where it has one."""
    use = None
    if level is not None:
        use = {
            "used": level.spent,
            "reserved": level.held,
            "remaining": level.left,
            "resets_in_seconds": level.full_in_ms / 1_000,
        }
    made = rule.created_at_micros // 1_000_000 if rule.created_at_micros else None
    return {
        "id": rule.id,
        "object": "limit",
        **write_rule(rule),
        "declared": rule.is_declared,
        "created_at": made,
        "use": use,
    }
