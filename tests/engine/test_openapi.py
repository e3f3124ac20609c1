"""The admin API describes itself, lets nobody in who has no scope, and answers as it says."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from usage_scene import ANA, LOOKER, TEAM, UsageScene, open_scene

from recorded_rows import START
from trunkline.clock import FakeClock
from trunkline.engine.admin.budget_shapes import NEW, draw_budget
from trunkline.engine.admin.key_shapes import draw_key
from trunkline.engine.admin.limit_shapes import draw_rule
from trunkline.engine.admin.openapi.document import write_document
from trunkline.engine.admin.openapi.schemas import ANSWERS, BODIES
from trunkline.engine.admin.openapi.table import DESCRIBED, PARAMETERS
from trunkline.engine.caller.scopes import SCOPES_OF_KINDS
from trunkline.engine.objects import ADMIN_SHAPES
from trunkline.engine.operations import OPERATIONS
from trunkline.principal import SCOPES
from trunkline.state.keys import KeptKey
from trunkline.state.limits import LimitRule

ROUTES = [(shape, method, route) for shape, methods in ADMIN_SHAPES.items() for method, route in methods.items()]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[UsageScene]:
    async with open_scene(tmp_path, FakeClock(START)) as scene:
        yield scene


def check(name: str, value: Any) -> None:
    """That a value is as its schema says."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": write_document()["components"]}
    jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)
    unknown = value.keys() - write_document()["components"]["schemas"][name]["properties"].keys()
    assert unknown == set(), "what is answered is described"


# --- the routes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "method"), [(shape, method) for shape, method, _ in ROUTES])
async def test_nobody_gets_in_without_a_scope(scene: UsageScene, shape: str, method: str) -> None:
    """Whatever the route: neither without a key, nor with one of a caller, nor with one for something else."""
    path = "/admin/v1" + shape.replace("{}", "x")
    assert (await scene.ask(path, method=method, authorization="Bearer sk-unknown")).status == 401
    assert (await scene.ask(path, method=method, authorization=f"Bearer {ANA.decode()}")).status == 403
    if not (shape.startswith("/usage") or shape == "/openapi.json"):
        assert (await scene.ask(path, method=method, authorization=f"Bearer {LOOKER.decode()}")).status == 403


def test_every_kind_has_a_scope() -> None:
    """One that keys can have."""
    assert {shape.split("/")[1] for shape in ADMIN_SHAPES} <= SCOPES_OF_KINDS.keys()
    assert set(SCOPES_OF_KINDS.values()) <= set(SCOPES)


def test_every_route_is_answered_and_described() -> None:
    """And nothing is that is no route."""
    operations = [route.operation for _, _, route in ROUTES]
    assert len(operations) == len(set(operations))
    assert set(operations) == DESCRIBED.keys()
    assert set(operations) <= OPERATIONS.keys()


# --- the document ---------------------------------------------------------------------------------------------------


def test_the_document_is_sound() -> None:
    """Each path and method is there, each parameter known, each schema a schema that leads somewhere."""
    document = write_document()
    told = [(path, method) for path, methods in document["paths"].items() for method in methods]
    assert len(told) == len(ROUTES)
    assert "/prompts/{prompt}/versions/{version}" in document["paths"]
    assert {name for described in DESCRIBED.values() for name in described.query} == PARAMETERS.keys()
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert references(document) <= schemas.keys() | {"Error"}
    assert {name.rstrip("*") for described in DESCRIBED.values() if (name := described.answer)} <= ANSWERS.keys()
    assert {described.body for described in DESCRIBED.values() if described.body} == BODIES.keys()


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"].rpartition("/")[2]} if "$ref" in value else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize(
    ("shape", "method", "operation"),
    [
        (shape, method, route.operation)
        for shape, method, route in ROUTES
        if shape.split("/")[1] in ("usage", "audit", "acts") and DESCRIBED[route.operation].query
    ],
)
async def test_what_may_be_asked_is_described(scene: UsageScene, shape: str, method: str, operation: str) -> None:
    """A misspelt parameter is told which there are: those of the document."""
    answer = await scene.ask("/admin/v1" + shape.replace("{}", "x") + "?unheard_of=1", method=method)
    assert answer.error["code"] == "unknown_parameter"
    assert set(answer.error["message"].partition("known are ")[2].split(", ")) == set(DESCRIBED[operation].query)


async def test_whoever_administers_anything_may_read_it(scene: UsageScene) -> None:
    """It is no secret, but nothing for callers either."""
    answer = await scene.get("/admin/v1/openapi.json", LOOKER)
    assert (answer.status, answer.json["openapi"]) == (200, "3.1.0")
    check("Document", {name: answer.json[name] for name in ("openapi", "info", "paths", "components")})


# --- the answers ----------------------------------------------------------------------------------------------------


async def test_usage_and_audit_answer_as_they_say(scene: UsageScene) -> None:
    """Every member of each, and no other."""
    await scene.put("req_1", labels={"app": "web"})
    check("UsageRequest", (await scene.get("/admin/v1/usage")).json["data"][0])
    check("UsageRequestWithAttempts", (await scene.get("/admin/v1/usage/req_1")).json)
    check("UsageSums", (await scene.get("/admin/v1/usage/summary?group_by=day,label")).json)
    check("AuditEntry", (await scene.get("/admin/v1/audit")).json["data"][0])
    check("AuditDetail", (await scene.get("/admin/v1/audit/req_1")).json)
    check("ActsCheck", (await scene.get("/admin/v1/acts/check")).json)
    check("Error", (await scene.get("/admin/v1/usage/req_2")).json)


async def test_models_and_settings_answer_as_they_say(scene: UsageScene) -> None:
    """To those who administer settings."""
    models = (await scene.get("/admin/v1/models", TEAM)).json["data"]
    assert [model["id"] for model in models] == [f"{account.name}-model" for account in scene.accounts]
    for model in models:
        check("Model", model)
    assert (await scene.get("/admin/v1/settings")).json["data"] == []
    assert (await scene.get("/admin/v1/settings", TEAM)).status == 403
    check("Setting", {"object": "setting", "name": "PORT", "value": "8080", "source": "environment"})


def test_keys_limits_and_budgets_are_drawn_as_they_say() -> None:
    """As an administrator gets them."""
    key = KeptKey(id="k1", name="ana", path="/", hashes=(), created_at_micros=START, created_by="master")
    check("Key", draw_key(key, START, "r1"))
    check("Budget", draw_budget(NEW))
    rule = draw_rule(LimitRule(id="limit_1", measure="concurrent", most=3))
    check("Limit", {name: value for name, value in rule.items() if name != "concurrent"})
