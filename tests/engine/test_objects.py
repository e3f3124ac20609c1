"""Paths with ids in them."""

import pytest

from trunkline.engine import objects
from trunkline.engine.objects import ObjectRoute, find_object
from trunkline.engine.operations import OPERATIONS
from trunkline.engine.routes import PUBLIC, ROUTES

_READ, _CANCEL, _ITEM = ObjectRoute("read"), ObjectRoute("cancel"), ObjectRoute("item")


@pytest.fixture(autouse=True)
def shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small table."""
    table = {
        "/things/{}": {"GET": _READ},
        "/things/{}/cancel": {"POST": _CANCEL},
        "/things/{}/items/{}": {"GET": _ITEM},
    }
    deep = {"/chat/things": {"GET": _READ}, "/chat/things/{}": {"GET": _ITEM}}
    monkeypatch.setattr(objects, "_BY_WORDS", objects._by_words(table | deep))
    monkeypatch.setattr(objects, "_ADMIN_BY_WORDS", objects._by_words({"/things/{}": {"GET": _CANCEL}}))


@pytest.mark.parametrize(
    ("path", "methods", "ids"),
    [
        ("/v1/things/a", {"GET": _READ}, ("a",)),
        ("/things/a", {"GET": _READ}, ("a",)),
        ("/v1/things/a%2Fb", {"GET": _READ}, ("a/b",)),
        ("/v1/things/a/cancel", {"POST": _CANCEL}, ("a",)),
        ("/v1/things/a/items/b", {"GET": _ITEM}, ("a", "b")),
        ("/v1/chat/things", {"GET": _READ}, ()),
        ("/v1/chat/things/a", {"GET": _ITEM}, ("a",)),
        ("/admin/v1/things/a", {"GET": _CANCEL}, ("a",)),
    ],
)
def test_a_shape_is_found_with_its_ids(path: str, methods: object, ids: tuple[str, ...]) -> None:
    """With and without `/v1`; ids are decoded."""
    assert find_object(path) == (methods, ids)


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v1/things", "/v1/things/", "/v1//a", "/v1/things/a/b/c/d", "/admin/v1/others", ""]
)
def test_other_paths_have_no_shape(path: str) -> None:
    """An empty word is no id."""
    assert find_object(path) is None


def test_every_route_has_an_answer() -> None:
    """And every answer is on a route."""
    named = {route.operation for route in ROUTES.values()} | {"model"}
    for table in (objects.SHAPES, objects.ADMIN_SHAPES):
        named |= {route.operation for methods in table.values() for route in methods.values()}
    assert named - {"generate"} == set(OPERATIONS)
    assert {route.operation for route in PUBLIC.values()} == {"health", "ready"}
