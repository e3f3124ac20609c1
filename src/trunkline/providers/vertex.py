"""Gemini on Google Cloud's Vertex AI.

Limits: it has no lasting key but tokens, made from a service account's file or from application default credentials
in one. The models of its list are not told, so a name needs its prefix, or `VERTEX_MODELS`. Signatures and limits as
with the Gemini API.
"""

from collections.abc import Mapping

from trunkline.capabilities import Capabilities
from trunkline.dialects.gemini.media import OWN_URLS
from trunkline.providers.google_format import read_models, write_paths
from trunkline.providers.provider import Provider, Setting


def find_address(settings: Mapping[str, str]) -> str:
    """The address of a location; the global one has no prefix."""
    location = settings["location"]
    prefix = "" if location == "global" else f"{location}-"
    return f"https://{prefix}aiplatform.googleapis.com/v1"


PROVIDER = Provider(
    name="vertex",
    title="Vertex AI",
    docs="https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
    address=find_address,
    configured_by="project",
    needs=(("project", "credentials"),),
    key_required=False,
    speaks=("gemini",),
    faithful=frozenset({"gemini"}),
    operations=frozenset({"gemini:count"}),
    paths=write_paths("/projects/{project}/locations/{location}/publishers/google"),
    settings=(
        Setting(name="project", meaning="the Google Cloud project"),
        Setting(name="location", meaning="the region, or `global`", default="global"),
        Setting(
            name="credentials",
            meaning="the JSON file of a service account, or of application default credentials",
            also=("GOOGLE_APPLICATION_CREDENTIALS",),
        ),
    ),
    token=True,
    read_models=read_models,
    capabilities=Capabilities(
        parallel_switch=False,
        image_urls=False,
        file_urls=False,
        own_urls=OWN_URLS,
        fields=frozenset({"top_k"}),
    ),
    rank=4,
    example="gemini-2.5-flash",
)
