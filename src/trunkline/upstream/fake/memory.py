"""What the fake remembers of its responses, so that they can be gone on from, read and deleted by their ids.

One that is made in the background has come to its end when it has been read a few times.
"""

import json
from typing import Any

from trunkline.upstream.fake.wire import BadRequest, Body

# A test that goes on from more than this has lost its thread.
_REMEMBERED = 1000

# What whoever polls a response in the background is told before it has ended.
_ON_THE_WAY = ("queued", "in_progress")


class Memory:
    """Responses and what they were an answer to, by id; the oldest are forgotten."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[list[Any], Body]] = {}
        self._ahead: dict[str, list[str]] = {}
        self._frames: dict[str, list[bytes]] = {}

    def recall(self, body: Body) -> Body:
        """The request with all that it goes on from in its input. What is not remembered stays a mere id."""
        previous = self._kept.get(str(body.get("previous_response_id")))
        if previous is None:
            return body
        items, response = previous
        expanded = {**body, "input": [*items, *response["output"], *_items(body)]}
        del expanded["previous_response_id"]
        return expanded

    def keep(self, recalled: Body, response: Body) -> None:
        """Remember a response, unless it was asked to leave nothing behind."""
        if recalled.get("store") is False:
            return
        self._kept[str(response["id"])] = (_items(recalled), response)
        if len(self._kept) > _REMEMBERED:
            del self._kept[next(iter(self._kept))]

    def keep_stream(self, recalled: Body, frames: list[bytes]) -> None:
        """Keep a response that is told as events."""
        response = _data(frames[-1])["response"]
        self.keep(recalled, response)
        if recalled.get("background"):
            self._frames[str(response["id"])] = frames

    def begin(self, response: Body) -> Body:
        """The response as whoever had it made in the background is told it at first."""
        self._ahead[str(response["id"])] = list(_ON_THE_WAY)
        return self.find(str(response["id"]))

    def find(self, id: str) -> Body:
        """A response as it is now. Raises `BadRequest` when there is none."""
        if id not in self._kept:
            raise BadRequest(f"Response with id '{id}' not found.", status=404)
        response = self._kept[id][1]
        if not self._ahead.get(id):
            return response
        return {**response, "status": self._ahead[id].pop(0), "output": [], "usage": None, "completed_at": None}

    def play(self, id: str, after: int) -> list[bytes]:
        """The events of a response in the background behind a number. Raises `BadRequest` when it has none."""
        self.find(id)
        if id not in self._frames:
            raise BadRequest("This response was not made as a stream in the background.", param="stream")
        return [frame for frame in self._frames[id] if _data(frame)["sequence_number"] > after]

    def call_off(self, id: str) -> Body:
        """End a response in the background. Raises `BadRequest` when there is none that could be."""
        is_under_way = bool(self._ahead.get(id))
        found = self.find(id)
        if not found["background"]:
            raise BadRequest("Cannot cancel a synchronous response.")
        if is_under_way:
            self._ahead[id] = []
            self._kept[id] = (self._kept[id][0], {**found, "status": "cancelled"})
        return self._kept[id][1]

    def forget(self, id: str) -> Body:
        """Delete it, and say so. Raises `BadRequest` when there is none."""
        self.find(id)
        del self._kept[id]
        return {"id": id, "object": "response", "deleted": True}


def _data(frame: bytes) -> Any:
    data = next(line for line in frame.splitlines() if line.startswith(b"data: "))
    return json.loads(data.removeprefix(b"data: "))


def _items(body: Body) -> list[Any]:
    given = body.get("input") or []
    return [{"role": "user", "content": given}] if isinstance(given, str) else list(given)
