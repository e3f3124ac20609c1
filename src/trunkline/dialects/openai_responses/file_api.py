"""OpenAI's Files API, which Chat shares. Source: https://platform.openai.com/docs/api-reference/files/create."""

from trunkline.dialects.file_api import LEAST_SECONDS, MOST_SECONDS, FileApi, Form, read_copy, write_form
from trunkline.dialects.kept_files import Content


def _write(content: Content, boundary: str, seconds: int) -> Form:
    fields = {
        "purpose": "vision" if content.is_picture else "user_data",
        "expires_after[anchor]": "created_at",
        "expires_after[seconds]": str(max(LEAST_SECONDS, seconds)),
    }
    return write_form(fields, content, content.media_type, boundary)


FILE_API = FileApi(_write, read_copy, MOST_SECONDS)
