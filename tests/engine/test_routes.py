"""Which path is which operation, in which dialect."""

import pytest

from scripted_gateway import make_call
from trunkline.engine.routes import find_route, speaks_anthropic
from trunkline.errors import MethodNotAllowed, NotFound


@pytest.mark.parametrize(
    ("path", "operation", "dialect"),
    [
        ("/v1/chat/completions", "generate", "chat"),
        ("/chat/completions", "generate", "chat"),
        ("/v1/responses", "generate", "responses"),
        ("/responses", "generate", "responses"),
        ("/v1/messages", "generate", "messages"),
        ("/v1/messages/count_tokens", "count_tokens", "messages"),
        ("/v1/embeddings", "embeddings", "chat"),
    ],
)
def test_a_path_is_a_route(path: str, operation: str, dialect: str) -> None:
    """OpenAI's with and without `/v1`."""
    route = find_route(make_call(path))
    assert (route.operation, route.dialect) == (operation, dialect)


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/models/a%2Fb", "/models/x"])
def test_models_are_read(path: str) -> None:
    """By GET."""
    assert find_route(make_call(path, method="GET")).operation in ("models", "model")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v2/responses", "/messages", "/v1/models/", "/v1/responses/"])
def test_other_paths_are_unknown(path: str) -> None:
    """The message names the request."""
    with pytest.raises(NotFound, match=f"POST {path}"):
        find_route(make_call(path))


@pytest.mark.parametrize(
    ("method", "path", "takes"), [("GET", "/v1/responses", "POST"), ("POST", "/v1/models", "GET and HEAD")]
)
def test_other_methods_are_refused(method: str, path: str, takes: str) -> None:
    """The message says which are taken."""
    with pytest.raises(MethodNotAllowed, match=takes):
        find_route(make_call(path, method=method))


def test_a_long_path_is_not_given_back_whole() -> None:
    """An error is no mirror."""
    with pytest.raises(NotFound) as caught:
        find_route(make_call("/" + "x" * 10_000))
    assert len(caught.value.message) < 500


def test_who_speaks_anthropic() -> None:
    """By path, or by the version header."""
    assert speaks_anthropic(make_call("/v1/messages/nothing"))
    assert speaks_anthropic(make_call("/v1/models", anthropic_version="2023-06-01"))
    assert not speaks_anthropic(make_call("/v1/models"))
