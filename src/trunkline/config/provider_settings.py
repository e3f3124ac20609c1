"""The settings that every provider has, beside those that its own file declares."""

from msgspec import Struct


class Common(Struct, frozen=True, kw_only=True):
    """A setting that every provider has: `<P>_<NAME>`, or `providers.<p>.<name>`."""

    name: str
    meaning: str
    default: str = ""
    secret: bool = False


COMMON = (
    Common(name="api_key", meaning="its key", secret=True),
    Common(name="base_url", meaning="its address, with or without `/v1`", default="per provider"),
    Common(
        name="models",
        meaning="names added to what it lists; `only:a,b` serves no others; a name with `*` filters what it lists",
    ),
    Common(
        name="speaks",
        meaning="the dialects it is spoken to in, by preference: comma list of `responses`, `chat`, `messages`, `gemini`,"
        " `bedrock`, `cohere`",
        default="per provider",
    ),
    Common(
        name="faithful",
        meaning="those whose streams keep the dialect's own grammar, so that they pass untouched; `none` for none",
        default="per provider",
    ),
    Common(
        name="tls_verify",
        meaning="whether its certificate is checked; off only in tests and private networks",
        default="true",
    ),
    Common(
        name="cache_points",
        meaning="`auto` or `off`: whether prompts are marked for its cache where a caller cannot ask and it is worth it",
        default="auto",
    ),
    Common(
        name="emulate",
        meaning="what is told in words where a model has no setting for it, and else dropped: `verbosity`",
    ),
)
