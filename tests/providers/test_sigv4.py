"""Requests signed for AWS, judged by the examples that AWS publishes."""

from datetime import UTC, datetime

import pytest

from trunkline.providers.account import make_account
from trunkline.providers.directory import load_provider
from trunkline.providers.sigv4 import Secrets, sign

NOW = int(datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()) * 1_000_000
SECRETS = Secrets("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
HOST = b"Host: example.amazonaws.com\r\n"


def authorization(head: bytes, body: bytes = b"", secrets: Secrets = SECRETS) -> str:
    signed = sign(secrets, "us-east-1", "service", head, body, NOW)
    assert signed.startswith(head)
    assert signed.endswith(b"\r\n")
    lines = dict(line.split(": ", 1) for line in signed[len(head) :].decode().split("\r\n")[:-1])
    assert lines["x-amz-date"] == "20150830T123600Z"
    return lines["authorization"]


@pytest.mark.parametrize(
    ("line", "headers", "body", "names", "signature"),
    [
        (b"GET /", b"", b"", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (b"POST /", b"", b"", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            b"GET /?Param2=value2&Param1=value1",
            b"",
            b"",
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            b"GET /",
            b"My-Header1: value2\r\nMy-Header1: value2\r\nMy-Header1: value1\r\n",
            b"",
            "my-header1;",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            b"GET /",
            b'My-Header1:  value1\r\nMy-Header2:  "a   b   c"\r\n',
            b"",
            "my-header1;my-header2;",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            b"POST /",
            b"Content-Type: application/x-www-form-urlencoded\r\n",
            b"Param1=value1",
            "content-type|",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
)
def test_published_examples(line: bytes, headers: bytes, body: bytes, names: str, signature: str) -> None:
    """The signatures of AWS's own test suite for version 4."""
    signed_names = "content-type;host;x-amz-date" if "|" in names else f"host;{names}x-amz-date"
    assert authorization(line + b" HTTP/1.1\r\n" + HOST + headers, body) == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
        f" SignedHeaders={signed_names}, Signature={signature}"
    )


def test_a_temporary_key() -> None:
    """Its token is a header, and signed."""
    secrets = Secrets("AKIDEXAMPLE", SECRETS.secret_access_key, "TOKEN")
    signed = sign(secrets, "us-east-1", "service", b"POST / HTTP/1.1\r\n" + HOST, b"", NOW)
    assert b"x-amz-security-token: TOKEN\r\n" in signed
    assert b"SignedHeaders=host;x-amz-date;x-amz-security-token," in signed


def test_what_changes_on_the_way_is_not_signed() -> None:
    """Proxies rewrite such headers."""
    assert authorization(b"POST / HTTP/1.1\r\n" + HOST) == authorization(
        b"POST / HTTP/1.1\r\n" + HOST + b"user-agent: x\r\naccept-encoding: identity\r\n"
    )


def test_secrets_are_not_shown() -> None:
    """Not even in a traceback's locals."""
    assert "wJalr" not in repr(SECRETS)


# --- Bedrock --------------------------------------------------------------------------------------------------------

KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": SECRETS.secret_access_key}
BEDROCK = load_provider("bedrock")


def test_bedrock_signs_for_its_region() -> None:
    """With the path encoded twice, as every service but S3 wants it."""
    assert BEDROCK.sign is not None
    account = make_account(BEDROCK, settings={**KEYS, "region": "eu-central-1"})
    head = account.head("bedrock", "anthropic.claude-opus-5-v1:0")
    assert head.startswith(b"POST /model/anthropic.claude-opus-5-v1%3A0/converse HTTP/1.1\r\n")
    signed = BEDROCK.sign(account, head, b"{}", NOW)
    assert b"Credential=AKIDEXAMPLE/20150830/eu-central-1/bedrock/aws4_request, " in signed
    # Checked against AWS's own library, once.
    assert signed.split(b"Signature=")[1] == SIGNATURE + b"\r\n"


SIGNATURE = b"3d44f0b75cca2cfed1b937d0eb291c7501aa51e517d2ef4622f7185edb6f16a7"


def test_bedrocks_own_key_is_not_signed_with() -> None:
    """It is a bearer's."""
    assert BEDROCK.sign is not None
    account = make_account(BEDROCK, api_key="bedrock-api-key-0123")
    head = account.head("bedrock", "m", stream=True)
    assert b"authorization: Bearer bedrock-api-key-0123\r\n" in head
    assert b"/converse-stream " in head
    assert BEDROCK.sign(account, head, b"{}", NOW) == head


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("", "bedrock-runtime.us-east-1.amazonaws.com"),
        ("eu-west-3", "bedrock-runtime.eu-west-3.amazonaws.com"),
        ("cn-north-1", "bedrock-runtime.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_the_region_is_the_address(region: str, host: str) -> None:
    """Unless a base URL says another."""
    settings = {"region": region} if region else {}
    assert make_account(BEDROCK, settings=settings).origin.host == host
    private = make_account(BEDROCK, base_url="https://vpce-1.test", settings=settings)
    assert (private.origin.host, private.base_url) == ("vpce-1.test", "https://vpce-1.test")


def test_a_quoted_token_is_taken_out() -> None:
    """Every secret of the account, not its key alone."""
    account = make_account(BEDROCK, settings={**KEYS, "session_token": "TOKEN-0123456789"})
    assert account.redact("bad TOKEN-0123456789, AKIDEXAMPLE") == "bad [redacted], [redacted]"
