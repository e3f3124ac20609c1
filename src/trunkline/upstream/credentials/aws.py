"""Temporary keys of AWS: of a role, of a pod, of a machine.

Sources: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and …_AssumeRoleWithWebIdentity.html,
…/sdkref/latest/guide/feature-container-credentials.html,
…/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from urllib.parse import quote, urlencode

from msgspec import Struct
from msgspec.structs import replace

from trunkline.errors import Denied, UpstreamError
from trunkline.ports import UpstreamRequest
from trunkline.providers.sigv4 import Secrets, sign
from trunkline.upstream.credentials.asker import Answer, Asker, make_request, read_text, read_url
from trunkline.upstream.credentials.grant import Grant

_FORM = {"content-type": "application/x-www-form-urlencoded"}
_SESSION = "trunkline"
_SESSION_SECONDS = 3600

# Files may be written anew by whoever keeps them fresh.
_FILE_SECONDS = 900.0


class Lease(Struct, frozen=True):
    """Keys, and for how many seconds they hold."""

    secrets: Secrets
    seconds: float


class KeySource(Protocol):
    """Somewhere to get keys from."""

    async def lease(self, asker: Asker) -> Lease: ...


class Signing:
    """Requests signed with the keys of a source, for a service in a region."""

    def __init__(self, source: KeySource, region: str, service: str) -> None:
        self._source = source
        self._region = region
        self._service = service

    async def grant(self, asker: Asker) -> Grant:
        lease = await self._source.lease(asker)

        def open(request: UpstreamRequest, now_micros: int) -> UpstreamRequest:
            head = sign(lease.secrets, self._region, self._service, request.head, request.body, now_micros)
            return replace(request, head=head)

        return Grant(open, lease.seconds)


class Written:
    """Keys that are written down somewhere, and last."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def lease(self, asker: Asker) -> Lease:
        return Lease(self._secrets, _FILE_SECONDS)


class Office:
    """The Security Token Service of a region."""

    def __init__(self, url: str, region: str) -> None:
        self.url = url
        self.region = region
        read_url(url)


class Role:
    """A role that the keys of a source may assume."""

    def __init__(self, source: KeySource, office: Office, arn: str, session: str = "", external_id: str = "") -> None:
        self._source = source
        self._office = office
        self._members = {"RoleArn": arn, "RoleSessionName": session or _SESSION}
        if external_id:
            self._members["ExternalId"] = external_id

    async def lease(self, asker: Asker) -> Lease:
        own = await self._source.lease(asker)
        members = {**self._members, "DurationSeconds": str(_SESSION_SECONDS)}
        request = make_request("POST", self._office.url, _FORM, _write_act("AssumeRole", members))
        head = sign(own.secrets, self._office.region, "sts", request.head, request.body, asker.clock.now_micros())
        return _read_office(await asker.send(replace(request, head=head)), asker)


class WebRole:
    """A role that is assumed by what an identity provider says of us, in a file that a cluster keeps fresh."""

    def __init__(self, office: Office, arn: str, token_file: str, session: str = "") -> None:
        self._office = office
        self._members = {"RoleArn": arn, "RoleSessionName": session or _SESSION}
        self._file = token_file

    async def lease(self, asker: Asker) -> Lease:
        members = {**self._members, "WebIdentityToken": read_text(self._file)}
        act = _write_act("AssumeRoleWithWebIdentity", members)
        return _read_office(await asker.send(make_request("POST", self._office.url, _FORM, act)), asker)


class Container:
    """A pod or a task, whose agent hands out the keys of its role."""

    def __init__(self, url: str, token: str = "", token_file: str = "") -> None:
        self._url = url
        self._token = token
        self._file = token_file
        read_url(url)

    async def lease(self, asker: Asker) -> Lease:
        token = read_text(self._file) if self._file else self._token
        headers = {"authorization": token} if token else {}
        return _read_keys(await asker.ask_nearby("GET", self._url, headers), asker)


class Machine:
    """A virtual machine, which is told the keys of its role to whoever asks in two steps."""

    def __init__(self, endpoint: str) -> None:
        self._base = endpoint.rstrip("/") + "/latest"
        read_url(self._base)

    async def lease(self, asker: Asker) -> Lease:
        lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "21600"}
        try:
            answer = await asker.ask_nearby("PUT", f"{self._base}/api/token", lifetime)
        except UpstreamError:
            raise Denied(
                "the gateway has no credentials for the provider",
                detail="no keys, profile, role or container is set, and this is no machine of AWS's",
            ) from None
        answer.check()
        headers = {"X-aws-ec2-metadata-token": answer.body.decode("latin-1")}
        url = f"{self._base}/meta-data/iam/security-credentials/"
        listed = await asker.ask_nearby("GET", url, headers)
        listed.check("the machine has no role")
        role = listed.body.decode("utf-8", "replace").strip().partition("\n")[0]
        return _read_keys(await asker.ask_nearby("GET", url + quote(role), headers), asker)


def _write_act(action: str, members: Mapping[str, str]) -> bytes:
    return urlencode({"Action": action, "Version": "2011-06-15", **members}).encode()


def _read_office(answer: Answer, asker: Asker) -> Lease:
    text = answer.body.decode("utf-8", "replace")
    answer.check(f"{_find(text, 'Code')} {_find(text, 'Message')}")
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    return _make_lease([_find(text, name) for name in names], asker)


def _read_keys(answer: Answer, asker: Asker) -> Lease:
    answer.check(str(answer.members.get("message", "")))
    names = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
    return _make_lease([str(answer.members.get(name) or "") for name in names], asker)


def _find(text: str, name: str) -> str:
    """What stands in the first element of a name. Keys and tokens hold nothing that XML would escape."""
    found = re.search(f"<{name}>([^<]*)</{name}>", text)
    return found[1].strip() if found is not None else ""


def _make_lease(told: list[str], asker: Asker) -> Lease:
    key_id, key, token, expires = told
    if not key_id or not key or not f"{key_id}{token}".isascii() or not f"{key_id}{token}".isprintable():
        raise Denied("the gateway has no credentials for the provider", detail="what was answered holds no keys")
    try:
        seconds = datetime.fromisoformat(expires).timestamp() - asker.clock.now_micros() / 1_000_000
    except ValueError:
        seconds = _FILE_SECONDS
    return Lease(Secrets(key_id, key, token), max(seconds, 1.0))
