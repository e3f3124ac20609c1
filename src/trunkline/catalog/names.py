"""One spelling for a model's many names."""

import re

_PLACE = re.compile(r"^(?:us|eu|apac|global|jp|au|us-gov)-(?=[a-z]+-)")
_MAKER = re.compile(
    r"^(?:anthropic|meta|amazon|mistral|cohere|openai|deepseek|qwen|google|moonshotai|minimax|zai)-(?=[a-z])"
)
_BEDROCK_VERSION = re.compile(r"-v\d+(?::\d+\w*)?$")
_DATE = re.compile(r"[-@](?:20\d{6}|20\d\d-\d\d-\d\d|latest)$")


def plain_name(model: str) -> str:
    """A name as rows spell it: lower case, without the maker before a slash, dots as hyphens.

    Bedrock's region, maker and version (`us.anthropic.claude-opus-5-v1:0`) are taken off, a date stays.
    """
    last = model.rpartition("/")[2].lower()
    if "." in last and (":" in last or last.count(".") > 1 or last.split(".")[0].isalpha()):
        last = _BEDROCK_VERSION.sub("", last)
        last = _MAKER.sub("", _PLACE.sub("", last.replace(".", "-")))
    return last.replace(".", "-")


def undated_name(name: str) -> str:
    """A plain name without the date of its version."""
    return _DATE.sub("", name)
