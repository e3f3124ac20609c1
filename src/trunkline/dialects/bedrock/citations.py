"""Citations: Converse's, which cover a whole text block, as annotations in Responses' shape, which have offsets.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Citation.html.
"""

from typing import Any

from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text
from trunkline.items import CITED


def read_citation(citation: dict[str, Any], length: int) -> dict[str, Any] | None:
    """The annotation that a citation of a block of `length` code points makes, with the words of the source that it
    cites; `None` for one without a source."""
    title = lenient_text(citation.get("title"))
    location = lenient_object(citation.get("location"))
    web = lenient_text(lenient_object(location.get("web")).get("url"))
    source = lenient_text(citation.get("source"))
    url = web or (source if source.startswith(("http://", "https://")) else "")
    words = [lenient_text(lenient_object(piece).get("text")) for piece in lenient_list(citation.get("sourceContent"))]
    cited = {CITED: text} if (text := "".join(words)) else {}
    if url:
        return {"type": "url_citation", "url": url, "title": title, "start_index": 0, "end_index": length, **cited}
    if title or source:
        return {"type": "file_citation", "file_id": "", "filename": title or source, "index": length, **cited}
    return None
