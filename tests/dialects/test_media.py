"""Pictures, files and sound on their way to a target: what is refused, what is fetched, what arrives."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_parts import (
    CALL,
    CALLERS,
    HELD,
    INLINE,
    JPEG,
    PAGE,
    PDF,
    PICTURE,
    PNG,
    SVG,
    UPSTREAMS,
    ask,
    checked,
    in_base64,
    read,
    refusal,
    take,
    url_of,
)

from trunkline.capabilities import Capabilities
from trunkline.dialects import gemini, openai_responses
from trunkline.dialects.data_url import read_data_url
from trunkline.dialects.forms import Forms, Want
from trunkline.dialects.media import Materials
from trunkline.dialects.pictures import Pictures
from trunkline.errors import CallerError, InvalidRequest, Unsupported
from trunkline.items import Audio, File, Image, Item, Message, Part, Text, ToolCall, ToolOutput
from trunkline.request import ModelRequest

# --- where they stand ---------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["type", "content", "output", "parts", "source", "image", "image_url", "input_image", "input_file", "file", "url",
     "file_url", "document", "base64", "input_audio", "inlineData", "fileData", "mimeType", "functionResponse", "https://x"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=25,
)


@given(ANYTHING, st.sampled_from(sorted(CALLERS)))
def test_any_body_can_be_searched(value: Any, caller: str) -> None:
    """A body that is passed on has not been read before."""
    for spot in CALLERS[caller].media.find({"input": value, "messages": value, "contents": value}):
        assert spot.kind in ("image", "file", "audio")
        assert isinstance(spot.url, str)


@pytest.mark.parametrize("caller", CALLERS)
def test_a_deep_body_can_be_searched(caller: str) -> None:
    """However deep."""
    value: Any = []
    for _ in range(5000):
        value = [{"content": value}]
    assert CALLERS[caller].media.find({"input": value, "messages": value, "contents": value}) == []


# --- what is wrong, by the caller's own name ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "part", "path"),
    [
        ("responses", {"type": "input_image", "image_url": "data:image/png,AAAA"}, "input[0].content[1].image_url"),
        ("responses", {"type": "input_file", "file_data": "data:x/y,A"}, "input[0].content[1].file_data"),
        ("responses", {"type": "input_file", "file_url": "ftp://x/y"}, "input[0].content[1].file_url"),
        ("responses", {"type": "input_image", "file_id": "file_1"}, "input[0].content[1].file_id"),
        ("chat", {"type": "image_url", "image_url": {"url": "AAAA"}}, "messages[0].content[1].image_url.url"),
        ("chat", {"type": "image_url", "image_url": "AAAA"}, "messages[0].content[1].image_url"),
        ("chat", {"type": "file", "file": {"file_data": "data:x/y,A"}}, "messages[0].content[1].file.file_data"),
        ("chat", {"type": "file", "file": {"file_id": "f"}}, "messages[0].content[1].file.file_id"),
        ("chat", {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, "messages[0].content[1]"),
        (
            "messages",
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A"}},
            "messages[0].content[1].source.data",
        ),
        (
            "messages",
            {"type": "document", "source": {"type": "url", "url": "s4://x"}},
            "messages[0].content[1].source.url",
        ),
        (
            "gemini",
            {"inlineData": {"mimeType": "image/svg+xml", "data": in_base64(SVG)}},
            "contents[0].parts[1].inlineData.data",
        ),
    ],
)
def test_t87_the_part_is_named(caller: str, part: dict[str, Any], path: str) -> None:
    """T-87: by the path that it has in the caller's own body."""
    error = refusal(caller, ask(caller, part))
    assert error.status == 400
    assert error.param == path
    assert error.message.startswith(f"`{path}` ")


def test_parts_are_counted_in_the_callers_order() -> None:
    """One Chat message may become several items, and a tool's result holds parts as well."""
    picture = {"type": "image_url", "image_url": {"url": PICTURE}}
    body = {
        "model": "m",
        "messages": [
            {"role": "user", "content": [picture, {"type": "text", "text": "?"}]},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": [picture, {**picture, "image_url": {"url": "AAAA"}}]},
        ],
    }
    assert refusal("chat", body).param == "messages[2].content[1].image_url.url"


def test_what_we_put_before_the_input_has_no_name() -> None:
    """Spots are counted from the end: an expanded history stands before what the caller sent."""
    bad = Image(url="AAAA")
    items = [Message(role="user", parts=[bad]), Message(role="user", parts=[Image(url=PICTURE)])]
    body = ask("responses", {"type": "input_image", "image_url": PICTURE})
    with pytest.raises(InvalidRequest) as raised:
        Materials(
            ModelRequest(model="m", items=list(items)),
            Forms(),
            Capabilities(),
            lambda: openai_responses.DIALECT.media.find(body),
        )
    assert raised.value.param == "input"


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (Image(url="data:image/png,%89PNG"), "is not base64"),
        (Image(url=f"data:image/png;charset=utf-8;base64,{in_base64(PNG)}"), "parameters"),
        (Image(url=f"data:image/png;name=a.png;base64,{in_base64(PNG)}"), "parameters"),
        (Image(url=url_of("application/pdf", PDF)), "which is no picture"),
        (Image(url=url_of("text/plain", b"Hi")), "which is no picture"),
        (Image(url=url_of("image/png", JPEG)), "but its data is `image/jpeg`"),
        (Image(url=url_of("image/png", PDF)), "but its data is `application/pdf`"),
        (Image(url=url_of("image/svg+xml", SVG)), "SVG"),
        (Image(url=url_of("image/png", SVG)), "SVG"),
        (Image(url="data:image/png;base64,"), "is empty"),
        (Image(url="data:image/png;base64,A"), "valid base64"),
        (Image(url=in_base64(PNG)), "must be an `https:` URL or a `data:` URL"),
        (Image(url="file:///etc/passwd"), "must be"),
        (Image(url="gs://bucket/a.png"), "must be"),
        (Image(url=""), "must be"),
        (File(data="data:application/pdf,%25PDF"), "is not base64"),
        (File(data=f"data:application/pdf;x=y;base64,{in_base64(PDF)}"), "parameters"),
        (File(data=url_of("application/pdf", PNG)), "but its data is `image/png`"),
        (File(data="Hello, world!"), "valid base64"),
        (File(url="s3://bucket/a.pdf"), "must be"),
        (Audio(data="data:audio/wav,x", format="wav"), "is not base64"),
        (Audio(data="?", format="wav"), "valid base64"),
    ],
)
def test_t87_broken_parts(part: Part, why: str) -> None:
    """T-87: a clear 400, whatever the target."""
    with pytest.raises(InvalidRequest, match=why):
        take([part])


@pytest.mark.parametrize(
    ("part", "facts", "why"),
    [
        (Image(url=PICTURE), {"images": False}, "an image, which this model does not take"),
        (Image(url="https://x.test/a.png"), {"images": False}, "an image"),
        (File(data=PAGE), {"files": False}, "a file, which this model does not take"),
        (File(url="https://x.test/a"), {"files": False}, "a file"),
        (File(file_id="f"), {"files": False}, "a file"),
        (Audio(data="AAAA", format="wav"), {"audio": False}, "audio, which"),
        (Image(url=PICTURE), {"image_types": ("image/jpeg",)}, "does not read: send `image/jpeg`"),
        (File(data=PAGE), {"file_types": ("text/*",)}, r"does not read: send `text/\*`"),
        (Audio(data="AAAA", format="ogg"), {"audio_formats": ("wav", "mp3")}, "the format `ogg`"),
        (Image(url=PICTURE), {"max_image_bytes": 11}, "has 12 bytes, but this model takes 11"),
        (File(data=PAGE), {"max_file_bytes": 11}, "has 12 bytes, but this model takes 11"),
    ],
)
def test_what_a_model_cannot_take(part: Part, facts: dict[str, Any], why: str) -> None:
    """Refused before anything is fetched or sent."""
    with pytest.raises(CallerError, match=why):
        take([part], **facts)


def test_a_picture_in_a_system_message() -> None:
    """Refused by name where such messages hold text alone, left to the provider where they may hold more."""
    content = [{"type": "input_text", "text": "Be kind."}, {"type": "input_image", "image_url": PICTURE}]
    body = {"model": "m", "input": [{"role": "developer", "content": content}]}
    for upstream in ("messages", "gemini", "bedrock"):
        error = refusal("responses", body, upstream)
        assert (type(error), error.param) == (Unsupported, "input[0].content[1]")
    for upstream in ("chat", "responses"):
        Materials(read("responses", body), UPSTREAMS[upstream].media, Capabilities(), list)


def test_how_many_a_model_takes() -> None:
    """One more than that is named."""
    take([Image(url=PICTURE)] * 2, max_images=2)
    with pytest.raises(InvalidRequest, match="one too many: this model takes 2"):
        take([Image(url=PICTURE)] * 3, max_images=2)
    with pytest.raises(InvalidRequest, match="one too many"):
        take([File(data=PAGE)] * 2, max_files=1)


# --- what passes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        Image(url=PICTURE, detail="high"),
        Image(url="https://x.test/a.png"),
        Image(url="HTTPS://x.test/a.png"),
        Image(file_id="file_1"),
        Image(url=url_of("image/tiff", b"II*\x00")),
        File(data=PAGE, filename="a.pdf"),
        File(url="https://x.test/a.pdf"),
        File(data=url_of("application/zip", b"PK")),
        Audio(data="AAAA", format="wav"),
        Text(text="data:image/png,x"),
    ],
)
def test_what_is_sound_stays(part: Part) -> None:
    """An unknown model is given what was asked."""
    assert checked(part) == part


@pytest.mark.parametrize(
    ("part", "mended"),
    [
        (Image(url=f"data:image/jpg;base64,{in_base64(JPEG)}"), Image(url=url_of("image/jpeg", JPEG))),
        (Image(url=f"data:image/png;base64,{in_base64(PNG)}\n"), Image(url=PICTURE)),
        (File(data=in_base64(PDF)), File(data=PAGE)),
        (File(data=in_base64(b"a,b"), filename="t.CSV"), File(data=url_of("text/csv", b"a,b"), filename="t.CSV")),
        (File(data="data:text/plain,Hi%20you"), File(data=url_of("text/plain", b"Hi you"))),
        (
            File(data=f"data:text/plain;charset=latin-1;base64,{in_base64(b'caf' + bytes([0xE9]))}"),
            File(data=url_of("text/plain", "café".encode())),
        ),
        (Audio(data="data:audio/wav;base64,AAAA", format="wav"), Audio(data="AAAA", format="wav")),
    ],
)
def test_what_means_the_same_is_spelled_the_same(part: Part, mended: Part) -> None:
    """Providers are pickier than OpenAI: one spelling suits them all."""
    assert checked(part) == mended


def test_a_text_file_is_told_where_files_are_not_taken() -> None:
    """As text, by its name; and said to be emulated."""
    part = File(data="data:text/markdown;base64,IyBI", filename="a.md")
    materials, fill = take([part], files=False)
    assert fill({}) == [Text(text='<file name="a.md">\n# H\n</file>')]
    assert materials.emulated == ["input"]


def test_a_picture_that_came_as_a_file_is_a_picture() -> None:
    """Where the target has no file of that type."""
    assert checked(File(data=PICTURE), Forms(file_types=("application/pdf",))) == Image(url=PICTURE)


# --- what is fetched ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "forms", "facts", "wanted"),
    [
        (Image(url="https://x.test/a"), Forms(), {}, None),
        (Image(url="https://x.test/a"), Forms(), {"image_urls": False}, "image"),
        (Image(url="http://x.test/a"), INLINE, {}, "image"),
        (File(url="https://x.test/a"), Forms(), {}, None),
        (File(url="https://x.test/a"), Forms(), {"file_urls": False}, "file"),
        (File(url="https://x.test/a"), Forms(urls=frozenset({"image"})), {}, "file"),
        (Image(url="gs://bucket/a"), INLINE, {"own_urls": ("gs://",)}, None),
        (File(url="https://own.test/files/1"), INLINE, {"own_urls": ("https://own.test/",)}, None),
        (File(url="s3://bucket/a"), Forms(urls=frozenset(), own_urls=("s3://",)), {}, None),
        (Image(url=PICTURE), INLINE, {}, None),
    ],
)
def test_what_must_be_fetched(part: Part, forms: Forms, facts: dict[str, Any], wanted: str | None) -> None:
    """Remote URLs that the wire or the provider does not follow; what is the provider's own is left to it."""
    materials, _ = take([part], forms, **facts)
    assert [want.kind for want in materials.wants] == ([wanted] if wanted else [])


def test_the_limits_go_with_the_url() -> None:
    """So that nothing is fetched in vain."""
    materials, _ = take([Image(url="https://x.test/a.png")], INLINE, max_image_bytes=7)
    assert materials.wants == [Want("https://x.test/a.png", "input", "image", ("image/",), 7)]


@pytest.mark.parametrize(
    ("part", "filled"),
    [
        (Image(url="https://x.test/a.png", detail="low"), Image(url=PICTURE, detail="low")),
        # The bytes tell, where a server does not.
        (Image(url="https://x.test/a"), Image(url=url_of("image/jpeg", JPEG))),
        (File(url="https://x.test/report.pdf?sig=1"), File(data=PAGE, filename="report.pdf")),
        (File(url="https://x.test/report.pdf?sig=1", filename="b.pdf"), File(data=PAGE, filename="b.pdf")),
        (File(url="https://x.test/notes.txt"), File(data=url_of("text/plain", b"Notes."), filename="notes.txt")),
        (
            File(url="https://x.test/old.txt"),
            File(data=url_of("text/plain", "café".encode()), filename="old.txt"),
        ),
        (File(url="https://x.test/a.png"), File(data=PICTURE, filename="a.png")),
    ],
)
def test_contents_take_their_place(part: Part, filled: Part) -> None:
    """As `data:` URLs, of the type that they are, by the name that they have."""
    _, fill = take([Text(text="See."), part], INLINE)
    assert fill(HELD) == [Text(text="See."), filled]


@pytest.mark.parametrize(
    ("part", "facts", "why"),
    [
        (Image(url="https://x.test/v.svg"), {}, "SVG"),
        (Image(url="https://x.test/page"), {}, "no picture"),
        (Image(url="https://x.test/odd"), {}, "no picture"),
        (Image(url="https://x.test/a.png"), {"image_types": ("image/webp",)}, "does not read"),
        (File(url="https://x.test/odd"), {"file_types": ("application/pdf",)}, "does not read"),
        (File(url="https://x.test/report.pdf?sig=1"), {"files": False}, "a file, which"),
        (Image(url="https://x.test/a.png"), {"max_image_bytes": 3}, "12 bytes"),
    ],
)
def test_contents_are_judged(part: Part, facts: dict[str, Any], why: str) -> None:
    """As if the caller had sent them."""
    with pytest.raises(CallerError, match=why):
        take([part], INLINE, **facts)[1](HELD)


def test_a_text_file_by_url_is_told_too() -> None:
    """Where files are not taken, only the content shows that it is text."""
    _, fill = take([File(url="https://x.test/notes.txt")], files=False, file_urls=False)
    assert fill(HELD) == [Text(text='<file name="notes.txt">\nNotes.\n</file>')]


def test_tool_results_are_looked_into() -> None:
    """T-38: their pictures are fetched as any other."""
    output = ToolOutput(call_id="c", output=[Text(text="See."), Image(url="https://x.test/a.png")])
    materials = Materials(ModelRequest(model="m", items=[output]), INLINE, Capabilities(), list)
    (filled,) = materials.fill(HELD).items
    assert filled == ToolOutput(call_id="c", output=[Text(text="See."), Image(url=PICTURE)])


def test_a_request_without_any_is_untouched() -> None:
    """Not even copied."""
    request = ModelRequest(model="m", items=[Message(role="user", parts=[Text(text="Hi")])])
    assert Materials(request, INLINE, Capabilities(), list).request is request


def test_fr26_large_pictures_arrive_whole() -> None:
    """FR-26: twelve megabytes, byte for byte."""
    data = PNG + bytes(range(256)) * 49_152
    part = checked(Image(url=url_of("image/png", data)))
    assert isinstance(part, Image)
    assert read_data_url(part.url or "").decode() == data


# --- bodies that are passed on ------------------------------------------------------------------------------------


def pictures(dialect: str, body: dict[str, Any], **facts: Any) -> tuple[Pictures, dict[str, Any]]:
    members = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in body.items()}
    found = Pictures(members, CALLERS[dialect].media, Capabilities(**facts))
    return found, members


def test_a_passed_body_keeps_everything_else() -> None:
    """Fields that nobody knows, within the message too; bad parts are the provider's to refuse."""
    image = {"url": "https://x.test/a.png", "detail": "low", "odd": 1}
    parts = [{"type": "image_url", "image_url": image, "odd": 2}, {"type": "image_url", "image_url": {"url": "bad"}}]
    body = {"model": "m", "messages": [{"role": "user", "content": parts, "odd": 3}], "odd": [4]}
    found, members = pictures("chat", body, image_urls=False)
    assert [want.path for want in found.wants] == ["messages[0].content[0].image_url.url"]
    found.fill(HELD)
    image["url"] = PICTURE
    assert {name: msgspec.json.decode(raw) for name, raw in members.items()} == body


def test_a_passed_messages_body() -> None:
    """There a URL and its content have different shapes."""
    block: dict[str, Any] = {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}}
    body = {"model": "m", "messages": [{"role": "user", "content": [block]}]}
    found, members = pictures("messages", body, image_urls=False)
    found.fill(HELD)
    block["source"] = {"type": "base64", "media_type": "image/png", "data": in_base64(PNG)}
    assert msgspec.json.decode(members["messages"]) == body["messages"]


def test_a_passed_body_needs_no_look() -> None:
    """Nothing is decoded that holds no URL."""
    found, members = pictures("chat", {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}, image_urls=False)
    assert found.wants == []
    found.fill({})
    assert bytes(members["messages"]) == b'[{"role":"user","content":"Hi"}]'


@pytest.mark.parametrize("url", ["https://x.test/v.svg", "https://x.test/page"])
def test_a_passed_body_takes_no_page_for_a_picture(url: str) -> None:
    """The provider would say something less clear."""
    part = {"type": "image_url", "image_url": {"url": url}}
    found, _ = pictures("chat", ask("chat", part), image_urls=False)
    with pytest.raises(InvalidRequest, match="no picture") as raised:
        found.fill(HELD)
    assert raised.value.param == "messages[0].content[1].image_url.url"


def test_a_passed_responses_body() -> None:
    """A file has other members for its URL and its data, and wants a name."""
    part = {"type": "input_file", "file_url": "https://x.test/report.pdf?sig=1"}
    found, members = pictures("responses", ask("responses", part), file_urls=False)
    found.fill(HELD)
    (message,) = msgspec.json.decode(members["input"])
    assert message["content"][1] == {"type": "input_file", "file_data": PAGE, "filename": "document.pdf"}


def test_a_wire_that_follows_its_own() -> None:
    """Google resolves what a caller of its own dialect points to."""
    found, _ = pictures("gemini", ask("gemini", {"fileData": {"fileUri": "https://x.test/a"}}), image_urls=False)
    assert found.wants == []


# --- what a model has said ----------------------------------------------------------------------------------------


def replay(forms: Forms, *items: Item) -> list[Item]:
    return Materials(ModelRequest(model="m", items=list(items)), forms, Capabilities(), list).request.items


def user(*parts: Part) -> Message:
    return Message(role="user", parts=list(parts))


SHOWN = Message(role="assistant", parts=[Text(text="Here:"), Image(url=PICTURE)])
FOLLOWS = user(Text(text="(From the assistant's answer:)"), Image(url=PICTURE))


def test_fr24_a_picture_in_an_answer_is_replayed() -> None:
    """FR-24: where answers hold text alone it follows, said to be the assistant's; nothing is lost."""
    said = Message(role="assistant", parts=[Text(text="Here:")])
    assert replay(Forms(), SHOWN, user(Text(text="Bigger."))) == [said, FOLLOWS, user(Text(text="Bigger."))]
    assert replay(Forms(), SHOWN) == [said, FOLLOWS]


def test_a_picture_alone_leaves_no_empty_answer() -> None:
    """Providers refuse those."""
    assert replay(Forms(), Message(role="assistant", parts=[Image(url=PICTURE)])) == [FOLLOWS]


def test_a_picture_does_not_part_a_call_from_its_output() -> None:
    """It follows after both."""
    call, output = ToolCall(call_id="c", name="f", arguments="{}"), ToolOutput(call_id="c", output="1")
    items = replay(Forms(), SHOWN, call, output, user(Text(text="?")))
    assert items[1:4] == [call, output, FOLLOWS]


def test_a_picture_stays_where_answers_hold_it() -> None:
    """As at Gemini."""
    assert replay(gemini.DIALECT.media, SHOWN) == [SHOWN]
