"""Amazon Bedrock: models of many makers behind Converse.

Opened by a Bedrock API key, or by an access key, whose requests are signed; roles and profiles are not read, so run
`aws configure export-credentials` for them. `AWS_ACCESS_KEY_ID` alone, which is often there for other things, does not
configure it: a region or key named after it does.
Limits: its models are listed elsewhere, so a name needs its prefix (`bedrock/us.anthropic.claude-…`), or
`BEDROCK_MODELS`; profiles and ARNs are names too. Media must be sent along or stand in S3. What is particular to a
model goes into `provider_options: {"bedrock": {"additionalModelRequestFields": …}}`, and guardrails likewise.
"""

from collections.abc import Mapping

from trunkline.capabilities import Capabilities
from trunkline.providers.openai_format import read_models
from trunkline.providers.provider import STREAM, Provider, Setting, Signer
from trunkline.providers.sigv4 import Secrets
from trunkline.providers.sigv4 import sign as sign_v4

_REGION = "us-east-1"


def find_address(settings: Mapping[str, str]) -> str:
    """The address of a region; China's has another domain."""
    region = settings["region"]
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://bedrock-runtime.{region}.{domain}"


def sign(signer: Signer, head: bytes, body: bytes, now_micros: int) -> bytes:
    """The head as it is for an API key, which stands in it already; else signed."""
    if signer.api_key:
        return head
    settings = signer.settings
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
    needs=(("api_key",), ("access_key_id", "secret_access_key")),
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
