"""`provider_options`: what a caller says to one provider in that provider's own words."""

from typing import Any

import msgspec
from msgspec import Raw

from trunkline.engine.envelope import Members
from trunkline.engine.router import Target
from trunkline.errors import InvalidRequest


def merge_provider_options(members: Members, target: Target) -> None:
    """Put what is meant for this target into its body, and take the rest out."""
    raw = members.pop("provider_options", None)
    if raw is None:
        return
    for name, value in read_provider_options(msgspec.json.decode(raw), target).items():
        members[name] = Raw(msgspec.json.encode(value))


# What the way of a request was decided by: a model named here would be one that nobody has resolved or allowed.
_DECIDED = ("model", "stream")


def read_provider_options(options: Any, target: Target) -> dict[str, Any]:
    """What is meant for this target's provider; others' options are nothing to it."""
    if options is None:
        return {}
    if not isinstance(options, dict) or not all(isinstance(value, dict) for value in options.values()):
        raise InvalidRequest(
            '`provider_options` must look like {"<provider>": {"<field>": …}}', param="provider_options"
        )
    account = target.account
    meant = {**options.get(account.provider.name, {}), **options.get(account.name, {})}
    for name in _DECIDED:
        if name in meant:
            raise InvalidRequest(
                f"`provider_options` must not hold `{name}`: send it as a field of the request",
                param="provider_options",
            )
    return meant
