"""Keys of AWS: from files, for roles, of pods and machines; changed before they run out."""

import asyncio
import re
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from token_server import Opened, TokenServer

from trunkline.clock import FakeClock
from trunkline.errors import ConfigError, Denied, Unreachable
from trunkline.ports import UpstreamRequest
from trunkline.providers.account import make_account
from trunkline.providers.directory import load_provider
from trunkline.providers.sigv4 import Secrets, sign
from trunkline.upstream.credentials.find import find_sources

KEYS = {"access_key_id": "AKIDBASE", "secret_access_key": "base/secret"}
ROLE = "arn:aws:iam::1:role/r"

ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult><Credentials>
    <AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role/secret</SecretAccessKey>
    <SessionToken>the+token/==</SessionToken><Expiration>2023-11-14T23:13:20Z</Expiration>
  </Credentials></AssumeRoleResult>
</AssumeRoleResponse>"""
# An hour from the clock's beginning.

OWN = {
    "Code": "Success",
    "AccessKeyId": "ASIAOWN",
    "SecretAccessKey": "own/secret",
    "Token": "own token",
    "Expiration": "2023-11-14T23:13:20Z",
}


@pytest.fixture(autouse=True)
def _without_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs this may have files of AWS's."""
    monkeypatch.setenv("HOME", str(tmp_path))


def make(**settings: str) -> tuple[Opened, TokenServer, FakeClock]:
    account = make_account(load_provider("bedrock"), settings={"region": "eu-west-1", **settings})
    server, clock = TokenServer(), FakeClock()
    return Opened(server, clock, find_sources([account])["bedrock"]), server, clock


def key_in(lines: bytes) -> str:
    """The key that a request is signed with."""
    found = re.search(rb"Credential=(\w+)/20231114/eu-west-1/bedrock/", lines)
    assert found is not None
    return found[1].decode()


def act_of(request: UpstreamRequest) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(request.body.decode()).items()}


async def test_a_role_is_assumed_with_the_keys_that_are_there() -> None:
    """The question is signed with them, what follows with the role's."""
    tokens, server, clock = make(**KEYS, role_arn=ROLE, external_id="x-1")
    server.answer = ASSUMED
    lines = await tokens.lines()
    assert key_in(lines) == "ASIAROLE"
    assert b"x-amz-security-token: the+token/==\r\n" in lines
    [request] = server.requests
    assert request.origin.host == "sts.eu-west-1.amazonaws.com"
    assert act_of(request) == {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "trunkline",
        "ExternalId": "x-1",
        "DurationSeconds": "3600",
    }
    bare, _, _ = request.head.partition(b"x-amz-date:")
    signed = sign(Secrets("AKIDBASE", "base/secret"), "eu-west-1", "sts", bare, request.body, clock.now_micros())
    assert request.head == signed
    await tokens.close()


async def test_keys_are_changed_before_they_run_out() -> None:
    """What is under way keeps the old ones."""
    tokens, server, clock = make(**KEYS, role_arn=ROLE)
    server.answers = [ASSUMED, ASSUMED.replace("ASIAROLE", "ASIANEXT").replace("T23", "T24")]
    assert key_in(await tokens.lines()) == "ASIAROLE"
    clock.advance(3000)
    assert key_in(await tokens.lines()) == "ASIAROLE"
    clock.advance(500)
    await tokens.lines()
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(server.requests) == 2
    clock.advance(101)
    assert key_in(await tokens.lines()) == "ASIANEXT"
    await tokens.close()


async def test_a_cluster_says_who_we_are(tmp_path: Path) -> None:
    """Unsigned: the statement is proof enough."""
    path = tmp_path / "token"
    path.write_text("the.jwt\n")
    tokens, server, _ = make(web_identity_token_file=str(path), web_identity_role_arn=ROLE)
    server.answer = ASSUMED
    assert key_in(await tokens.lines()) == "ASIAROLE"
    [request] = server.requests
    act = act_of(request)
    assert (act["Action"], act["WebIdentityToken"]) == ("AssumeRoleWithWebIdentity", "the.jwt")
    assert b"authorization" not in request.head
    await tokens.close()


async def test_a_pod_asks_its_agent(tmp_path: Path) -> None:
    """With the statement that stands in a file by now."""
    path = tmp_path / "token"
    path.write_text("pod-token\n")
    url = "http://169.254.170.23/v1/credentials"
    tokens, server, _ = make(container_full_uri=url, container_token_file=str(path))
    server.answer = OWN
    lines = await tokens.lines()
    assert key_in(lines) == "ASIAOWN"
    [request] = server.nearby
    assert request.head.startswith(b"GET /v1/credentials HTTP/1.1\r\nhost: 169.254.170.23\r\n")
    assert b"authorization: pod-token\r\n" in request.head
    await tokens.close()


async def test_a_task_asks_its_agent() -> None:
    """By a path alone."""
    tokens, server, _ = make(container_relative_uri="/v2/credentials/1")
    server.answer = OWN
    assert key_in(await tokens.lines()) == "ASIAOWN"
    assert server.nearby[0].origin.host == "169.254.170.2"
    await tokens.close()


async def test_a_machine_is_asked_in_two_steps() -> None:
    """A token first, then which role it has, then that role's keys."""
    tokens, server, _ = make()
    server.answers = ["imds-token", "the-role\n", OWN]
    assert key_in(await tokens.lines()) == "ASIAOWN"
    first, second, third = server.nearby
    assert first.head.startswith(b"PUT /latest/api/token HTTP/1.1\r\nhost: 169.254.169.254\r\n")
    assert b"X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n" in first.head
    assert second.head.startswith(b"GET /latest/meta-data/iam/security-credentials/ ")
    assert third.head.startswith(b"GET /latest/meta-data/iam/security-credentials/the-role ")
    assert b"X-aws-ec2-metadata-token: imds-token\r\n" in third.head
    await tokens.close()


async def test_no_machine_of_awss_is_said_so() -> None:
    """To the log: a caller cannot mend it."""
    tokens, server, _ = make()
    server.answers = [Unreachable("no route")]
    with pytest.raises(Denied) as caught:
        await tokens.lines()
    assert "no keys, profile" in caught.value.detail
    await tokens.close()


async def test_a_refused_role_is_ours_to_mend() -> None:
    """What AWS says of it is for the log."""
    tokens, server, _ = make(**KEYS, role_arn=ROLE)
    server.status = 403
    server.answer = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>"
    with pytest.raises(Denied) as caught:
        await tokens.lines()
    assert caught.value.detail == "AccessDenied not you"
    await tokens.close()


CONFIG = f"""
[default]
region = eu-west-1
[profile base]
aws_access_key_id = AKIDCONFIG
aws_secret_access_key = config/secret
[profile work]
role_arn = {ROLE}
source_profile = base
role_session_name = me
s3 =
  max_concurrent_requests = 2
[profile office]
sso_session = x
[profile program]
credential_process = /bin/false
[profile alone]
role_arn = {ROLE}
[profile machine]
role_arn = {ROLE}
credential_source = Ec2InstanceMetadata
"""
CREDENTIALS = "[base]\naws_access_key_id = AKIDFILE\naws_secret_access_key = file/secret%\n"


def write_files(folder: Path, credentials: str = CREDENTIALS) -> dict[str, str]:
    (folder / "config").write_text(CONFIG)
    (folder / "credentials").write_text(credentials)
    return {"config_file": str(folder / "config"), "credentials_file": str(folder / "credentials")}


async def test_a_profile_holds_keys(tmp_path: Path) -> None:
    """The file of credentials weighs more, and is read anew: others write into it."""
    tokens, _, clock = make(profile="base", **write_files(tmp_path))
    assert key_in(await tokens.lines()) == "AKIDFILE"
    write_files(tmp_path, CREDENTIALS.replace("AKIDFILE", "AKIDNEW"))
    clock.advance(1000)
    assert key_in(await tokens.lines()) == "AKIDNEW"
    await tokens.close()


async def test_a_profile_names_a_role(tmp_path: Path) -> None:
    """And another profile, whose keys may assume it."""
    tokens, server, _ = make(profile="work", **write_files(tmp_path))
    server.answer = ASSUMED
    assert key_in(await tokens.lines()) == "ASIAROLE"
    assert b"Credential=AKIDFILE/" in server.requests[0].head
    assert act_of(server.requests[0])["RoleSessionName"] == "me"
    await tokens.close()


async def test_a_profiles_role_is_assumed_by_the_machine(tmp_path: Path) -> None:
    """As the profile says."""
    tokens, server, _ = make(profile="machine", **write_files(tmp_path))
    server.answers = ["imds-token", "the-role", OWN, ASSUMED]
    assert key_in(await tokens.lines()) == "ASIAROLE"
    assert b"Credential=ASIAOWN/" in server.requests[0].head
    await tokens.close()


async def test_the_default_profile_comes_before_the_machine(tmp_path: Path) -> None:
    """Where it holds anything."""
    files = write_files(tmp_path, CREDENTIALS.replace("[base]", "[default]"))
    tokens, server, _ = make(**files)
    assert key_in(await tokens.lines()) == "AKIDFILE"
    assert not server.nearby
    await tokens.close()


@pytest.mark.parametrize(
    ("profile", "problem"),
    [
        ("other", "no profile `other`"),
        ("office", "single sign-on"),
        ("program", "by a program"),
        ("alone", "nobody who may assume it"),
    ],
)
def test_a_profile_that_cannot_be_is_named(profile: str, problem: str, tmp_path: Path) -> None:
    """At the start."""
    with pytest.raises(ConfigError, match=problem):
        make(profile=profile, **write_files(tmp_path))


@pytest.mark.parametrize("opened", [{"api_key": "bedrock-key-0123"}, {"settings": KEYS}])
def test_a_lasting_key_is_asked_of_nobody(opened: dict[str, object]) -> None:
    """An API key, or an access key that is set."""
    assert find_sources([make_account(load_provider("bedrock"), **opened)]) == {}  # type: ignore[arg-type]  # a table of arguments
