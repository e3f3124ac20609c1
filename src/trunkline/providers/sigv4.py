"""AWS Signature Version 4: the header lines that a request is signed with. Pure; knows no provider.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import quote

from msgspec import Struct

_ALGORITHM = "AWS4-HMAC-SHA256"

# Headers that proxies and clients may change on the way, so they are not signed.
_UNSIGNED = frozenset({b"user-agent", b"accept-encoding", b"connection", b"x-trunkline-hop"})


class Secrets(Struct, frozen=True):
    """What is signed with; a session token belongs to keys that do not last."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    def __repr__(self) -> str:
        return "Secrets()"


def sign(secrets: Secrets, region: str, service: str, head: bytes, body: bytes, now_micros: int) -> bytes:
    """`head` (request line and headers, each ended by CRLF) with the headers that sign it and `body`."""
    moment = datetime.fromtimestamp(now_micros // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    line, *lines = head.removesuffix(b"\r\n").split(b"\r\n")
    added = [b"x-amz-date: " + moment.encode()]
    if secrets.session_token:
        added.append(b"x-amz-security-token: " + secrets.session_token.encode())
    canonical, names = _write_canonical(line, [*lines, *added], body)
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    told = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical).hexdigest()))
    signature = _digest(_derive(secrets.secret_access_key, moment[:8], region, service), told).hex()
    authorization = (
        f"authorization: {_ALGORITHM} Credential={secrets.access_key_id}/{scope},"
        f" SignedHeaders={names}, Signature={signature}"
    )
    return head + b"".join(line + b"\r\n" for line in (*added, authorization.encode()))


def _write_canonical(line: bytes, lines: list[bytes], body: bytes) -> tuple[bytes, str]:
    """The request as both sides write it down before it is signed, and the names of the headers in it."""
    method, target, _ = line.split(b" ")
    path, _, query = target.decode("ascii").partition("?")
    headers: dict[bytes, list[bytes]] = {}
    for header in lines:
        name, _, value = header.partition(b":")
        headers.setdefault(name.lower(), []).append(b" ".join(value.split()))
    signed = {name: b",".join(values) for name, values in headers.items() if name not in _UNSIGNED}
    names = b";".join(sorted(signed))
    canonical = b"\n".join(
        (
            method,
            # The path is encoded already, and encoded once more for every service but S3.
            quote(path, safe="/~").encode(),
            "&".join(sorted(query.split("&"))).encode(),
            *(name + b":" + signed[name] for name in sorted(signed)),
            b"",
            names,
            hashlib.sha256(body).hexdigest().encode(),
        )
    )
    return canonical, names.decode()


def _derive(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for word in (date, region, service, "aws4_request"):
        key = _digest(key, word)
    return key


def _digest(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
