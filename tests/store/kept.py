"""Objects to keep, in few words."""

import json
from pathlib import Path
from typing import Any

from trunkline.evidence import Evidence, KeptBody, KeptEvidence
from trunkline.state.conversations import KeptConversation, KeptItem
from trunkline.state.responses import KeptResponse, Status
from trunkline.store.acts import ActKeys
from trunkline.store.open import StoreSettings

DAY_SECONDS = 24 * 60 * 60
NOW = 1_700_000_000_000_000
KEYS = {"k0000001": b"1" * 32}
ACT_KEYS = ActKeys({"k0000001": b"2" * 32}, "k0000001")
LATER = NOW + 30 * DAY_SECONDS * 1_000_000


def make_evidence(said: Evidence) -> KeptEvidence:
    """What was asked, and nothing else."""
    return KeptEvidence({}, KeptBody(said.request.decode(), len(said.request)), (), KeptBody("", 0))


def make_settings(url: str, data_dir: Path, **more: Any) -> StoreSettings:
    """Of a store that seals what it keeps, unless it is told otherwise."""
    return StoreSettings(
        database_url=url,
        data_dir=data_dir,
        **{"keys": KEYS, "newest": "k0000001", "act_keys": ACT_KEYS, "make_evidence": make_evidence, **more},
    )


def message(id: str | None, text: str = "hi") -> dict[str, Any]:
    item = {"type": "message", "role": "user", "content": text}
    return item if id is None else {"id": id, **item}


def response(
    id: str,
    *,
    input: Any = "hi",
    output: list[dict[str, Any]] | None = None,
    path: str = "/",
    parent_id: str | None = None,
    status: Status = "completed",
    created_at: int = NOW,
    expires_at: int = LATER,
    **more: Any,
) -> KeptResponse:
    body = {"id": id, "status": status, "output": output or [], "previous_response_id": parent_id}
    return KeptResponse(
        id=id,
        path=path,
        created_at_micros=created_at,
        expires_at_micros=expires_at,
        status=status,
        input=encode(input),
        response=encode(body),
        parent_id=parent_id,
        **more,
    )


def conversation(id: str, path: str = "/") -> KeptConversation:
    return KeptConversation(id=id, path=path, created_at_micros=NOW, metadata=b'{"a":"b"}')


def items(*ids: str) -> list[KeptItem]:
    return [KeptItem(id, encode(message(id))) for id in ids]


def encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
