"""Tokens of Microsoft Entra, for Azure OpenAI.

An application shows its secret, or what another identity provider says of it (a file that a cluster keeps fresh); a
machine of Azure's is asked for its own. Sources:
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow,
…/entra/identity/managed-identities-azure-resources/how-to-use-vm-token, …/azure/app-service/overview-managed-identity.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from trunkline.errors import ConfigError
from trunkline.upstream.credentials.asker import Answer, Asker, read_text, read_url
from trunkline.upstream.credentials.grant import Grant, Source, bearer

_MACHINE_URL = "http://169.254.169.254/metadata/identity/oauth2/token"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFETIME_SECONDS = 1800.0


class Application:
    """A registered application: by a secret, or by the statement that stands in a file."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._url = (
            f"{settings['authority_host'].rstrip('/')}/{quote(settings['tenant_id'], safe='')}/oauth2/v2.0/token"
        )
        read_url(self._url)
        self._secret = settings.get("client_secret")
        self._file = settings.get("federated_token_file")
        self._members = {
            "grant_type": "client_credentials",
            "client_id": settings["client_id"],
            "scope": settings["token_resource"].rstrip("/") + "/.default",
        }

    async def grant(self, asker: Asker) -> Grant:
        return _read_token(await asker.ask_form(self._url, {**self._members, **self._proof()}))

    def _proof(self) -> dict[str, str]:
        if self._secret is not None:
            return {"client_secret": self._secret}
        return {"client_assertion_type": _ASSERTION, "client_assertion": read_text(self._file or "")}


class Machine:
    """A managed identity: of a virtual machine, or of what App Service and Container Apps run."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        endpoint, header = settings.get("identity_endpoint"), settings.get("identity_header")
        is_service = endpoint is not None and header is not None
        asked = {
            "api-version": "2019-08-01" if is_service else "2018-02-01",
            "resource": settings["token_resource"],
            **({"client_id": settings["client_id"]} if "client_id" in settings else {}),
        }
        self._url = f"{endpoint if is_service else _MACHINE_URL}?{urlencode(asked)}"
        self._headers = {"X-IDENTITY-HEADER": header or ""} if is_service else {"Metadata": "true"}
        read_url(self._url)

    async def grant(self, asker: Asker) -> Grant:
        return _read_token(await asker.ask_nearby("GET", self._url, self._headers), asker)


def find_source(settings: Mapping[str, str]) -> Source:
    """The application, where one is named with what proves it; else the machine's own identity."""
    proves = "client_secret" in settings or "federated_token_file" in settings
    if proves:
        lacking = [name for name in ("tenant_id", "client_id") if name not in settings]
        if lacking:
            raise ConfigError(f"has a secret or a token's file, but no `{lacking[0]}`")
        return Application(settings)
    return Machine(settings)


def _read_token(answer: Answer, asker: Asker | None = None) -> Grant:
    answer.check()
    told = answer.members
    seconds = _read_number(told.get("expires_in"))
    if not seconds and asker is not None:
        seconds = _read_number(told.get("expires_on")) - asker.clock.now_micros() / 1_000_000
    return bearer(told.get("access_token"), seconds if seconds > 0 else _LIFETIME_SECONDS)


def _read_number(value: object) -> float:
    """Machines write numbers as text."""
    try:
        return float(value) if isinstance(value, int | float | str) else 0.0
    except ValueError:
        return 0.0
