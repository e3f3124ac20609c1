"""The prompts of one path, as those who administer them see them: what they send is checked, what they get is shown.

The admin API's routes and the command line, where it opens the store itself, both turn the same pages.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Raw

from trunkline.clock import Clock, Mint
from trunkline.dialects.openai_responses.prompt_bodies import read_prompt_body
from trunkline.dialects.pages import make_listed, write_list, write_page
from trunkline.dialects.shapes import missing, wrong_type
from trunkline.engine.admin.witness import Witness
from trunkline.errors import InvalidRequest, ObjectNotFound
from trunkline.state.prompts import KeptPrompt, KeptVersion, Prompts

_MOST_NAME = 256
_FIRST = "1"


class PromptBook:
    """Raises `InvalidRequest` for what may not be kept, `ObjectNotFound` for what is not there."""

    def __init__(self, prompts: Prompts, path: str, clock: Clock, mint: Mint, witness: Witness) -> None:
        self._prompts = prompts
        self._path = path
        self._clock = clock
        self._mint = mint
        self._witness = witness

    # --- prompts ------------------------------------------------------------------------------------------------

    async def create(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """A new prompt of this `name`, and its first version of this `body`."""
        now = self._clock.now_micros()
        prompt = KeptPrompt(
            id=self._mint("pmpt_"),
            path=self._path,
            name=_read_name(members.get("name")),
            created_at_micros=now,
            default_version=_FIRST,
        )
        body = _read_body(members.get("body"))
        version = KeptVersion(prompt_id=prompt.id, version=_FIRST, created_at_micros=now, body=body)
        shown = _write_prompt(prompt)
        await self._witness.record("prompt.create", prompt.id, None, {**shown, "body": Raw(version.body)})
        await self._prompts.create(prompt, version)
        return shown

    async def page(self, after: str | None = None, limit: int = 100) -> dict[str, Any]:
        """A list of prompts, the newest first."""
        try:
            found = await self._prompts.page(self._path, after=after, limit=limit)
        except KeyError:
            raise _unknown(after or "", "after") from None
        return write_page([make_listed(prompt.id, _write_prompt(prompt)) for prompt in found], limit)

    async def find(self, id: str) -> dict[str, Any]:
        prompt = await self._prompts.find(self._path, id)
        if prompt is None:
            raise _unknown(id)
        return _write_prompt(prompt)

    async def update(self, id: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """Another `name`, another `default_version`, or both."""
        name, default_version = members.get("name"), members.get("default_version")
        before = await self.find(id)
        named = None if name is None else _read_name(name)
        if default_version is not None:
            await self._check_version(id, default_version)
        wanted = {"name": named, "default_version": default_version}
        after = {**before, **{member: value for member, value in wanted.items() if value is not None}}
        await self._witness.record("prompt.update", id, before, after)
        if default_version is not None:
            await self._prompts.set_default(self._path, id, default_version)
        if named is not None:
            await self._prompts.rename(self._path, id, named)
        return await self.find(id)

    async def _check_version(self, id: str, version: Any) -> None:
        if type(version) is not str:
            raise wrong_type("default_version", "a string", version)
        if await self._prompts.version(self._path, id, version) is None:
            raise InvalidRequest(f"prompt '{id}' has no version '{version[:64]}'", param="default_version")

    async def delete(self, id: str) -> dict[str, Any]:
        """Delete a prompt with all its versions."""
        await self._witness.record("prompt.delete", id, await self.find(id), None)
        if not await self._prompts.delete(self._path, id):
            raise _unknown(id)
        return {"id": id, "object": "prompt.deleted", "deleted": True}

    # --- versions -----------------------------------------------------------------------------------------------

    async def add_version(self, id: str, body: Any, *, is_default: bool = True) -> dict[str, Any]:
        """A new version, under the next number."""
        read = _read_body(body)
        await self.find(id)
        await self._witness.record("prompt_version.create", id, None, {"is_default": is_default, "body": Raw(read)})
        version = await self._prompts.add_version(self._path, id, read, self._clock.now_micros(), is_default=is_default)
        if version is None:
            raise _unknown(id)
        return _write_version(version)

    async def versions(self, id: str) -> dict[str, Any]:
        """All versions, the newest first."""
        found = await self._prompts.versions(self._path, id)
        if found is None:
            raise _unknown(id)
        return write_list([make_listed(version.version, _write_version(version)) for version in found])

    async def find_version(self, id: str, version: str | None = None) -> dict[str, Any]:
        """One version, without a name the default one."""
        await self.find(id)
        found = await self._prompts.version(self._path, id, version)
        if found is None:
            raise ObjectNotFound(f"prompt '{id}' has no version '{(version or '')[:64]}'")
        return _write_version(found)


# --- reading ----------------------------------------------------------------------------------------------------


def _unknown(id: str, param: str | None = None) -> ObjectNotFound:
    return ObjectNotFound(f"Prompt with id '{id[:256]}' not found.", param=param)


def _read_name(value: Any) -> str:
    if value is None:
        raise missing("name", "a string")
    if type(value) is not str:
        raise wrong_type("name", "a string", value)
    name = value.strip()
    if not 1 <= len(name) <= _MOST_NAME or not name.isprintable():
        raise InvalidRequest(f"`name` must be 1 to {_MOST_NAME} visible characters", param="name")
    return name


def _read_body(value: Any) -> bytes:
    if value is None:
        raise missing("body", "an object with `model`, `instructions`, `input`, …")
    return read_prompt_body(value)


# --- writing ----------------------------------------------------------------------------------------------------


def _write_prompt(prompt: KeptPrompt) -> dict[str, Any]:
    return {
        "id": prompt.id,
        "object": "prompt",
        "name": prompt.name,
        "created_at": prompt.created_at_micros // 1_000_000,
        "default_version": prompt.default_version,
    }


def _write_version(version: KeptVersion) -> dict[str, Any]:
    return {
        "object": "prompt.version",
        "prompt_id": version.prompt_id,
        "version": version.version,
        "created_at": version.created_at_micros // 1_000_000,
        "body": Raw(version.body),
    }
