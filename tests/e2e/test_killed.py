"""A gateway that is killed under load, and started again over what it left."""

import http.client
import json
import signal
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from real_gateway import KEY, Gateway, make_fakes, model_of, running, running_gateway, upstream_environment

_CLIENTS = 8
_CONVERSATIONS = 4
_DELIVERED = 200
_WITHIN_SECONDS = 60.0
_TIMES = 3

pytestmark = pytest.mark.slow


def ask(gateway: Gateway, path: str, body: Any = None) -> Any:
    """A reply's JSON, or the whole of a stream. Raises `OSError` for a connection that broke, and for errors."""
    request = urllib.request.Request(
        gateway.base_url + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as reply:
        whole = reply.read()
    if reply.headers["content-type"].startswith("application/json"):
        return json.loads(whole)
    events = [json.loads(line[6:]) for line in whole.split(b"\n") if line.startswith(b"data: {")]
    ended = [event["response"] for event in events if event["type"] == "response.completed"]
    if not ended:
        raise OSError("the stream broke off")
    return ended[0]


class Load:
    """Clients that ask until their gateway is gone: whole and streamed, alone and in conversations."""

    def __init__(self, gateway: Gateway, conversations: list[str]) -> None:
        self.delivered: list[dict[str, Any]] = []
        self.enough = threading.Event()
        self._gateway = gateway
        self._conversations = conversations
        self._threads = [threading.Thread(target=self._go_on, args=(number,)) for number in range(_CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(_WITHIN_SECONDS)

    def _go_on(self, number: int) -> None:
        body: dict[str, Any] = {"model": model_of("chat"), "input": "Hi?", "stream": number % 2 == 0}
        if number < len(self._conversations):
            body["conversation"] = self._conversations[number]
        while True:
            try:
                self.delivered.append(ask(self._gateway, "/responses", body))
            except (OSError, ValueError, http.client.HTTPException):
                return
            if len(self.delivered) >= _DELIVERED:
                self.enough.set()


def items_of(gateway: Gateway, conversation: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    after = ""
    while True:
        page = ask(gateway, f"/conversations/{conversation}/items?order=asc&limit=100{after}")
        items += page["data"]
        if not page["has_more"]:
            return items
        after = f"&after={page['last_id']}"


def test_whatever_was_delivered_is_there(tmp_path: Path) -> None:
    """Whole, three times over; and no conversation holds half a turn, or one twice."""
    fakes = make_fakes()
    delivered: list[dict[str, Any]] = []
    with running(fakes):
        conversations: list[str] = []
        for _ in range(_TIMES):
            with running_gateway(tmp_path, **upstream_environment(fakes)) as gateway:
                if not conversations:
                    conversations = [ask(gateway, "/conversations", {})["id"] for _ in range(_CONVERSATIONS)]
                load = Load(gateway, conversations)
                load.start()
                assert load.enough.wait(_WITHIN_SECONDS)
                gateway.process.send_signal(signal.SIGKILL)
                load.join()
                delivered += load.delivered
        with running_gateway(tmp_path, **upstream_environment(fakes)) as gateway:
            for response in delivered:
                assert ask(gateway, f"/responses/{response['id']}") == response
            for conversation in conversations:
                items = items_of(gateway, conversation)
                assert [item["role"] for item in items] == ["user", "assistant"] * (len(items) // 2)
                ids = [item["id"] for item in items]
                assert len(set(ids)) == len(ids)
                answered = [r for r in delivered if (r.get("conversation") or {}).get("id") == conversation]
                assert {r["output"][0]["id"] for r in answered} <= set(ids)
    assert len(delivered) >= _TIMES * _DELIVERED
