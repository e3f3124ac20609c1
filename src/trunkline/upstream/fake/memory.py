"""What the fake remembers of its responses, so that they can be gone on from, read and deleted by their ids."""

import json
from typing import Any

from trunkline.upstream.fake.wire import BadRequest, Body

# A test that goes on from more than this has lost its thread.
_REMEMBERED = 1000


class Memory:
    """Responses and what they were an answer to, by id; the oldest are forgotten."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[list[Any], Body]] = {}

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
        """The same for one that is told as events."""
        data = next(line for line in frames[-1].splitlines() if line.startswith(b"data: "))
        self.keep(recalled, json.loads(data.removeprefix(b"data: "))["response"])

    def find(self, id: str) -> Body:
        """A response. Raises `BadRequest` when there is none."""
        if id not in self._kept:
            raise BadRequest(f"Response with id '{id}' not found.", status=404)
        return self._kept[id][1]

    def forget(self, id: str) -> Body:
        """Delete it, and say so. Raises `BadRequest` when there is none."""
        self.find(id)
        del self._kept[id]
        return {"id": id, "object": "response", "deleted": True}


def _items(body: Body) -> list[Any]:
    given = body.get("input") or []
    return [{"role": "user", "content": given}] if isinstance(given, str) else list(given)
