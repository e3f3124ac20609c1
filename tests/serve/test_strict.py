"""Targets and fields, judged without a connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import InvalidRequest, NotFound, TrunklineError
from trunkline.serve.limits import Limits
from trunkline.serve.strict import check_fields, read_target

LIMITS = Limits()


@given(st.text(alphabet="/.%25eEfFcC\\aX?#~\n", max_size=12))
def test_accepted_paths_have_one_reading(text: str) -> None:
    """A path that is accepted has no segment that a second decoding or a normalising proxy would change."""
    try:
        target = read_target(b"/" + text.encode(), b"", LIMITS)
    except TrunklineError:
        return
    lowered = target.path.lower()
    for escape in ("%2f", "%5c", "%2e", "%25", "%0", "%1", "%7f"):
        assert escape not in lowered
    assert "//" not in target.path
    assert not {".", ".."} & set(target.path.split("/"))


@pytest.mark.parametrize(
    ("target", "prefix", "path", "query"),
    [
        (b"/v1/models", b"", "/v1/models", b""),
        (b"/v1/models?", b"", "/v1/models", b""),
        (b"/v1/models?a=/../b//c%2f", b"", "/v1/models", b"a=/../b//c%2f"),
        (b"/llm/v1/models", b"/llm", "/v1/models", b""),
        (b"/llm?x", b"/llm", "/", b"x"),
        (b"/llm/v1/models/a%2Fb", b"/llm", "/v1/models/a%2Fb", b""),
    ],
)
def test_accepted_target(target: bytes, prefix: bytes, path: str, query: bytes) -> None:
    """The path is told below the base path and still encoded, the query as it was sent."""
    assert read_target(target, prefix, LIMITS) == (path, query)


@pytest.mark.parametrize("target", [b"", b"v1", b"*", b"http://a/b", b"//a/b", b"/a b", b"/a\x7f", b"/\xc3\xa9"])
def test_refused_target(target: bytes) -> None:
    """What is not a plain path is refused."""
    with pytest.raises(InvalidRequest):
        read_target(target, b"", LIMITS)


def test_outside_the_base_path() -> None:
    """The error says where the routes begin."""
    with pytest.raises(NotFound, match="`/llm/`"):
        read_target(b"/v1/models", b"/llm", LIMITS)


@pytest.mark.parametrize("length", [b"", b"-1", b"+1", b"1_0", b" 1", b"1,1", b"0x1", b"1" * 19, "١".encode()])
def test_crooked_length(length: bytes) -> None:
    """A length is decimal digits and nothing else."""
    with pytest.raises(InvalidRequest, match="content-length"):
        check_fields({b"host": b"a", b"content-length": length}, "1.1", 100)


def test_http_2_by_another_server() -> None:
    """Behind a server that speaks HTTP/2 there is no host field to insist on."""
    check_fields({b"content-length": b"5"}, "2", 100)
