"""Amazon Bedrock: models of many makers behind Converse.

Opened by a Bedrock API key, by an access key, or by what AWS's own tools would find: a profile, a role, a pod's or a
machine's keys. Requests are signed but for an API key's. `AWS_ACCESS_KEY_ID` alone, which is often there for other
things, does not configure it: a region or key named after it does.
Limits: its list has the models that are called on demand and the profiles of inference; ARNs are names too. With a base
URL of its own it lists them where `BEDROCK_MODELS_URL` says. Media must be sent along or stand in S3. What is particular
to a model goes into `provider_options: {"bedrock": {"additionalModelRequestFields": …}}`, and guardrails likewise.
"""

from collections.abc import Mapping
from dataclasses import replace

from trunkline.capabilities import Capabilities
from trunkline.dialects.shapes import decode_json, lenient_list, lenient_object, lenient_text
from trunkline.errors import Garbled
from trunkline.providers.provider import STREAM, Provider, Setting, Signer
from trunkline.providers.sigv4 import Secrets
from trunkline.providers.sigv4 import sign as sign_v4

_REGION = "us-east-1"


_LISTS = (
    "/foundation-models?byInferenceType=ON_DEMAND&byOutputModality=TEXT",
    "/inference-profiles?maxResults=1000",
)


def find_address(settings: Mapping[str, str]) -> str:
    """The address of a region; China's has another domain."""
    return _find_host("bedrock-runtime", settings["region"])


def _find_host(service: str, region: str) -> str:
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{service}.{region}.{domain}"


def adapt(provider: Provider, base_url: str | None, settings: Mapping[str, str]) -> tuple[Provider, str | None]:
    """Models are listed at another address than they answer at: AWS's own, or the one that is set."""
    lists = settings.get("models_url") or (None if base_url else _find_host("bedrock", settings["region"]))
    if lists is not None:
        provider = replace(provider, lists=tuple(lists.rstrip("/") + path for path in _LISTS))
    return provider, base_url


def read_models(body: bytes) -> list[str]:
    """The names in a list of models or of profiles. Raises `Garbled` for what is neither."""
    told = decode_json(body)
    lists = (("modelSummaries", "modelId"), ("inferenceProfileSummaries", "inferenceProfileId"))
    for members, name in lists:
        if isinstance(told, dict) and members in told:
            entries = (lenient_object(entry) for entry in lenient_list(told[members]))
            return [model for entry in entries if (model := lenient_text(entry.get(name)))]
    raise Garbled("the provider's list of models is not one")


def needs_token(api_key: str, settings: Mapping[str, str]) -> bool:
    """Whether keys must be asked for: there is none here, or it is there to assume a role with."""
    is_written = "access_key_id" in settings and "secret_access_key" in settings
    return not api_key and ("role_arn" in settings or not is_written)


def sign(signer: Signer, head: bytes, body: bytes, now_micros: int) -> bytes:
    """The head as it is for an API key, which stands in it already; else signed."""
    if signer.api_key:
        return head
    settings = signer.settings
    if needs_token("", settings):
        return head
    secrets = Secrets(
        settings.get("access_key_id", ""), settings.get("secret_access_key", ""), settings.get("session_token", "")
    )
    return sign_v4(secrets, settings["region"], "bedrock", head, body, now_micros)


PROVIDER = Provider(
    name="bedrock",
    title="Amazon Bedrock",
    docs="https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
    read_models=read_models,
    address=find_address,
    version="",
    configured_by="region",
    key_required=False,
    needs=(("api_key",), ("region",)),
    adapt=adapt,
    cloud="aws",
    needs_token=needs_token,
    also={"api_key": ("AWS_BEARER_TOKEN_BEDROCK",)},
    speaks=("bedrock",),
    operations=frozenset({"bedrock:count"}),
    paths={
        "bedrock": "/model/{model}/converse",
        "bedrock" + STREAM: "/model/{model}/converse-stream",
        "bedrock:count": "/model/{model}/count-tokens",
    },
    settings=(
        Setting(name="region", meaning="the AWS region", default=_REGION, also=("AWS_REGION", "AWS_DEFAULT_REGION")),
        Setting(name="access_key_id", meaning="the access key's id", also=("AWS_ACCESS_KEY_ID",), secret=True),
        Setting(
            name="secret_access_key", meaning="the access key itself", also=("AWS_SECRET_ACCESS_KEY",), secret=True
        ),
        Setting(name="session_token", meaning="what a temporary key needs", also=("AWS_SESSION_TOKEN",), secret=True),
        Setting(name="profile", meaning="the profile in AWS's files", also=("AWS_PROFILE",)),
        Setting(name="role_arn", meaning="a role to assume with the keys that are found"),
        Setting(name="external_id", meaning="what the role's owner wants to be told with that"),
        Setting(
            name="role_session_name", meaning="what the role's log calls this gateway", also=("AWS_ROLE_SESSION_NAME",)
        ),
        Setting(
            name="web_identity_token_file",
            meaning="the file of what a cluster says of this gateway",
            also=("AWS_WEB_IDENTITY_TOKEN_FILE",),
        ),
        Setting(name="web_identity_role_arn", meaning="the role that it may assume by that", also=("AWS_ROLE_ARN",)),
        Setting(
            name="container_relative_uri",
            meaning="where a task asks for its role's keys",
            also=("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
        ),
        Setting(
            name="container_full_uri",
            meaning="where a pod asks for its role's keys",
            also=("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
        ),
        Setting(
            name="container_token",
            meaning="what it asks with",
            also=("AWS_CONTAINER_AUTHORIZATION_TOKEN",),
            secret=True,
        ),
        Setting(
            name="container_token_file",
            meaning="the file of what it asks with",
            also=("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",),
        ),
        Setting(
            name="metadata_url",
            meaning="where a machine of AWS's asks who it is",
            default="http://169.254.169.254",
            also=("AWS_EC2_METADATA_SERVICE_ENDPOINT",),
        ),
        Setting(
            name="config_file", meaning="AWS's file of profiles", default="~/.aws/config", also=("AWS_CONFIG_FILE",)
        ),
        Setting(
            name="credentials_file",
            meaning="AWS's file of keys",
            default="~/.aws/credentials",
            also=("AWS_SHARED_CREDENTIALS_FILE",),
        ),
        Setting(name="sts_url", meaning="where roles are assumed", also=("AWS_ENDPOINT_URL_STS",)),
        Setting(name="models_url", meaning="where its models are listed", also=("AWS_ENDPOINT_URL_BEDROCK",)),
    ),
    sign=sign,
    capabilities=Capabilities(
        # Models that think, keep a schema or are strict are rows of the catalogue; others answer such wishes with an
        # error.
        thinking="none",
        json_schema="none",
        strict_tools=False,
        cache_marks=True,
        parallel_switch=False,
        audio=False,
        image_urls=False,
        file_urls=False,
        max_images=20,
        max_files=5,
    ),
)
