"""Where an answer comes from: Gemini's grounding and citations ↔ annotations in Responses' shape.

Gemini counts UTF-8 bytes within a part, annotations count code points within the text.
Source: https://ai.google.dev/api/generate-content#GroundingMetadata.
"""

from collections.abc import Sequence
from typing import Any

from trunkline.dialects.shapes import lenient_int, lenient_list, lenient_object, lenient_text


def _to_code_points(encoded: bytes, offset: int) -> int:
    return len(encoded[:offset].decode("utf-8", "ignore"))


def _span(segment: dict[str, Any], text: str, part_starts: Sequence[int]) -> tuple[int, int] | None:
    """A segment as code points of the whole text; `None` where it lies outside of it.

    `part_starts` says where each part of the wire begins in the text; a stream's parts are one text.
    """
    number = lenient_int(segment.get("partIndex"))
    origin = part_starts[number] if number < len(part_starts) else 0
    encoded = text[origin:].encode("utf-8", "replace")
    begin, end = lenient_int(segment.get("startIndex")), lenient_int(segment.get("endIndex"))
    start, stop = origin + _to_code_points(encoded, begin), origin + _to_code_points(encoded, end)
    quoted = lenient_text(segment.get("text"))
    if quoted and text[start:stop] != quoted:
        # The offsets count something else than what came here; the words themselves do not lie.
        found = text.find(quoted)
        if found < 0:
            return None
        start, stop = found, found + len(quoted)
    return (start, stop) if 0 <= start < stop <= len(text) else None


def read_grounding(metadata: Any, text: str, part_starts: Sequence[int] = ()) -> list[dict[str, Any]]:
    """`url_citation`s for every source of every supported segment, in order."""
    told = lenient_object(metadata)
    chunks = [_source_of(lenient_object(chunk)) for chunk in lenient_list(told.get("groundingChunks"))]
    annotations: list[dict[str, Any]] = []
    for entry in lenient_list(told.get("groundingSupports")):
        support = lenient_object(entry)
        span = _span(lenient_object(support.get("segment")), text, part_starts)
        if span is None:
            continue
        for number in lenient_list(support.get("groundingChunkIndices")):
            if type(number) is int and 0 <= number < len(chunks) and chunks[number] is not None:
                annotations.append(_citation(span, chunks[number] or ("", "")))
    return annotations


def read_citations(metadata: Any, text: str) -> list[dict[str, Any]]:
    """`citationMetadata`: what the answer recites, and from where."""
    annotations = []
    for entry in lenient_list(
        lenient_object(metadata).get("citations") or lenient_object(metadata).get("citationSources")
    ):
        citation = lenient_object(entry)
        span = _span({**citation, "text": ""}, text, ())
        uri = lenient_text(citation.get("uri"))
        if span is not None and uri:
            annotations.append(_citation(span, (uri, lenient_text(citation.get("title")))))
    return annotations


def _citation(span: tuple[int, int], source: tuple[str, str]) -> dict[str, Any]:
    uri, title = source
    return {"type": "url_citation", "start_index": span[0], "end_index": span[1], "url": uri, "title": title}


def _source_of(chunk: dict[str, Any]) -> tuple[str, str] | None:
    for name in ("web", "retrievedContext", "maps", "image"):
        source = lenient_object(chunk.get(name))
        uri = lenient_text(source.get("uri")) or lenient_text(source.get("sourceUri"))
        if uri:
            return uri, lenient_text(source.get("title"))
    return None


def read_search(metadata: Any) -> dict[str, Any] | None:
    """The searches behind a grounded answer, as one `web_search_call` item; `None` where there were none."""
    told = lenient_object(metadata)
    queries = [query for query in lenient_list(told.get("webSearchQueries")) if type(query) is str and query]
    if not queries:
        return None
    sources = [_source_of(lenient_object(chunk)) for chunk in lenient_list(told.get("groundingChunks"))]
    action = {
        "type": "search",
        "query": queries[0],
        "queries": queries,
        "sources": [{"type": "url", "url": source[0]} for source in sources if source is not None],
    }
    return {"type": "web_search_call", "status": "completed", "action": action}


class Grounding:
    """Annotations of an answer on their way out, gathered over its parts."""

    def __init__(self) -> None:
        self._chunks: list[dict[str, Any]] = []
        self._supports: list[dict[str, Any]] = []
        self._queries: list[str] = []

    def note_search(self, call: dict[str, Any]) -> None:
        """What was searched for by a hosted call, if it is a search."""
        if call.get("type") == "web_search_call":
            action = lenient_object(call.get("action"))
            queries = lenient_list(action.get("queries")) or [action.get("query")]
            self._queries += [query for query in queries if type(query) is str and query]

    def add(self, annotation: dict[str, Any], text: str, part: int) -> None:
        """An annotation of the part of this number; those without an address have no place here."""
        url = lenient_text(annotation.get("url"))
        if not url:
            return
        web = {"uri": url, "title": lenient_text(annotation.get("title"))}
        chunk = {"web": web}
        if chunk not in self._chunks:
            self._chunks.append(chunk)
        start, end = lenient_int(annotation.get("start_index")), lenient_int(annotation.get("end_index"))
        begin = len(text[:start].encode("utf-8", "replace"))
        segment: dict[str, Any] = {
            "startIndex": begin,
            "endIndex": begin + len(text[start:end].encode("utf-8", "replace")),
            "text": text[start:end],
        }
        if part:
            segment["partIndex"] = part
        self._supports.append({"segment": segment, "groundingChunkIndices": [self._chunks.index(chunk)]})

    def draw(self) -> dict[str, Any] | None:
        """`groundingMetadata`, or `None` where nothing was searched for nor cited."""
        told = {
            "webSearchQueries": self._queries,
            "groundingChunks": self._chunks,
            "groundingSupports": self._supports,
        }
        return {name: member for name, member in told.items() if member} or None
