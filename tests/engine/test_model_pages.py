"""The list of models in Anthropic's pages."""

import pytest

from scripted_gateway import Scene

VERSION = {"anthropic_version": "2023-06-01"}


async def names(query: str = "") -> tuple[list[str], bool]:
    """The models of a page, and whether there are more in its direction."""
    page = (await Scene().ask(f"/v1/models{query}", method="GET", **VERSION)).json
    found = [model["id"] for model in page["data"]]
    assert (page["first_id"], page["last_id"]) == ((found[0], found[-1]) if found else (None, None))
    return found, page["has_more"]


async def test_whole() -> None:
    """Without a limit all are on one page."""
    found, more = await names()
    assert len(found) > 4
    assert not more


async def test_behind() -> None:
    """Page by page behind the last one shown, until there are no more."""
    every, _ = await names()
    assert await names("?limit=2") == (every[:2], True)
    assert await names(f"?limit=2&after_id={every[1]}") == (every[2:4], True)
    assert await names(f"?limit=2&after_id={every[-3]}") == (every[-2:], False)


async def test_before() -> None:
    """Backwards, a page holds those right before the first one shown."""
    every, _ = await names()
    assert await names(f"?limit=2&before_id={every[4]}") == (every[2:4], True)
    assert await names(f"?limit=2&before_id={every[2]}") == (every[:2], False)


@pytest.mark.parametrize(("stages", "any_left"), [("lifecycle[]=retired", False), ("lifecycle[]=active", True)])
async def test_stages(stages: str, any_left: bool) -> None:
    """All models are active ones."""
    assert bool((await names(f"?{stages}"))[0]) is any_left


@pytest.mark.parametrize("limit", ["0", "1001", "many"])
async def test_wrong_limit(limit: str) -> None:
    """A limit that no page can have is refused by name, in this API's words."""
    answer = await Scene().ask(f"/v1/models?limit={limit}", method="GET", **VERSION)
    assert answer.status == 400
    assert answer.json["type"] == "error"
    assert "`limit`" in answer.json["error"]["message"]
