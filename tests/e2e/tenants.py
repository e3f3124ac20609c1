"""A whole gateway, its owner's objects, and callers who must not see any of them."""

import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scripted_gateway import Client, Records
from trunkline.build import gateway as building
from trunkline.call import Call, Upload
from trunkline.config.load import load_config
from trunkline.config.sources import Environment
from trunkline.engine.gateway import Gateway
from trunkline.keyring import open_keyring
from trunkline.principal import SCOPES
from trunkline.upstream.fake.inprocess import FakeUpstream
from trunkline.upstream.fake.stage import Stage

MASTER = "sk-the-operators-own-key"

TRANSLATED, NATIVE = "compatible/scripted-model", "openai/scripted-model"

OWNER = "/team/alpha/ana"

_REQUEST_ID = re.compile(rb"req_[0-9a-f]{32}")


@dataclass
class Said:
    """What a caller was told."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def without(self, *ids: str) -> tuple[int, Mapping[str, str], bytes]:
        """The same without what differs anyhow: the ids that were asked for, and the request's own."""
        body = _REQUEST_ID.sub(b"REQUEST", self.body)
        for number, id in enumerate(ids):
            body = body.replace(id.encode(), b"ID%d" % number)
        headers = {name: value for name, value in self.headers.items() if name not in ("x-request-id", "request-id")}
        return self.status, headers, body


@dataclass
class Tenants:
    """The gateway, and the upstream that sees what comes through. `owned` are the owner's objects by kind."""

    gateway: Gateway
    stage: Stage
    keys: dict[str, str] = field(default_factory=dict)
    owned: dict[str, str] = field(default_factory=dict)

    async def ask(
        self,
        key: str,
        method: str,
        target: str,
        body: Any = b"",
        *,
        path: str = "",
        upload: Upload | None = None,
        **headers: str,
    ) -> Said:
        """What the gateway answers to a key, on a narrower path if one is given."""
        given = {b"authorization": f"Bearer {key}".encode()}
        given |= {b"x-trunkline-path": path.encode()} if path else {}
        given |= {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        place, _, query = target.partition("?")
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        call = Call(method=method, path=place, query=query.encode(), headers=given, body=data, upload=upload)
        reply = await self.gateway.handle(call)
        whole = reply.body
        if not isinstance(whole, bytes):
            client = Client()
            await whole.pour(client)
            whole = client.body
        return Said(reply.status, {name.decode(): value.decode() for name, value in reply.headers}, whole)

    async def make(self, key: str, target: str, body: Any, **options: Any) -> Any:
        """What was made."""
        said = await self.ask(key, "POST", target, body, **options)
        assert said.status == 200, (target, said.body)
        return said.json

    async def issue(self, name: str, path: str, scopes: tuple[str, ...] = (), **bounds: Any) -> str:
        made = await self.make(MASTER, "/admin/v1/keys", {"name": name, "path": path, "scopes": scopes, **bounds})
        self.keys[name] = made["key"]
        text: str = made["key"]
        return text


class Form:
    """An upload of one small file."""

    def __init__(self) -> None:
        self._body = (
            b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nwords\r\n--b--\r\n'
        )

    async def read(self) -> bytes:
        body, self._body = self._body, b""
        return body


def message(text: str) -> dict[str, str]:
    return {"type": "message", "role": "user", "content": text}


async def make_objects(tenants: Tenants, key: str) -> dict[str, str]:
    """One object of every kind, by its kind's name."""
    asked = {"model": TRANSLATED, "input": "Hi?"}
    response = await tenants.make(key, "/v1/responses", asked, x_session_id=f"session of {key[6:16]}")
    native = await tenants.make(key, "/v1/responses", {**asked, "model": NATIVE})
    background = await tenants.make(key, "/v1/responses", {**asked, "background": True})
    conversation = await tenants.make(key, "/v1/conversations", {"items": [message("a"), message("b")]})
    items = (await tenants.ask(key, "GET", f"/v1/conversations/{conversation['id']}/items")).json["data"]
    chat = {"model": TRANSLATED, "messages": [{"role": "user", "content": "Hi?"}], "store": True}
    completion = await tenants.make(key, "/v1/chat/completions", chat)
    form = {"content_type": "multipart/form-data; boundary=b"}
    file = await tenants.make(key, "/v1/files", b"", upload=Form(), **form)
    prompt = {"name": "poem", "body": {"model": TRANSLATED, "instructions": "Be brief."}}
    limit = {"requests": 1_000_000, "per": "minute"}
    budget = {"name": f"budget{key[6:12]}", "dollars": "1000", "per": "month", "unpriced": "allow"}
    sessions = await tenants.ask(key, "GET", "/admin/v1/audit/sessions")
    requests = await tenants.ask(key, "GET", f"/v1/responses/{response['id']}")
    return {
        "response": response["id"],
        "native": native["id"],
        "background": background["id"],
        "output": response["output"][0]["id"],
        "conversation": conversation["id"],
        "item": items[0]["id"],
        "completion": completion["id"],
        "file": file["id"],
        "prompt": (await tenants.make(key, "/admin/v1/prompts", prompt))["id"],
        "limit": (await tenants.make(key, "/admin/v1/limits", limit))["id"],
        "budget": (await tenants.make(key, "/admin/v1/budgets", budget))["name"],
        "key": key[6:16],
        "session": sessions.json["data"][0]["id"],
        "request": requests.headers["x-request-id"],
    }


@contextlib.asynccontextmanager
async def open_tenants(folder: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[Tenants]:
    """A gateway as `trunkline serve` builds it, whose upstream is a stage in this process."""
    stage = Stage()

    class Upstream(FakeUpstream):
        def __init__(self, **_: Any) -> None:
            super().__init__(stage)

        async def close(self) -> None:
            """There is nothing to close."""

    patch.setattr(building, "HttpClient", Upstream)
    config = load_config(
        Environment(
            {
                "TRUNKLINE_DATA_DIR": str(folder),
                "OPENAI_API_KEY": "upstream-key",
                "COMPATIBLE_BASE_URL": "http://127.0.0.1:9/v1",
                "TRUNKLINE_MASTER_KEY": MASTER,
            }
        )
    )
    keyring, _ = open_keyring(folder, master_key=MASTER)
    async with building.open_gateway(config, keyring, Records()) as gateway:
        tenants = Tenants(gateway, stage)
        owner = await tenants.issue("owner", OWNER, SCOPES)
        tenants.owned = await make_objects(tenants, owner)
        yield tenants
