"""`provider_options`: what a caller says to one provider in that provider's own words."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from trunkline.dialects.kept_files import find_file_ids
from trunkline.engine.caller.access import OTHER_MODELS
from trunkline.engine.envelope import Members
from trunkline.engine.router import Target
from trunkline.errors import InvalidRequest

Options = dict[str, Any]

# What the way of a request was decided by, and what the gateway looks up, keeps or waits for itself: said here it would
# name a model that nobody has allowed, another caller's response, or a run that nobody pays for.
_DECIDED = (
    *("model", "stream", "store", "background"),
    *("previous_response_id", "conversation", "prompt", "input", "messages", "contents"),
    *sorted(OTHER_MODELS),
)


def merge_provider_options(members: Members, target: Target) -> None:
    """Put what is meant for this target into a body's members, and take the rest out."""
    raw = members.pop("provider_options", None)
    if raw is None:
        return
    meant = _read(msgspec.json.decode(raw), target)
    said = {name: msgspec.json.decode(members[name]) for name in meant if name in members}
    for name, value in _merge(said, meant).items():
        members[name] = Raw(msgspec.json.encode(value))


def add_provider_options(body: Options, options: Any, target: Target) -> None:
    """Put what is meant for this target into a written body."""
    body.update(_merge(body, _read(options, target)))


def _read(options: Any, target: Target) -> Options:
    """What is meant for this target, its account's own over its provider's; others' options are nothing to it."""
    if options is None:
        return {}
    if not isinstance(options, dict) or not all(isinstance(value, dict) for value in options.values()):
        raise InvalidRequest(
            '`provider_options` must look like {"<provider>": {"<field>": …}}', param="provider_options"
        )
    account = target.account
    provided = options.get(account.provider.name, {})
    meant = {**provided, **_merge(provided, options.get(account.name, {}))}
    for name in _DECIDED:
        if name in meant:
            raise InvalidRequest(
                f"`provider_options` must not hold `{name}`: send it as a field of the request",
                param="provider_options",
            )
    for file in find_file_ids(meant):
        raise InvalidRequest(
            f"`provider_options` names a file at `{file.path}`: name files in the request itself",
            param="provider_options",
        )
    return meant


def _merge(said: Mapping[str, Any], options: Options) -> Options:
    """The options, with an object's members laid over those of the object that they meet.

    One that tells another `type` is another object, which takes its place.
    """
    return {name: _lay_over(said.get(name), value) for name, value in options.items()}


def _lay_over(said: Any, value: Any) -> Any:
    if not isinstance(said, dict) or not isinstance(value, dict):
        return value
    is_another = "type" in value and "type" in said and value["type"] != said["type"]
    return value if is_another else {**said, **value}
