"""The pieces of Gemini's wire that everything in this folder shares: names, typed frames, signatures.

Source: https://ai.google.dev/api/generate-content, …/gemini-api/docs/thought-signatures.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw, Struct

from trunkline.dialects.dialect import Seal, Unseal
from trunkline.dialects.seal import PREFIX
from trunkline.dialects.shapes import UNREADABLE, Fields, read_object
from trunkline.items import Carrier

DIALECT = "gemini"

SKIP_SIGNATURE = "skip_thought_signature_validator"
"""What Google takes in place of a signature for calls that another model made."""


# --- names --------------------------------------------------------------------------------------------------------


# Google's own come to thirty characters or so.
_LONGEST_NAME = 100


def camel(name: str) -> str:
    """`system_instruction` → `systemInstruction`: Google's JSON may be written in either spelling."""
    return _camel(name) if len(name) <= _LONGEST_NAME else name


@lru_cache(maxsize=1024)
def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest) if rest else name


def camel_keys(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object of the wire under its canonical names; members within keep theirs."""
    if "_" not in "".join(value):
        return dict(value)
    return {camel(name): member for name, member in value.items()}


def fields_of(value: Any, path: str) -> Fields:
    """An object of the wire, to be read member by member under its canonical names."""
    return Fields(camel_keys(read_object(value, path).value), path)


# --- frames -------------------------------------------------------------------------------------------------------


class FunctionCall(Struct):
    """A call, whole or (with `partialArgs`) a piece of one; arguments stay as the model wrote them."""

    name: str | None = None
    args: Raw = Raw()
    id: str | None = None
    partialArgs: list[Any] | None = None  # noqa: N815  # the wire's name
    willContinue: bool | None = None  # noqa: N815  # the wire's name


class Part(Struct):
    """One part of an answer, as far as it has a meaning here."""

    text: str | None = None
    thought: bool | None = None
    thoughtSignature: str | None = None  # noqa: N815  # the wire's name
    functionCall: FunctionCall | None = None  # noqa: N815  # the wire's name
    inlineData: Any = None  # noqa: N815  # the wire's name
    fileData: Any = None  # noqa: N815  # the wire's name
    executableCode: Any = None  # noqa: N815  # the wire's name
    codeExecutionResult: Any = None  # noqa: N815  # the wire's name


class Content(Struct):
    parts: list[Part] | None = None


class Candidate(Struct):
    content: Content | None = None
    index: int | None = None
    finishReason: str | None = None  # noqa: N815  # the wire's name
    finishMessage: Any = None  # noqa: N815  # the wire's name
    groundingMetadata: Any = None  # noqa: N815  # the wire's name
    citationMetadata: Any = None  # noqa: N815  # the wire's name
    logprobsResult: Any = None  # noqa: N815  # the wire's name
    continuationToken: str | None = None  # noqa: N815  # the wire's name


class Frame(Struct):
    """One `GenerateContentResponse`: a whole reply, or one event of a stream."""

    candidates: list[Candidate] | None = None
    usageMetadata: Raw = Raw()  # noqa: N815  # the wire's name
    modelVersion: str | None = None  # noqa: N815  # the wire's name
    responseId: str | None = None  # noqa: N815  # the wire's name
    promptFeedback: Any = None  # noqa: N815  # the wire's name
    error: Any = None


_FRAME = msgspec.json.Decoder(Frame)


def decode_frame(data: bytes) -> Frame:
    """One frame. Half surrogate pairs, which no UTF-8 can hold, become replacement characters.

    Raises `ValueError` for what is no frame.
    """
    try:
        return _FRAME.decode(data)
    except UNREADABLE:
        pass
    try:
        value = json.loads(data.decode("utf-8", "replace"))
        return _FRAME.decode(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise ValueError(type(error).__name__) from error


_SPACE_OUTSIDE_STRINGS = re.compile(rb'("(?:[^"\\]|\\.)*")|\s+')


def compact(raw: Raw) -> str:
    """A JSON value's own text, numbers and order of keys untouched, without the white space between its tokens."""
    return _SPACE_OUTSIDE_STRINGS.sub(rb"\1", bytes(raw)).decode("utf-8", "replace")


# --- signatures ---------------------------------------------------------------------------------------------------

# What a sealed value begins with once it is base64, which a signature must be: the SDKs decode it.
SEALED_PREFIX = base64.b64encode(PREFIX.encode()).decode()[:5]


def seal_signature(carrier: Carrier, seal: Seal) -> str:
    """What stands in `thoughtSignature` towards a caller."""
    return base64.b64encode(seal(carrier).encode()).decode()


def unseal_signature(value: str, unseal: Unseal) -> Carrier | None:
    """What was sealed in a caller's `thoughtSignature`; `None` for one that is Google's own."""
    if not value.startswith(SEALED_PREFIX):
        return None
    try:
        text = base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return unseal(text)
