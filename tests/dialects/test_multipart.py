"""Forms as they come, well made and not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialects.multipart import Form, FormPart, read_boundary
from trunkline.errors import InvalidRequest, UnsupportedMediaType

Found = list[tuple[FormPart, bytes]]


def field(name: str, value: str) -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def file(content: bytes, disposition: str = 'form-data; name="file"; filename="a.txt"', *lines: str) -> bytes:
    head = "\r\n".join([f"Content-Disposition: {disposition}", *lines])
    return f"--b\r\n{head}\r\n\r\n".encode() + content + b"\r\n"


END = b"--b--\r\n"


def read(body: bytes, cut: int = 0, boundary: bytes = b"b") -> Found:
    """The parts of a body that comes in pieces of `cut` bytes, or at once."""
    form = Form(boundary)
    parts: Found = []
    cut = cut or len(body) or 1
    for at in range(0, len(body), cut):
        for found in form.feed(body[at : at + cut]):
            if isinstance(found, FormPart):
                parts.append((found, b""))
            else:
                parts[-1] = (parts[-1][0], parts[-1][1] + found)
    form.finish()
    return parts


@pytest.mark.parametrize("cut", [0, 1, 2, 7, 64])
def test_form(cut: int) -> None:
    """Fields and a file come out as they went in, however they are cut."""
    content = b"\x00\r\n--\r\n-b\r\n--a\r\n"
    body = field("purpose", "user_data") + file(content, 'form-data; name="file"; filename="a"') + END
    assert read(body, cut) == [(FormPart("purpose"), b"user_data"), (FormPart("file", "a"), content)]


@given(
    content=st.binary(max_size=200).filter(lambda content: b"\r\n--b" not in b"\r\n" + content), cut=st.integers(1, 50)
)
def test_any_content(content: bytes, cut: int) -> None:
    """Any content without the boundary comes out whole."""
    assert read(file(content) + END, cut)[0][1] == content


def test_content_comes_at_once() -> None:
    """Of a file no more is held back than what may be a boundary."""
    form = Form(b"b")
    found = list(form.feed(file(b"x" * 1_000)[:-2]))
    assert sum(len(piece) for piece in found if isinstance(piece, bytes)) > 990


def test_content_type() -> None:
    """A part tells its type."""
    assert read(file(b"", 'form-data; name="file"; filename="a"', "Content-Type: text/csv") + END)[0][0] == FormPart(
        "file", "a", "text/csv"
    )


def test_blank_lines_before() -> None:
    """Blank lines before the first boundary are let pass, as some senders write them."""
    assert read(b"\r\n\r\n" + field("a", "b") + END) == [(FormPart("a"), b"b")]


def test_behind_the_end() -> None:
    """What stands behind the last boundary is not read."""
    assert read(field("a", "b") + END + b"--b\r\nwhatever") == [(FormPart("a"), b"b")]


def test_blanks_behind_a_boundary() -> None:
    """Blanks may fill the line of a boundary."""
    assert read(field("a", "b").replace(b"--b\r\n", b"--b \t\r\n") + END) == [(FormPart("a"), b"b")]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('form-data; name="file"; filename="ré sumé.pdf"', "ré sumé.pdf"),
        ("form-data; name=file; filename=plain.pdf", "plain.pdf"),
        (r'form-data; name="file"; filename="a\"b\\c"', 'a"b\\c'),
        (r'form-data; name="file"; filename="C:\temp\a.txt"', r"C:\temp\a.txt"),
        ('form-data; name="file"; filename="a%22b"', 'a"b'),
        ('form-data; name="file"; filename="a%0D%0Ab"', "a\r\nb"),
        ('form-data; name="file"; filename="a"; filename*=UTF-8\'\'%e2%82%ac.txt', "€.txt"),
        ('form-data; name="file"; filename=""', ""),
        ('FORM-DATA; NAME="file"; FILENAME="a"', "a"),
    ],
)
def test_file_name(disposition: str, name: str) -> None:
    """A file's name is what it was before it was made fit for a header."""
    assert read(file(b"", disposition) + END)[0][0].file_name == name


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "ends before its last boundary"),
        (field("a", "b"), "ends before its last boundary"),
        (b"preamble\r\n" + field("a", "b") + END, "must begin with the boundary"),
        (b"--other\r\n" + field("a", "b") + END, "must begin with the boundary"),
        ((field("a", "b") + END).replace(b"\r\n", b"\n"), "must end with CRLF"),
        (b"--bX\r\n\r\n" + END, "must end with CRLF"),
        (b"--b\r\n" + b"X: y\r\n" * 2_000, "longer than 8192 bytes"),
        (b"--b\r\n" + b"X" * 10_000, "longer than 8192 bytes"),
        (b"--b\r\n\r\nx\r\n" + END, "no `content-disposition"),
        (file(b"", "attachment; name=file") + END, "no `content-disposition"),
        (file(b"", "form-data") + END, "no name"),
        (file(b"", 'form-data; name="file"; name="other"') + END, "more than once"),
        (file(b"", 'form-data; name="file') + END, "cannot be read"),
        (file(b"", "form-data; name=file", "Content-Disposition: form-data; name=a") + END, "more than one"),
        (file(b"", "form-data; name=file", "no header") + END, "no `name: value`"),
        (file(b"", "form-data; name=file", "X: a\nb") + END, "no `name: value`"),
        (file(b"", "form-data; name=file", "X: a\x00b") + END, "no `name: value`"),
        (file(b"", "form-data; name=file; filename*=latin-1''a") + END, "must be UTF-8"),
        (file(b"", "form-data; name=file", "Content-Transfer-Encoding: base64") + END, "content-transfer-encoding"),
        (b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n\r\n' + END, "not UTF-8"),
    ],
)
@pytest.mark.parametrize("cut", [0, 3])
def test_badly_made(body: bytes, said: str, cut: int) -> None:
    """What two readers could read in two ways is refused, and how."""
    with pytest.raises(InvalidRequest, match=said):
        read(body, cut)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; boundary="a b:c"', b"a b:c"),
        ('Multipart/Form-Data; charset=utf-8; Boundary="x"', b"x"),
    ],
)
def test_boundary(content_type: str, boundary: bytes) -> None:
    """A boundary may be quoted, and stand behind other parameters."""
    assert read_boundary(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        'multipart/form-data; boundary="a',
        "multipart/form-data; boundary=" + "x" * 71,
        'multipart/form-data; boundary="a\r\nb"',
        "multipart/form-data; boundary=é",
        "multipart/form-data; boundary=a; boundary=b",
    ],
)
def test_no_boundary(content_type: str) -> None:
    """Without a sound boundary nothing can be read."""
    with pytest.raises(InvalidRequest):
        read_boundary(content_type)


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/mixed; boundary=a"])
def test_other_type(content_type: str) -> None:
    """Another type is refused as such."""
    with pytest.raises(UnsupportedMediaType, match="multipart/form-data"):
        read_boundary(content_type)
