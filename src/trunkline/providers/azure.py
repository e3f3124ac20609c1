"""Azure OpenAI: OpenAI's models as deployments of one's own.

The base URL is the resource's (`https://<resource>.openai.azure.com`). By default its `/openai/v1` surface is used,
which has Responses and Chat and needs no version; with a dated `AZURE_API_VERSION` the older paths by deployment are,
which have Chat (name `responses` in `AZURE_SPEAKS` for versions that have it). A model is a deployment's name.
Without a key it is opened by tokens of Entra: of an application with a secret or a federated token, or of the machine.
Limits: deployments cannot be listed with the key, so a name needs its prefix (`azure/<deployment>`), or
`AZURE_MODELS`. Streams may begin with a chunk that holds nothing but `prompt_filter_results`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from trunkline.call import Header
from trunkline.providers.openai_format import EMBEDDINGS, OWN_MODELS, make_provider
from trunkline.providers.provider import Provider, Setting

_SURFACE = re.compile(r"/openai(/v1|/deployments(/.*)?)?$")
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}")


def authorize(api_key: str) -> Sequence[Header]:
    """`api-key`."""
    return ((b"api-key", api_key.encode()),) if api_key else ()


def adapt(provider: Provider, base_url: str | None, settings: Mapping[str, str]) -> tuple[Provider, str | None]:
    """The surface that the version asks for, below the resource's own address; a URL that names `/v1` decides too."""
    version = settings.get("api_version", "")
    base_url = base_url.strip().rstrip("/") if base_url is not None else None
    found = _SURFACE.search(base_url or "")
    if base_url is not None and found is not None:
        base_url = base_url[: found.start()]
    query = f"?api-version={version}" if version else ""
    if found is not None and found[1] == "/v1" and _DATED.match(version):
        query = ""
    elif _DATED.match(version):
        return replace(provider, version="/openai", speaks=("chat",), paths=_by_deployment(query)), base_url
    return replace(provider, paths={name: path + query for name, path in provider.paths.items()}), base_url


def _by_deployment(query: str) -> dict[str, str]:
    deployment = "/deployments/{model}"
    return {
        "chat": f"{deployment}/chat/completions{query}",
        "embeddings": f"{deployment}/embeddings{query}",
        "responses": f"/responses{query}",
    }


PROVIDER = make_provider(
    "azure",
    "Azure OpenAI",
    "https://learn.microsoft.com/azure/ai-foundry/openai/reference",
    None,
    version="/openai/v1",
    also={"api_key": ("AZURE_OPENAI_API_KEY",), "base_url": ("AZURE_OPENAI_ENDPOINT",)},
    adapt=adapt,
    authorize=authorize,
    speaks=("responses", "chat"),
    keeps_responses=True,
    faithful=frozenset({"responses", "chat"}),
    operations=EMBEDDINGS | {"responses:compact"},
    paths={
        "chat": "/chat/completions",
        "responses": "/responses",
        "responses:compact": "/responses/compact",
        "embeddings": "/embeddings",
    },
    needs=(
        ("api_key",),
        ("tenant_id", "client_id", "client_secret"),
        ("tenant_id", "client_id", "federated_token_file"),
        ("managed_identity",),
    ),
    cloud="entra",
    needs_token=lambda api_key, _: not api_key,
    settings=(
        Setting(name="tenant_id", meaning="the tenant of an application that opens it instead of a key"),
        Setting(name="client_id", meaning="that application, or the machine's identity where it has several"),
        Setting(name="client_secret", meaning="its secret", secret=True),
        Setting(
            name="federated_token_file",
            meaning="the file of what another identity provider says of it, kept fresh there",
        ),
        Setting(name="managed_identity", meaning="`true`: the machine's own identity opens it"),
        Setting(
            name="identity_endpoint",
            meaning="where App Service and its like ask who they are",
            also=("IDENTITY_ENDPOINT",),
        ),
        Setting(name="identity_header", meaning="what they ask with", also=("IDENTITY_HEADER",), secret=True),
        Setting(name="authority_host", meaning="where Entra gives tokens", default="https://login.microsoftonline.com"),
        Setting(
            name="token_resource",
            meaning="what the tokens are for",
            default="https://cognitiveservices.azure.com",
        ),
        Setting(
            name="api_version",
            meaning="a dated version (`2024-10-21`) uses the paths by deployment; `preview` asks `/openai/v1` for more",
            also=("OPENAI_API_VERSION",),
        ),
    ),
    capabilities=OWN_MODELS,
)
