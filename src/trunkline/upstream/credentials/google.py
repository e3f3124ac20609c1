"""Tokens of Google Cloud.

A service account signs a statement of who it is and is given a token for it; a person's application default
credentials hold a token to renew from; a machine of Google's is asked for its own; a federated identity hands in what
another cloud says of it. Sources: https://developers.google.com/identity/protocols/oauth2/service-account,
https://google.aip.dev/auth/4110 to 4117.
"""

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from trunkline.errors import ConfigError, Denied
from trunkline.upstream.credentials.asker import Answer, Asker, make_request, read_text, read_url
from trunkline.upstream.credentials.grant import Grant, Source, bearer

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address
_EXCHANGE_URL = "https://sts.googleapis.com/v1/token"
_LIFETIME_SECONDS = 3600

WELL_KNOWN = "~/.config/gcloud/application_default_credentials.json"
"""Where `gcloud auth application-default login` puts a person's."""


class ServiceAccount:
    """A service account, by a key of its own."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._email, self._key_id = _need(members, "client_email"), members.get("private_key_id") or ""
        self._key = _read_key(_need(members, "private_key"))
        self._url = _read_address(members, "token_uri", _TOKEN_URL)

    async def grant(self, asker: Asker) -> Grant:
        assertion = self._sign(asker.clock.now_micros() // 1_000_000)
        kind = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        return _read_token(await asker.ask_form(self._url, {"grant_type": kind, "assertion": assertion}))

    def _sign(self, now_seconds: int) -> str:
        header = {"alg": "RS256", "typ": "JWT", "kid": self._key_id}
        claims = {
            "iss": self._email,
            "scope": _SCOPE,
            "aud": self._url,
            "iat": now_seconds,
            "exp": now_seconds + _LIFETIME_SECONDS,
        }
        text = b".".join(_encode(msgspec.json.encode(part)) for part in (header, claims))
        return (text + b"." + _encode(self._key.sign(text, PKCS1v15(), SHA256()))).decode()


class Person:
    """Somebody who has logged in once."""

    def __init__(self, members: dict[str, Any]) -> None:
        names = ("client_id", "client_secret", "refresh_token")
        self._members = {"grant_type": "refresh_token", **{name: _need(members, name) for name in names}}
        self._url = _read_address(members, "token_uri", _TOKEN_URL)

    async def grant(self, asker: Asker) -> Grant:
        return _read_token(await asker.ask_form(self._url, self._members))


class Machine:
    """A machine or a pod of Google's, with the service account that it runs as."""

    def __init__(self, host: str) -> None:
        self._url = f"http://{host}/computeMetadata/v1/instance/service-accounts/default/token"
        read_url(self._url)

    async def grant(self, asker: Asker) -> Grant:
        return _read_token(await asker.ask_nearby("GET", self._url, {"Metadata-Flavor": "Google"}))


class Federated:
    """An identity of another cloud's, exchanged for one of Google's. What that cloud says stands in a file or at a
    URL."""

    def __init__(self, members: dict[str, Any]) -> None:
        source = members.get("credential_source")
        source = source if isinstance(source, dict) else {}
        self._file, self._where = source.get("file"), source.get("url")
        if not isinstance(self._file, str) and (not isinstance(self._where, str) or "environment_id" in source):
            raise ConfigError("holds a `credential_source` with neither a `file` nor a `url`")
        headers = source.get("headers")
        self._headers = {str(name): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
        form = source.get("format")
        form = form if isinstance(form, dict) else {}
        self._field = form.get("subject_token_field_name") if form.get("type") == "json" else None
        self._members = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "audience": _need(members, "audience"),
            "scope": _SCOPE,
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "subject_token_type": _need(members, "subject_token_type"),
        }
        self._url = _read_address(members, "token_url", _EXCHANGE_URL)

    async def grant(self, asker: Asker) -> Grant:
        token = await self._read_subject(asker)
        return _read_token(await asker.ask_form(self._url, {**self._members, "subject_token": token}))

    async def _read_subject(self, asker: Asker) -> str:
        if isinstance(self._file, str):
            answer = Answer(200, read_text(self._file).encode())
        else:
            answer = await asker.ask_nearby("GET", str(self._where), self._headers)
            answer.check()
        told = answer.members.get(self._field) if self._field else answer.body.decode("utf-8", "replace")
        if not isinstance(told, str) or not told:
            raise Denied("the gateway's credentials cannot be read", detail="the subject token is missing")
        return told


class Impersonated:
    """Whoever may stand for a service account, standing for it."""

    def __init__(self, source: Source, url: str) -> None:
        self._source = source
        self._url = url
        read_url(url)

    async def grant(self, asker: Asker) -> Grant:
        own = await self._source.grant(asker)
        body = msgspec.json.encode({"scope": [_SCOPE], "lifetime": f"{_LIFETIME_SECONDS}s"})
        request = make_request("POST", self._url, {"content-type": "application/json"}, body)
        answer = await asker.send(own.open(request, asker.clock.now_micros()))
        answer.check(str(answer.members.get("error", "")))
        return bearer(answer.members.get("accessToken"), _seconds_until(answer.members.get("expireTime"), asker))


def _seconds_until(moment: Any, asker: Asker) -> float:
    try:
        at = datetime.fromisoformat(moment).timestamp()
    except (TypeError, ValueError):
        return _LIFETIME_SECONDS / 2
    return max(at - asker.clock.now_micros() / 1_000_000, 1.0)


# --- files ------------------------------------------------------------------------------------------------------


def _read_external(members: dict[str, Any]) -> Source:
    source: Source = Federated(members)
    url = members.get("service_account_impersonation_url")
    return Impersonated(source, url) if isinstance(url, str) else source


def _read_impersonated(members: dict[str, Any]) -> Source:
    source = members.get("source_credentials")
    if not isinstance(source, dict):
        raise ConfigError("lacks `source_credentials`")
    return Impersonated(read_source(source), _need(members, "service_account_impersonation_url"))


_KINDS: Mapping[str, Callable[[dict[str, Any]], Source]] = {
    "service_account": ServiceAccount,
    "authorized_user": Person,
    "external_account": _read_external,
    "impersonated_service_account": _read_impersonated,
}


def read_source(members: dict[str, Any]) -> Source:
    """What a file of credentials says. Raises `ConfigError` for members that make none; the message does not quote
    them."""
    kind = members.get("type")
    make = _KINDS.get(kind) if isinstance(kind, str) else None
    if make is None:
        raise ConfigError("has a `type` that is none of " + ", ".join(f"`{name}`" for name in _KINDS))
    return make(members)


def read_key_file(path: str) -> Source:
    """The file at a path. Raises `ConfigError`, naming it."""
    try:
        members = msgspec.json.decode(Path(path).expanduser().read_bytes())
    except OSError as error:
        raise ConfigError(f"the credentials at {path} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ConfigError(f"the credentials at {path} are not JSON") from None
    if not isinstance(members, dict):
        raise ConfigError(f"the credentials at {path} are no JSON object")
    try:
        return read_source(members)
    except ConfigError as error:
        raise ConfigError(f"the file of credentials at {path} {error}") from None


def find_source(settings: Mapping[str, str]) -> Source:
    """The file that is named, a person's login on this machine, or the machine itself."""
    path = settings.get("credentials")
    if path is None and Path(WELL_KNOWN).expanduser().is_file():
        path = WELL_KNOWN
    return Machine(settings["metadata_host"]) if path is None else read_key_file(path)


def _need(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise ConfigError(f"lacks `{name}`")
    return value


def _read_address(members: Mapping[str, Any], name: str, default: str) -> str:
    url = members.get(name) or default
    try:
        read_url(str(url))
    except ConfigError:
        raise ConfigError(f"holds a `{name}` that is no URL") from None
    return str(url)


def _read_key(text: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError("holds a `private_key` that is not one") from None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError("holds a `private_key` that is not RSA")
    return key


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _read_token(answer: Answer) -> Grant:
    answer.check()
    told = answer.members
    lifetime = told.get("expires_in")
    seconds = float(lifetime) if isinstance(lifetime, int | float) and lifetime > 0 else _LIFETIME_SECONDS / 2
    return bearer(told.get("access_token"), seconds)
