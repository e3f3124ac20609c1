"""Citations: Anthropic's, which cover a whole text block, and annotations in Responses' shape, which have offsets.

A citation of another family's search says so where Anthropic's own would have its index: sealed, so that it is known
again, and never shown to Anthropic, which takes none but its own.

Source: https://docs.anthropic.com/en/docs/build-with-claude/citations.
"""

from typing import Any

from trunkline.dialects.dialect import Seal
from trunkline.dialects.seal import PREFIX
from trunkline.dialects.shapes import lenient_int, lenient_list, lenient_object, lenient_text
from trunkline.items import CITED, Carrier

_FOREIGN = Carrier("responses", "citation", None)


def read_annotations(block: dict[str, Any], text: str) -> list[dict[str, Any]]:
    """The annotations of a block that a caller sends back."""
    found = [_read_kept(lenient_object(citation), text) for citation in lenient_list(block.get("citations"))]
    return [annotation for annotation in found if annotation is not None]


def _read_kept(citation: dict[str, Any], text: str) -> dict[str, Any] | None:
    annotation = read_citation(citation, len(text))
    cited = lenient_text(citation.get("cited_text"))
    if annotation is not None and cited and is_foreign(citation) and (start := text.find(cited)) >= 0:
        return {**annotation, "start_index": start, "end_index": start + len(cited)}
    return annotation


def is_foreign(citation: Any) -> bool:
    """Whether a citation that a caller sends back is of another family's making."""
    return lenient_text(lenient_object(citation).get("encrypted_index")).startswith(PREFIX)


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


def write_citation(annotation: dict[str, Any], text: str, seal: Seal) -> dict[str, Any] | None:
    """The citation for an annotation of `text`; `None` for kinds without a counterpart (paths in containers).

    Without the words of the source, offsets become the cited slice.
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
            "cited_text": annotation.get(CITED) or text[start:end],
            "encrypted_index": seal(_FOREIGN),
        }
    if kind == "file_citation":
        filename = lenient_text(annotation.get("filename"))
        return {
            "type": "search_result_location",
            "source": filename or lenient_text(annotation.get("file_id")),
            "title": filename or None,
            "cited_text": annotation.get(CITED) or "",
            "search_result_index": 0,
            "start_block_index": 0,
            "end_block_index": 0,
        }
    return None
