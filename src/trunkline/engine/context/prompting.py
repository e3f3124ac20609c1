"""The prompt that a request names: whose it is, and what the request stands for then.

One that is kept here is expanded. One that is kept at the provider goes there as it is, for those who may use it.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from trunkline.dialects.openai_responses.prompts import PromptCall, expand, read_prompt
from trunkline.engine.envelope import Envelope, Members, encode_members, read_envelope
from trunkline.errors import InvalidRequest
from trunkline.principal import Principal
from trunkline.state.prompts import KeptVersion, Prompts
from trunkline.state.store import Store


class PromptHome(Struct, frozen=True):
    """Where a prompt is kept: here, as this version; else at the provider.

    Then the request goes there under the name `model`, and where that is empty, without one: the prompt owns it.
    """

    version: KeptVersion | None = None
    model: str = ""


class Prompted(Struct, frozen=True):
    """A request that named a prompt, as what it stands for.

    Where it is still a member of it, only an account that keeps prompts can answer. `messages` are the prompt's own;
    they stand before all that the request goes on from, and are never kept with it.
    """

    envelope: Envelope
    messages: list[Raw]


async def read_prompted(
    store: Store, principal: Principal, envelope: Envelope, forward: Mapping[str, str] | None
) -> Prompted:
    """What a request with the member `prompt` stands for.

    `forward` are the prompts at a provider that anybody may use, each with its model; `None` where no provider that is
    served keeps any. Raises `InvalidRequest` for a
    prompt that is not there or is not used as it should be, `Unavailable` when the store cannot say.
    """
    call = read_prompt(envelope.members["prompt"])
    if call is None:
        return _without_prompt(envelope)
    version = await _find_version(store.prompts, principal.path, call)
    if version is None and (forward is None or await store.responses.was_here([call.id])):
        raise _unknown_prompt(call.id)
    home = choose_prompt_home(call, version, principal, envelope.model, forward or {})
    if home.version is None:
        return Prompted(replace(envelope, model=home.model), [])
    expanded = expand(envelope.members, call, home.version)
    return Prompted(_write_envelope(envelope, expanded.members), expanded.messages)


def choose_prompt_home(
    call: PromptCall, version: KeptVersion | None, principal: Principal, model: str, forward: Mapping[str, str]
) -> PromptHome:
    """Where a prompt is kept, if this caller may use it. Raises `InvalidRequest`.

    `version` is what was found on the caller's path, `model` what the request names itself. The operator, who owns the
    account at the provider, may name any prompt there; others one that `forward` lists, whose model stands in for
    theirs, so that whatever depends on a model knows which one it is.
    """
    if version is not None:
        return PromptHome(version)
    listed = forward.get(call.id)
    if listed is None and not principal.is_operator:
        raise _unknown_prompt(call.id)
    return PromptHome(model=model or listed or "")


def unknown_prompt(raw: Raw) -> InvalidRequest:
    """The error for a member `prompt` that is not there, for this caller or for the model that it asks."""
    call = read_prompt(raw)
    return _unknown_prompt("" if call is None else call.id)


def _unknown_prompt(id: str) -> InvalidRequest:
    return InvalidRequest(
        f"Prompt with id '{id}' not found. Make it here with `trunkline prompts create`; one that is kept at OpenAI is"
        " used with OpenAI's models alone, and by others than the operator when `prompts.forward` of the configuration"
        f" lists it with its model: `prompts: {{forward: [{{id: {id}, model: openai/gpt-5-mini}}]}}`",
        param="prompt.id",
        code="prompt_not_found",
    )


async def _find_version(prompts: Prompts, path: str, call: PromptCall) -> KeptVersion | None:
    version = await prompts.version(path, call.id, call.version)
    if version is None and call.version is not None:
        kept = await prompts.find(path, call.id)
        if kept is not None:
            raise InvalidRequest(
                f"Prompt '{call.id}' has no version '{call.version[:64]}': name another, or leave it out for its default"
                f" version, which is '{kept.default_version}'",
                param="prompt.version",
                code="prompt_version_not_found",
            )
    return version


def _write_envelope(envelope: Envelope, members: Members) -> Envelope:
    return replace(
        envelope,
        model=msgspec.json.decode(members["model"], type=str),
        members=members,
        body=encode_members(members),
        echo={**envelope.echo, "prompt": envelope.members["prompt"]},
    )


def _without_prompt(envelope: Envelope) -> Prompted:
    """The request without a `prompt` that is null."""
    members = {name: value for name, value in envelope.members.items() if name != "prompt"}
    return Prompted(read_envelope(encode_members(members)), [])
