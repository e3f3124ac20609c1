"""Files as callers see them: in OpenAI's words, or in Anthropic's for its clients."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from trunkline.dialects.data_url import type_of
from trunkline.dialects.pages import Page, make_listed, write_list
from trunkline.dialects.shapes import missing, wrong_value
from trunkline.engine.query import MOST, Query
from trunkline.errors import InvalidRequest
from trunkline.state.files import KeptFile
from trunkline.state.periods import to_moment

_PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
_ANCHOR, _SECONDS, _EXPIRES_IN = "expires_after[anchor]", "expires_after[seconds]", "expires_in_seconds"

# Of OpenAI, with its default for the one purpose that has any; and of Anthropic.
_LEAST_SECONDS, _MOST_SECONDS, _MOST_SECONDS_OF_ANTHROPIC = 3_600, 2_592_000, 7_776_000
_DEFAULT_SECONDS = {"batch": _MOST_SECONDS}

_PAGE = "page_"


class Stated(Struct, frozen=True):
    """What an upload says of its file beside its content: what for, and for how many seconds (`None`: for good)."""

    purpose: str
    seconds: int | None


class FileShapes(Protocol):
    """How one kind of clients speaks of files. What reads raises `InvalidRequest`."""

    fields: frozenset[str]
    """Of the form of an upload."""

    def read_fields(self, fields: Mapping[str, str]) -> Stated: ...

    def read_ids(self, query: Query) -> Sequence[str]:
        """The files that a list is asked to hold, where it names them."""

    def read_page(self, query: Query) -> Page: ...

    def write(self, file: KeptFile) -> dict[str, Any]: ...

    def write_list(self, found: Sequence[KeptFile], *, has_more: bool) -> dict[str, Any]: ...

    def write_deleted(self, id: str) -> dict[str, Any]: ...


class OpenAIFiles:
    """Source: https://platform.openai.com/docs/api-reference/files."""

    fields = frozenset({"purpose", _ANCHOR, _SECONDS})

    def read_fields(self, fields: Mapping[str, str]) -> Stated:
        purpose = fields.get("purpose")
        if not purpose:
            raise missing("purpose", f"one of {', '.join(_PURPOSES)}")
        if purpose not in _PURPOSES:
            raise wrong_value("purpose", purpose, _PURPOSES)
        return Stated(purpose, self._read_expiry(fields) or _DEFAULT_SECONDS.get(purpose))

    def _read_expiry(self, fields: Mapping[str, str]) -> int | None:
        anchor, seconds = fields.get(_ANCHOR), fields.get(_SECONDS)
        if anchor is None and seconds is None:
            return None
        if anchor is None or seconds is None:
            name = _ANCHOR if anchor is None else _SECONDS
            raise missing(name, "there, as `expires_after` has an `anchor` and `seconds`")
        if anchor != "created_at":
            raise wrong_value(_ANCHOR, anchor, ("created_at",))
        return _read_seconds(_SECONDS, seconds, _MOST_SECONDS)

    def read_ids(self, query: Query) -> Sequence[str]:
        return ()

    def read_page(self, query: Query) -> Page:
        return query.page(most=10_000, usual=10_000)

    def write(self, file: KeptFile) -> dict[str, Any]:
        written: dict[str, Any] = {
            "id": file.id,
            "object": "file",
            "bytes": file.size_bytes,
            "created_at": file.created_at_micros // 1_000_000,
            "filename": file.name,
            "purpose": file.purpose,
            # Deprecated, but required by OpenAI's description.
            "status": "processed",
            "status_details": None,
        }
        if file.expires_at_micros is not None:
            written["expires_at"] = file.expires_at_micros // 1_000_000
        return written

    def write_list(self, found: Sequence[KeptFile], *, has_more: bool) -> dict[str, Any]:
        return write_list([make_listed(file.id, self.write(file)) for file in found], has_more=has_more)

    def write_deleted(self, id: str) -> dict[str, Any]:
        return {"id": id, "object": "file", "deleted": True}


class AnthropicFiles:
    """Source: https://docs.anthropic.com/en/api/files-create. Its lists go on by a token, and did so by an id
    before."""

    fields = frozenset({_EXPIRES_IN})

    def read_fields(self, fields: Mapping[str, str]) -> Stated:
        seconds = fields.get(_EXPIRES_IN)
        if seconds is None:
            return Stated("user_data", None)
        return Stated("user_data", _read_seconds(_EXPIRES_IN, seconds, _MOST_SECONDS_OF_ANTHROPIC))

    def read_ids(self, query: Query) -> Sequence[str]:
        ids = list(dict.fromkeys(query.texts("ids")))
        if len(ids) > MOST:
            raise InvalidRequest(f"`ids` holds {len(ids)} but may hold {MOST} at most", param="ids")
        return ids

    def read_page(self, query: Query) -> Page:
        token = (query.text("page") or "").removeprefix(_PAGE)
        after, before = token or query.text("after_id"), query.text("before_id")
        return Page(limit=query.page(most=1_000).limit, after=after, before=before)

    def write(self, file: KeptFile) -> dict[str, Any]:
        expires = file.expires_at_micros
        return {
            "id": file.id,
            "type": "file",
            "filename": file.name,
            "mime_type": type_of(b"", file.media_type, file.name),
            "size_bytes": file.size_bytes,
            "created_at": _write_moment(file.created_at_micros),
            "expires_at": None if expires is None else _write_moment(expires),
            "downloadable": True,
        }

    def write_list(self, found: Sequence[KeptFile], *, has_more: bool) -> dict[str, Any]:
        return {
            "data": [self.write(file) for file in found],
            "first_id": found[0].id if found else None,
            "last_id": found[-1].id if found else None,
            "has_more": has_more,
            "next_page": _PAGE + found[-1].id if has_more else None,
        }

    def write_deleted(self, id: str) -> dict[str, Any]:
        return {"id": id, "type": "file_deleted"}


def _read_seconds(name: str, text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and _LEAST_SECONDS <= int(text[:18]) <= most):
        raise InvalidRequest(f"`{name}` is '{text[:64]}' but must be from {_LEAST_SECONDS} to {most}", param=name)
    return int(text)


def _write_moment(micros: int) -> str:
    return to_moment(micros).isoformat().replace("+00:00", "Z")
