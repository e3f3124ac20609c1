"""Citations: Anthropic's, which cover a whole text block, and annotations in Responses' shape, which have offsets.

Source: https://docs.anthropic.com/en/docs/build-with-claude/citations.
"""

from typing import Any

from trunkline.dialects.shapes import lenient_int, lenient_text


def read_citation(citation: dict[str, Any], length: int) -> dict[str, Any] | None:
    """The annotation that a citation of a block of `length` code points makes; `None` for a kind nobody knows."""
    kind = citation.get("type")
    if kind == "web_search_result_location":
        return _url_citation(lenient_text(citation.get("url")), citation, length)
    if kind == "search_result_location":
        source = lenient_text(citation.get("source"))
        if source.startswith(("http://", "https://")):
            return _url_citation(source, citation, length)
        return _file_citation("", lenient_text(citation.get("title")) or source, length)
    if kind in ("char_location", "page_location", "content_block_location"):
        title = lenient_text(citation.get("document_title"))
        return _file_citation(lenient_text(citation.get("file_id")), title, length)
    return None


def _url_citation(url: str, citation: dict[str, Any], length: int) -> dict[str, Any]:
    return {
        "type": "url_citation",
        "url": url,
        "title": lenient_text(citation.get("title")),
        "start_index": 0,
        "end_index": length,
    }


def _file_citation(file_id: str, filename: str, length: int) -> dict[str, Any]:
    return {"type": "file_citation", "file_id": file_id, "filename": filename, "index": length}


def write_citation(annotation: dict[str, Any], text: str) -> dict[str, Any] | None:
    """The citation for an annotation of `text`; `None` for kinds without a counterpart (paths in containers).

    Offsets become the cited slice. `encrypted_index` is what Anthropic's own search makes; nobody else can fill it.
    """
    kind = annotation.get("type")
    title = lenient_text(annotation.get("title")) or None
    if kind == "url_citation":
        start = lenient_int(annotation.get("start_index"))
        end = lenient_int(annotation.get("end_index"))
        return {
            "type": "web_search_result_location",
            "url": lenient_text(annotation.get("url")),
            "title": title,
            "cited_text": text[start:end],
            "encrypted_index": "",
        }
    if kind == "file_citation":
        filename = lenient_text(annotation.get("filename"))
        return {
            "type": "search_result_location",
            "source": filename or lenient_text(annotation.get("file_id")),
            "title": filename or None,
            "cited_text": "",
            "search_result_index": 0,
            "start_block_index": 0,
            "end_block_index": 0,
        }
    return None
