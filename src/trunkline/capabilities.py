"""What a target can hold: facts of a provider, overlaid with facts of a model from the catalogue."""

from typing import Literal

from msgspec import Struct


class Capabilities(Struct, frozen=True, kw_only=True):
    """Facts that lowering and writers ask. The defaults are permissive: an unknown model is given what was asked.

    `fields` are the top-level wire fields beyond the dialect's common ones that the target is known to take (`top_k`,
    `repetition_penalty`): an unknown caller field among them is carried, another is refused. `refuses` are wire fields
    that it answers with an error: left out of bodies that are otherwise passed on, and said. `emulated` are settings that
    the operator wants told in words where the target lacks them.

    Chat: `developer_role` (else `system`), `max_tokens_field`, `stream_options` (whether it takes `include_usage`),
    `reasoning_field` (the name under which an assistant turn's reasoning is sent back, `None`: never),
    `effort` (whether `reasoning_effort` is taken), `custom_tools`, `strict_tools`, `message_names`,
    `call_id_digits` (Mistral: ids are exactly 9 letters or digits; 0: free).

    Messages: `thinking` is how the model is told to think: `adaptive` with `output_config.effort`, `manual` with a
    token budget, `both` (adaptive unless a budget is given), or `none`; `thinking_off` what is said instead of
    thinking: `disabled`, `between_tools` (Sonnet 5.5), or nothing at all (`never`: it always thinks); `mid_system`
    whether a system message may stand among the turns, `prefill` whether the last turn may be the assistant's.

    Gemini: `thinking` is `adaptive` with a level, `manual` with a token budget (`thinking_budget` is the least and the
    most, `thinking_off` `never` where it cannot be 0), or `none`.

    Prompt caches that want to be asked: `cache_marks` says that the provider takes `cache_control` on parts,
    `explicit_cache` that the model caches nothing without it, `cache_minimum_tokens` from how long a prefix on.

    All: `sampling` whether temperature and the like are taken, `efforts` the levels that are (empty: not known, so
    all), `forced_tools` whether a tool may be forced, `tools` (`emulated`: by the JSON grammar, see lowering),
    `json_schema` (`native`, `json_object` only, `none`), `images`, `files`, `audio`, `context_tokens` how much goes
    in and `max_output_tokens` how much comes out at most (`None`: not known).

    Pictures, files and sound: `image_urls` and `file_urls` whether the provider fetches a URL by itself (else the
    gateway does, and sends the content), `own_urls` how URLs begin that mean something to it alone (`gs://`),
    `image_types`, `file_types` and `audio_formats` what it reads (`text/*` for all of a kind; empty: what its wire
    can hold), `max_image_bytes` and `max_file_bytes` for one of them, `max_images` and `max_files` how many (0: not
    known).

    Names: `tool_name_length` letters, digits, `_` and `-` at most for a tool's, `call_id_length` letters for a call's
    id; longer ones are mapped. `json_schema_with_tools` says whether a schema may be asked for beside tools.
    """

    tools: Literal["native", "emulated", "none"] = "native"
    custom_tools: bool = False
    strict_tools: bool = True
    parallel_switch: bool = True
    json_schema: Literal["native", "json_object", "none"] = "native"
    json_schema_with_tools: bool = True
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
    call_id_length: int = 64
    tool_name_length: int = 64
    thinking: Literal["adaptive", "manual", "both", "none"] = "both"
    thinking_off: Literal["disabled", "between_tools", "never"] = "disabled"
    thinking_budget: tuple[int, int] = (1, 24576)
    mid_system: bool = False
    prefill: bool = True
    forced_tools: bool = True
    efforts: tuple[str, ...] = ()
    sampling: bool = True
    cache_marks: bool = False
    explicit_cache: bool = False
    cache_minimum_tokens: int = 1024
    context_tokens: int | None = None
    image_urls: bool = True
    file_urls: bool = True
    own_urls: tuple[str, ...] = ()
    image_types: tuple[str, ...] = ()
    file_types: tuple[str, ...] = ()
    audio_formats: tuple[str, ...] = ()
    max_image_bytes: int = 0
    max_file_bytes: int = 0
    max_images: int = 0
    max_files: int = 0
    max_output_tokens: int | None = None
    fields: frozenset[str] = frozenset()
    emulated: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()


EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""The levels of effort, from the least to the most."""


def nearest_effort(asked: str, efforts: tuple[str, ...]) -> str:
    """The level that a model knows and that is nearest to the one asked, the lower of two as near.

    Thinking is not swapped for none, nor none for thinking, while there is another choice. A word that nobody knows
    is the model's to judge.
    """
    if not efforts or asked in efforts or asked not in EFFORTS:
        return asked
    place = EFFORTS.index(asked)
    thinking = [effort for effort in efforts if effort in EFFORTS and effort != "none"]
    if not thinking:
        return efforts[0]
    return min(thinking, key=lambda effort: (abs(EFFORTS.index(effort) - place), EFFORTS.index(effort)))
