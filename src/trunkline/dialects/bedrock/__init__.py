"""Amazon Bedrock's Converse API, spoken upstream alone: the dialect "bedrock".

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, …_ConverseStream.html.
"""

from trunkline.dialects.bedrock.body import write_request
from trunkline.dialects.bedrock.cache_points import mark_cache
from trunkline.dialects.bedrock.errors import read_error
from trunkline.dialects.bedrock.media import FORMS
from trunkline.dialects.bedrock.reader import Reader, read_reply
from trunkline.dialects.dialect import UpstreamDialect

DIALECT = UpstreamDialect(
    name="bedrock",
    write_request=write_request,
    read_reply=read_reply,
    reader=Reader,
    read_error=read_error,
    model_in_body=False,
    media=FORMS,
    mark_cache=mark_cache,
)
