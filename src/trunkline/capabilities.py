"""What a target can hold: facts of a provider, overlaid with facts of a model from the catalogue."""

from typing import Literal

from msgspec import Struct


class Capabilities(Struct, frozen=True, kw_only=True):
    """Facts that lowering and writers ask. The defaults are permissive: an unknown model is given what was asked."""

    # Tools. `emulated` ones are asked for by a JSON grammar; names are letters, digits, `_` and `-`.
    tools: Literal["native", "emulated", "none"] = "native"
    custom_tools: bool = False
    strict_tools: bool = True
    forced_tools: bool = True
    parallel_switch: bool = True
    tool_name_length: int = 64

    # Ids of calls: letters at most, and exactly so many letters or digits where that is not 0 (Mistral: 9).
    call_id_length: int = 64
    call_id_digits: int = 0

    # The shape of an answer; whether a schema may be asked for beside tools.
    json_schema: Literal["native", "json_object", "none"] = "native"
    json_schema_with_tools: bool = True

    # Thinking. On Messages: `adaptive` with an effort, `manual` with a budget of tokens, `both` (adaptive unless a
    # budget is given). On Gemini: `adaptive` with a level, `manual` with a budget between the two of `thinking_budget`.
    thinking: Literal["adaptive", "manual", "both", "none"] = "both"
    # What is said instead of thinking: `between_tools` is Sonnet 5.5's; `never` says that it always thinks.
    thinking_off: Literal["disabled", "between_tools", "never"] = "disabled"
    thinking_budget: tuple[int, int] = (1, 24576)
    # The levels of effort that are taken; empty where they are not known, so that all are.
    efforts: tuple[str, ...] = ()

    # Settings: whether temperature and the like are taken.
    sampling: bool = True
    # Wire fields beyond the dialect's common ones that are taken (`top_k`, `repetition_penalty`). A field of the
    # caller's that nobody knows is carried if it is among them, and else refused.
    fields: frozenset[str] = frozenset()
    # Wire fields that are answered with an error: they are left out of bodies that pass otherwise, and that is said.
    refuses: frozenset[str] = frozenset()
    # Settings that the operator wants told in words where the target lacks them.
    emulated: frozenset[str] = frozenset()

    # Chat alone: the role of instructions (else `system`), the name of the limit, whether `include_usage` is taken, the
    # name under which a turn's reasoning is sent back (`None`: never), whether `reasoning_effort` is taken.
    developer_role: bool = False
    message_names: bool = False
    max_tokens_field: str = "max_tokens"
    stream_options: bool = True
    reasoning_field: str | None = "reasoning_content"
    effort: bool = True

    # Messages alone: a system message among the turns; a last turn of the assistant's, for the model to go on with.
    mid_system: bool = False
    prefill: bool = True

    # Prompt caches that want to be asked: whether `cache_control` is taken on parts, whether nothing is cached without
    # it, from how long a prefix on.
    cache_marks: bool = False
    explicit_cache: bool = False
    cache_minimum_tokens: int = 1024

    # How much goes in, and how much comes out at most; `None` where it is not known.
    context_tokens: int | None = None
    max_output_tokens: int | None = None

    # Pictures, files and sound: which are taken at all.
    images: bool = True
    files: bool = True
    audio: bool = True
    # Whether the provider fetches a URL by itself: else the gateway does, and sends the content. `own_urls` are how
    # URLs begin that mean something to the provider alone (`gs://`).
    image_urls: bool = True
    file_urls: bool = True
    own_urls: tuple[str, ...] = ()
    # What is read of them (`text/*` for all of a kind); empty for what the wire can hold.
    image_types: tuple[str, ...] = ()
    file_types: tuple[str, ...] = ()
    audio_formats: tuple[str, ...] = ()
    # Bytes of one, and how many; 0 where it is not known.
    max_image_bytes: int = 0
    max_file_bytes: int = 0
    max_images: int = 0
    max_files: int = 0


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
