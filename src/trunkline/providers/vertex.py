"""Gemini on Google Cloud's Vertex AI.

Limits: it has no lasting key but tokens: of a file of credentials (a service account's, a person's, a federated
identity's), of the login that `gcloud` keeps, or of the machine that this runs on. The models of its list are not told,
so a name needs its prefix, or `VERTEX_MODELS`. Signatures and limits as with the Gemini API.
"""

from collections.abc import Mapping

from trunkline.providers.google_format import OWN_MODELS, read_models, write_paths
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
    needs=(("project",),),
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
            meaning="the JSON file of credentials; without one the login of `gcloud`, or the machine's own identity",
            also=("GOOGLE_APPLICATION_CREDENTIALS",),
        ),
        Setting(
            name="metadata_host",
            meaning="where a machine of Google's asks who it is",
            default="metadata.google.internal",
            also=("GCE_METADATA_HOST",),
        ),
    ),
    cloud="google",
    read_models=read_models,
    capabilities=OWN_MODELS,
    rank=4,
    example="gemini-2.5-flash",
)
