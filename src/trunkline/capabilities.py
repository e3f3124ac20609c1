"""What a target can hold: facts of a provider, overlaid with facts of a model from the catalogue."""

from typing import Literal

from msgspec import Struct


class Capabilities(Struct, frozen=True, kw_only=True):
    """Facts that lowering and writers ask. The defaults are permissive: an unknown model is given what was asked.

    `fields` are the top-level wire fields beyond the dialect's common ones that the target is known to take (`top_k`,
    `repetition_penalty`): an unknown caller field among them is carried, another is refused. `refuses` are wire fields
    that it answers with an error: left out of bodies that are otherwise passed on, and said.

    Chat: `developer_role` (else `system`), `max_tokens_field`, `stream_options` (whether it takes `include_usage`),
    `reasoning_field` (the name under which an assistant turn's reasoning is sent back, `None`: never),
    `effort` (whether `reasoning_effort` is taken), `custom_tools`, `strict_tools`, `message_names`,
    `call_id_digits` (Mistral: ids are exactly 9 letters or digits; 0: free).

    Messages: `thinking` is how the model is told to think: `adaptive` with `output_config.effort`, `manual` with a
    token budget, or `none`; `sampling` whether temperature and the like are taken; `max_output_tokens` what is sent
    when the caller set no limit.

    All: `tools` (`emulated`: by the JSON grammar, see lowering), `json_schema` (`native`, `json_object` only, `none`),
    `images`, `files`, `audio`.
    """

    tools: Literal["native", "emulated", "none"] = "native"
    custom_tools: bool = False
    strict_tools: bool = True
    parallel_switch: bool = True
    json_schema: Literal["native", "json_object", "none"] = "native"
    images: bool = True
    files: bool = True
    audio: bool = True
    developer_role: bool = False
    message_names: bool = False
    max_tokens_field: str = "max_tokens"
    stream_options: bool = True
    reasoning_field: str | None = "reasoning_content"
    effort: bool = True
    call_id_digits: int = 0
    thinking: Literal["adaptive", "manual", "none"] = "adaptive"
    sampling: bool = True
    max_output_tokens: int = 8192
    fields: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
