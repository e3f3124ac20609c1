"""Cohere's citations, whose offsets are code points of one text block, as annotations in Responses' shape.

Source: https://docs.cohere.com/docs/documents-and-citations.
"""

from typing import Any

from trunkline.dialects.shapes import lenient_int, lenient_list, lenient_object, lenient_text


def read_citation(citation: dict[str, Any]) -> list[dict[str, Any]]:
    """One annotation for each source; none for what is cited in a plan or a thought, where annotations have no
    place."""
    if lenient_text(citation.get("type")) in ("PLAN", "THINKING_CONTENT"):
        return []
    start, end = lenient_int(citation.get("start")), lenient_int(citation.get("end"))
    return [_read_source(lenient_object(source), start, end) for source in lenient_list(citation.get("sources"))]


def _read_source(source: dict[str, Any], start: int, end: int) -> dict[str, Any]:
    held = lenient_object(source.get("document")) or lenient_object(source.get("tool_output"))
    id, title, url = lenient_text(source.get("id")), lenient_text(held.get("title")), lenient_text(held.get("url"))
    if url:
        return {"type": "url_citation", "url": url, "title": title, "start_index": start, "end_index": end}
    return {"type": "file_citation", "file_id": id, "filename": title or id, "index": end}
