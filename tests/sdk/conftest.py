"""One gateway before one fake upstream of each kind, for all the tests of this folder."""

from collections.abc import Iterator

import pytest

from real_gateway import KINDS, Gateway, gateway_before_fakes


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_before_fakes(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of upstream in turn."""
    return str(request.param)
