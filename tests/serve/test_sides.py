"""Administrators on an address of their own: neither side serves what is the other's."""

import pytest
from doorstep import FakeGateway

from trunkline.call import Call
from trunkline.serve.sides import AdminSide, PublicSide

ADMINS = ["/admin/v1/usage", "/admin/v1/keys/1", "/admin", "/admin/", "/metrics"]
PUBLIC = ["/v1/responses", "/administration", "/metricsandmore", "/v1/usage", "/"]


def call(path: str) -> Call:
    return Call(method="GET", path=path)


@pytest.mark.parametrize("path", ADMINS)
async def test_what_is_administrators_is_theirs_alone(path: str) -> None:
    """On the public side it does not exist."""
    gateway = FakeGateway()
    assert (await PublicSide(gateway).handle(call(path))).status == 404
    assert gateway.calls == []
    await AdminSide(gateway).handle(call(path))
    assert [each.path for each in gateway.calls] == [path]


@pytest.mark.parametrize("path", PUBLIC)
async def test_what_is_public_is_not_on_the_other_side(path: str) -> None:
    """Whoever may reach administrators' address need not reach models by it."""
    gateway = FakeGateway()
    assert (await AdminSide(gateway).handle(call(path))).status == 404
    assert gateway.calls == []
    await PublicSide(gateway).handle(call(path))
    assert [each.path for each in gateway.calls] == [path]


async def test_both_are_healthy() -> None:
    """Whichever is asked."""
    gateway = FakeGateway()
    for side in (AdminSide(gateway), PublicSide(gateway)):
        await side.handle(call("/health/ready"))
    assert len(gateway.calls) == 2


async def test_the_end_of_the_admin_side_is_not_that_of_streams() -> None:
    """They are drained by the side that has them."""
    gateway = FakeGateway()
    AdminSide(gateway).drain()
    assert gateway.drains == 0
    PublicSide(gateway).drain()
    assert gateway.drains == 1
