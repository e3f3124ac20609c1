"""Anthropic's Files API. Source: https://docs.anthropic.com/en/docs/build-with-claude/files."""

from trunkline.dialects.file_api import LEAST_SECONDS, MOST_SECONDS, FileApi, Form, read_copy, write_form
from trunkline.dialects.kept_files import Content


def _write(content: Content, boundary: str, seconds: int) -> Form:
    # It reads plain text alone.
    media_type = "text/plain" if content.is_text else content.media_type
    return write_form({"expires_in_seconds": str(max(LEAST_SECONDS, seconds))}, content, media_type, boundary)


FILE_API = FileApi(_write, read_copy, MOST_SECONDS, {b"anthropic-beta": b"files-api-2025-04-14"})
