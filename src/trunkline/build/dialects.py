"""Every dialect: those that callers speak, and those that providers are spoken to in."""

from trunkline.dialects import anthropic, bedrock, cohere, gemini, openai_chat, openai_responses
from trunkline.dialects.dialect import UpstreamDialect

DIALECTS = {
    dialect.name: dialect
    for dialect in (openai_responses.DIALECT, openai_chat.DIALECT, anthropic.DIALECT, gemini.DIALECT)
}


UPSTREAMS: dict[str, UpstreamDialect] = {**DIALECTS, "bedrock": bedrock.DIALECT, "cohere": cohere.DIALECT}
