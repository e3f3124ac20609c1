"""`data:` URLs taken apart, and what bytes say of themselves."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialects.data_url import Data, Malformed, check_base64, name_file, read_data_url, sniff, write_data_url


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:image/png;base64,AAAA", Data("image/png", "AAAA")),
        ("DATA:Image/PNG;BASE64,AAAA", Data("image/png", "AAAA")),
        ("data:image/jpg;base64,AAAA", Data("image/jpeg", "AAAA")),
        ("data:image/png;base64,AA", Data("image/png", "AA==")),
        ("data:image/png;base64,AA\r\nAA\n", Data("image/png", "AAAA")),
        ("data:image/png;name=a.png;base64,AAAA", Data("image/png", "AAAA", ("name=a.png",))),
        ("data:text/plain,Hi%20you", Data("text/plain", base64.b64encode(b"Hi you").decode())),
        ("data:,Hi", Data("text/plain", base64.b64encode(b"Hi").decode())),
        ("data:text/plain;charset=ISO-8859-1;base64,6Q==", Data("text/plain", "6Q==", ("charset=iso-8859-1",), "iso-8859-1")),
        ("data:text/csv;charset=utf-8;base64,6Q==", Data("text/csv", "6Q==", ("charset=utf-8",))),
    ],
)  # fmt: skip
def test_sound_urls(url: str, data: Data) -> None:
    """With parameters and without, in any case, base64 mended where that is safe."""
    assert read_data_url(url) == data


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("data:image/png,AAAA", "is not base64"),
        ("data:image/png;charset=utf-8,AAAA", "is not base64"),
        ("data:image/svg+xml,%3Csvg%3E", "is not base64"),
        ("data:image/png;base64AAAA", "comma"),
        ("data:png;base64,AAAA", "no media type"),
        ("data:image/;base64,AAAA", "no media type"),
        ("data:image/png;base64,", "is empty"),
        ("data:image/png;base64,====", "valid base64"),
        ("data:image/png;base64,A", "valid base64"),
        ("data:image/png;base64,AA=A", "valid base64"),
        ("data:image/png;base64,AAAA====", "valid base64"),
        ("data:image/png;base64,AA-_", "valid base64"),
        ("data:image/png;base64,%41%41", "valid base64"),
        ("data:image/png;base64,ÄÖÜß", "valid base64"),
        ("data:image/png;base64,AA\x00A", "valid base64"),
    ],
)
def test_t87_broken_urls(url: str, why: str) -> None:
    """T-87: each says what is wrong with it."""
    with pytest.raises(Malformed, match=why):
        read_data_url(url)


@given(st.binary(min_size=1), st.sampled_from(["image/png", "text/plain", "application/pdf"]))
def test_every_content_comes_back(content: bytes, kind: str) -> None:
    """What is written is read, with its size."""
    data = read_data_url(write_data_url(kind, content))
    assert (data.media_type, data.decode(), data.size_bytes) == (kind, content, len(content))


@given(st.text(max_size=60))
def test_nothing_but_our_error(text: str) -> None:
    """Whatever a caller writes."""
    for value in (text, f"data:{text}", f"data:image/png;base64,{text}"):
        with contextlib.suppress(Malformed):
            read_data_url(value).decode()


@given(st.text(alphabet="ABCxyz019+/=\n -_é", max_size=40))
def test_base64_is_what_decodes(text: str) -> None:
    """What passes can be decoded strictly."""
    try:
        sound = check_base64(text)
    except Malformed:
        return
    base64.b64decode(sound, validate=True)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF....WEBPVP8 ", "image/webp"),
        (b"RIFF....WAVEfmt ", "audio/wav"),
        (b"....ftypheic", "image/heic"),
        (b"....ftypavif", "image/avif"),
        (b"....ftypisom", None),
        (b"%PDF-1.7", "application/pdf"),
        (b"BM\x00\x01\x00\x00\x00\x00\x00\x00", "image/bmp"),
        (b"BMW sells cars", None),
        (b"II*\x00", "image/tiff"),
        (b"<svg xmlns='x'>", "image/svg+xml"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x --><!DOCTYPE svg>\n<svg>", "image/svg+xml"),
        (b"<html><svg>", None),
        (b"Hello", None),
        (b"", None),
    ],
)
def test_signatures(head: bytes, kind: str | None) -> None:
    """Only what the first bytes prove."""
    assert sniff(head) == kind


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("data:application/pdf;base64,AAAA", "document.pdf"),
        ("data:text/markdown;charset=utf-8;base64,AAAA", "document.md"),
        ("data:application/zip;base64,AAAA", "document.zip"),
        ("AAAA", "document.pdf"),
    ],
)
def test_names_for_the_nameless(url: str, name: str) -> None:
    """By the type."""
    assert name_file(url) == name
