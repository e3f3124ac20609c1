"""Where AWS's own tools look for keys, in their order: the settings, a profile in their files, a cluster, a machine.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html. Programs that print keys and
single sign-on are not run: `aws configure export-credentials` writes down what they give.
"""

from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ParseError
from pathlib import Path

from trunkline.errors import ConfigError
from trunkline.providers.sigv4 import Secrets
from trunkline.upstream.credentials.asker import Asker
from trunkline.upstream.credentials.aws import (
    Container,
    KeySource,
    Lease,
    Machine,
    Office,
    Role,
    Signing,
    WebRole,
    Written,
)
from trunkline.upstream.credentials.grant import Source

_DEFAULT = "default"
_AGENT = "http://169.254.170.2"
_SERVICE = "bedrock"

Settings = Mapping[str, str]


def find_source(settings: Settings) -> Source:
    """Who signs for an account. Raises `ConfigError` for what is set and cannot be."""
    source = _find_keys(settings)
    role = settings.get("role_arn")
    if role is not None:
        session, known_as = settings.get("role_session_name", ""), settings.get("external_id", "")
        source = Role(source, _find_office(settings), role, session, known_as)
    return Signing(source, settings["region"], _SERVICE)


def _find_keys(settings: Settings) -> KeySource:
    if "access_key_id" in settings and "secret_access_key" in settings:
        return _read_environment(settings)
    if "profile" in settings:
        return Profile(settings["profile"], settings)
    if "web_identity_token_file" in settings and "web_identity_role_arn" in settings:
        session = settings.get("role_session_name", "")
        role, file = settings["web_identity_role_arn"], settings["web_identity_token_file"]
        return WebRole(_find_office(settings), role, file, session)
    if _read_profiles(settings).get(_DEFAULT):
        return Profile(_DEFAULT, settings)
    return _find_container(settings) or Machine(settings["metadata_url"])


def _read_environment(settings: Settings) -> KeySource:
    token = settings.get("session_token", "")
    return Written(Secrets(settings["access_key_id"], settings["secret_access_key"], token))


def _find_container(settings: Settings) -> Container | None:
    relative, full = settings.get("container_relative_uri"), settings.get("container_full_uri")
    url = _AGENT + relative if relative is not None else full
    if url is None:
        return None
    return Container(url, settings.get("container_token", ""), settings.get("container_token_file", ""))


def _find_office(settings: Settings) -> Office:
    region = settings["region"]
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return Office(settings.get("sts_url") or f"https://sts.{region}.{domain}/", region)


# --- profiles ---------------------------------------------------------------------------------------------------


class Profile:
    """What the files say under a name, read anew for each grant: others write keys into them."""

    def __init__(self, name: str, settings: Settings) -> None:
        self._name = name
        self._settings = settings
        self._read()

    async def lease(self, asker: Asker) -> Lease:
        return await self._read().lease(asker)

    def _read(self) -> KeySource:
        return _read_profile(self._name, self._settings, _read_profiles(self._settings), ())


def _read_profile(
    name: str, settings: Settings, profiles: Mapping[str, Settings], before: tuple[str, ...]
) -> KeySource:
    members = profiles.get(name)
    if members is None:
        raise ConfigError(f"there is no profile `{name}` in AWS's files")
    if "role_arn" in members and name not in before:
        return _read_role(name, members, settings, profiles, (*before, name))
    if "aws_access_key_id" in members and "aws_secret_access_key" in members:
        token = members.get("aws_session_token", "")
        return Written(Secrets(members["aws_access_key_id"], members["aws_secret_access_key"], token))
    if "credential_process" in members or any(member.startswith("sso_") for member in members):
        raise ConfigError(
            f"the profile `{name}` is opened by a program or by single sign-on, which are not run here: set what"
            " `aws configure export-credentials` prints"
        )
    raise ConfigError(f"the profile `{name}` holds no keys")


def _read_role(
    name: str, members: Settings, settings: Settings, profiles: Mapping[str, Settings], before: tuple[str, ...]
) -> KeySource:
    office, session = _find_office(settings), members.get("role_session_name", "")
    if "web_identity_token_file" in members:
        return WebRole(office, members["role_arn"], members["web_identity_token_file"], session)
    source: KeySource | None
    match members.get("source_profile"), members.get("credential_source"):
        case str(other), _:
            source = _read_profile(other, settings, profiles, before)
        case _, "Environment" if "access_key_id" in settings:
            source = _read_environment(settings)
        case _, "EcsContainer":
            source = _find_container(settings)
        case _, "Ec2InstanceMetadata":
            source = Machine(settings["metadata_url"])
        case _:
            source = None
    if source is None:
        raise ConfigError(f"the profile `{name}` names a role, but nobody who may assume it")
    return Role(source, office, members["role_arn"], session, members.get("external_id", ""))


def _read_profiles(settings: Settings) -> dict[str, dict[str, str]]:
    """`{profile: members}` of both files; what the file of credentials says weighs more."""
    profiles: dict[str, dict[str, str]] = {}
    for setting in ("config_file", "credentials_file"):
        for section, members in _read_file(settings[setting]).items():
            if setting == "config_file" and section != _DEFAULT and not section.startswith("profile "):
                continue
            profiles.setdefault(section.removeprefix("profile ").strip(), {}).update(members)
    return profiles


def _read_file(path: str) -> dict[str, dict[str, str]]:
    parser = ConfigParser(interpolation=None, default_section="", strict=False)
    try:
        parser.read_string(Path(path).expanduser().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, ParseError):
        raise ConfigError(f"{path} cannot be read") from None
    return {section: dict(parser.items(section)) for section in parser.sections()}
