"""Large files that a request names are given to providers that keep files, once, and named from then on."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

import pytest
from file_scene import ANA, PURPOSE, FileScene, part, put
from msgspec.structs import replace
from test_materials import asking, naming

from scripted_gateway import PATHS
from trunkline.ports import UpstreamRequest
from trunkline.upstream.fake.inprocess import FakeUpstream
from trunkline.upstream.fake.stage import EVERYTHING, Received, Stage

PDF = b"%PDF-1.4\n" + os.urandom(4_000_000)
PNG = b"\x89PNG\r\n\x1a\n" + os.urandom(4_000_000)
FILM = b"\0\0\0\x18ftypmp42" + os.urandom(4_000_000)


def make_scene(**differences: Any) -> FileScene:
    return FileScene(upstream=FakeUpstream(Stage(**differences)))  # type: ignore[arg-type]


def stage(scene: FileScene) -> Stage:
    upstream: Any = scene.upstream
    found: Stage = upstream.stage
    return found


async def keep(scene: FileScene, name: str, content: bytes, *parts: bytes, media_type: str = "") -> str:
    lines = [f"Content-Type: {media_type}"] if media_type else []
    file = await put(scene, PURPOSE, *parts, part("file", content, name, *lines))
    id: str = file["id"]
    return id


async def ask(scene: FileScene, caller: str, upstream: str, *parts: dict[str, Any], **members: Any) -> dict[str, Any]:
    """The last message as the upstream got it."""
    answer = await scene.ask(PATHS[caller], asking(caller, *parts, model=f"{upstream}-model", **members))
    assert answer.status == 200, answer.body
    body = sent(scene)[-1].json
    last: dict[str, Any] = body[next(name for name in ("input", "messages", "contents") if name in body)][-1]
    return last


def sent(scene: FileScene) -> list[Received]:
    """The requests for an answer."""
    return [request for request in stage(scene).received if "files" not in request.path]


def uploads(scene: FileScene) -> list[Received]:
    return [request for request in stage(scene).received if request.path.endswith("/files")]


async def erase_nothing(path: str) -> Mapping[str, int]:
    return {}


# --- given --------------------------------------------------------------------------------------------------------


async def test_openai_is_given_a_copy() -> None:
    """A large file goes to the files API, byte for byte, and the request names what it is called there."""
    scene = make_scene()
    id = await keep(scene, "report.pdf", PDF)
    message = await ask(scene, "responses", "responses", naming("responses", id))
    ((copy, kept),) = stage(scene).files.kept.items()
    assert message["content"] == [{"type": "input_file", "file_id": copy}]
    assert (kept.name, kept.media_type, kept.data) == ("report.pdf", "application/pdf", PDF)


async def test_chat_names_a_copy() -> None:
    """Chat has its own words for it."""
    scene = make_scene()
    id = await keep(scene, "report.pdf", PDF)
    message = await ask(scene, "chat", "native_chat", naming("chat", id))
    assert message["content"] == [{"type": "file", "file": {"file_id": next(iter(stage(scene).files.kept))}}]


async def test_anthropic_is_given_a_copy_by_a_caller_of_responses() -> None:
    """On the way to another dialect a copy is named with its title, under the beta that it needs."""
    scene = make_scene()
    id = await keep(scene, "report.pdf", PDF)
    message = await ask(scene, "responses", "messages", naming("responses", id))
    ((copy, kept),) = stage(scene).files.kept.items()
    source = {"type": "file", "file_id": copy}
    assert message["content"] == [{"type": "document", "source": source, "title": "report.pdf"}]
    assert kept.data == PDF


async def test_anthropic_is_given_a_picture() -> None:
    """A caller of Messages names a picture, and need not know of the beta."""
    scene = make_scene()
    id = await keep(scene, "a.png", PNG)
    message = await ask(scene, "messages", "messages", naming("messages", id, "image"))
    copy = next(iter(stage(scene).files.kept))
    assert message["content"] == [{"type": "image", "source": {"type": "file", "file_id": copy}}]


async def test_gemini_is_given_a_copy() -> None:
    """Gemini names files by their addresses."""
    scene = make_scene()
    id = await keep(scene, "report.pdf", PDF)
    message = await ask(scene, "responses", "gemini", naming("responses", id))
    ((copy, kept),) = stage(scene).files.kept.items()
    address = f"https://generativelanguage.googleapis.com/v1beta/files/{copy}"
    assert message["parts"] == [{"fileData": {"mimeType": "application/pdf", "fileUri": address}}]
    assert kept.data == PDF
    assert uploads(scene)[0].path == "/upload/v1/files"


async def test_a_film_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its provider has to look through first is named when that is done."""
    monkeypatch.setattr("trunkline.engine.materials.copies._POLLED_EVERY_SECONDS", 0.0)
    scene = make_scene()
    id = await keep(scene, "film.mp4", FILM, media_type="video/mp4")
    await ask(scene, "responses", "gemini", naming("responses", id))
    copy = next(iter(stage(scene).files.kept))
    assert [request.path for request in stage(scene).received][:3] == [
        "/upload/v1/files",
        f"/v1/files/{copy}",
        f"/v1/files/{copy}",
    ]


# --- once ---------------------------------------------------------------------------------------------------------


async def test_a_copy_is_made_once() -> None:
    """The next request names the same copy."""
    scene = make_scene()
    id = await keep(scene, "report.pdf", PDF)
    first = await ask(scene, "responses", "responses", naming("responses", id))
    assert await ask(scene, "responses", "responses", naming("responses", id)) == first
    assert len(uploads(scene)) == 1


async def test_a_copy_is_made_once_for_many_at_a_time() -> None:
    """Who comes while it is being made waits for it."""
    scene = make_scene()
    id = await keep(scene, "report.pdf", PDF)
    await asyncio.gather(*(ask(scene, "responses", "responses", naming("responses", id)) for _ in range(5)))
    assert len(uploads(scene)) == 1


async def test_each_account_has_its_own_copy() -> None:
    """What one provider calls its copy means nothing to another."""
    scene = make_scene()
    id = await keep(scene, "report.pdf", PDF)
    for upstream in ("responses", "messages", "gemini"):
        await ask(scene, "responses", upstream, naming("responses", id))
    assert len(uploads(scene)) == 3


async def test_a_copy_that_was_lost_is_made_anew() -> None:
    """A provider that has it no more gets it again, and the caller sees nothing of it."""
    scene = make_scene()
    id = await keep(scene, "report.pdf", PDF)
    for upstream in ("responses", "messages", "gemini"):
        await ask(scene, "responses", upstream, naming("responses", id))
        stage(scene).files.lose()
        await ask(scene, "responses", upstream, naming("responses", id))
        assert len(stage(scene).files.kept) == 1


@pytest.mark.parametrize(("upstream", "hours"), [("responses", 720), ("messages", 720), ("gemini", 48)])
async def test_a_copy_that_has_expired_is_made_anew(upstream: str, hours: int) -> None:
    """A copy is not relied on when its time may be over."""
    scene = make_scene()
    id = await keep(scene, "report.pdf", PDF)
    await ask(scene, "responses", upstream, naming("responses", id))
    scene.clock.advance(hours * 3600 - 7200)
    await ask(scene, "responses", upstream, naming("responses", id))
    assert len(uploads(scene)) == 1
    scene.clock.advance(7200)
    await ask(scene, "responses", upstream, naming("responses", id))
    assert len(uploads(scene)) == 2


# --- not at all ---------------------------------------------------------------------------------------------------


async def test_a_small_file_goes_with_the_request() -> None:
    """What is small is sent as it is."""
    scene = make_scene()
    id = await keep(scene, "a.pdf", PDF[:1000])
    message = await ask(scene, "responses", "responses", naming("responses", id))
    assert message["content"][0]["file_data"].startswith("data:application/pdf;base64,")
    assert not uploads(scene)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [("a.xlsx", b"PK\x03\x04" + os.urandom(4_000_000), "file"), ("a.png", PNG, "file")],
    ids=["unread", "misplaced"],
)
async def test_what_has_no_words_as_a_copy(name: str, content: bytes, kind: str) -> None:
    """What its target does not read, or where it would be another kind of part, is not copied."""
    scene = make_scene()
    id = await keep(scene, name, content)
    await scene.ask(PATHS["responses"], asking("responses", naming("responses", id, kind), model="messages-model"))
    assert not uploads(scene)


async def test_a_provider_without_files() -> None:
    """Where no copy can be had the content goes with the request."""
    scene = make_scene(speaks=EVERYTHING - {"files"})
    id = await keep(scene, "report.pdf", PDF)
    for _ in range(2):
        message = await ask(scene, "responses", "responses", naming("responses", id))
        assert "file_data" in message["content"][0]
    assert len(uploads(scene)) == 1, "it was asked again at once"


async def test_what_is_counted_holds_the_content() -> None:
    """A counter need know no files."""
    scene = make_scene()
    id = await keep(scene, "report.pdf", PDF)
    answer = await scene.ask(
        "/v1/responses/input_tokens", asking("responses", naming("responses", id), model="responses-model")
    )
    assert answer.status == 200
    assert not uploads(scene)


# --- deleted ------------------------------------------------------------------------------------------------------


async def test_deleting_a_file_deletes_its_copies() -> None:
    """What is deleted here stays nowhere."""
    scene = make_scene()
    id = await keep(scene, "report.pdf", PDF)
    for upstream in ("responses", "messages", "gemini"):
        await ask(scene, "responses", upstream, naming("responses", id))
    assert len(stage(scene).files.kept) == 3
    assert (await scene.delete(f"/v1/files/{id}")).status == 200
    assert not stage(scene).files.kept


async def test_erasing_a_path_deletes_copies_of_its_files() -> None:
    """No provider keeps what is erased here."""
    scene = make_scene()
    scene.store = replace(scene.kept, erase=erase_nothing)
    scene.__post_init__()
    id = await keep(scene, "report.pdf", PDF)
    await ask(scene, "responses", "messages", naming("responses", id))
    assert (await scene.ask("/admin/v1/erase", {"path": "/elsewhere"})).status == 200
    assert len(stage(scene).files.kept) == 1
    assert (await scene.ask("/admin/v1/erase", {"path": "/"})).status == 200
    assert not stage(scene).files.kept


async def test_a_file_that_is_deleted_while_it_is_copied() -> None:
    """Its copy goes, too."""
    scene = make_scene()
    id = await keep(scene, "report.pdf", PDF)
    send = scene.upstream.send

    async def delete_behind(request: UpstreamRequest) -> Any:
        reply = await send(request)
        if b"/files HTTP" in request.head:
            scene.upstream.send = send  # type: ignore[method-assign]
            assert (await scene.delete(f"/v1/files/{id}")).status == 200
        return reply

    scene.upstream.send = delete_behind  # type: ignore[method-assign]
    body = asking("responses", naming("responses", id), model="responses-model")
    assert (await scene.ask(PATHS["responses"], body)).status == 404
    assert not stage(scene).files.kept


async def test_a_strangers_file_keeps_its_copies() -> None:
    """Who may not delete a file deletes no copy of it."""
    scene = make_scene()
    id = await keep(scene, "report.pdf", PDF)
    await ask(scene, "responses", "responses", naming("responses", id))
    assert (await scene.delete(f"/v1/files/{id}", **ANA)).status == 404
    assert len(stage(scene).files.kept) == 1


@pytest.mark.parametrize(
    ("upstream", "field"), [("responses", "expires_after[seconds]"), ("messages", "expires_in_seconds")]
)
async def test_a_copy_ends_with_its_file(upstream: str, field: str) -> None:
    """A provider that can is told when the file ends."""
    scene = make_scene()
    expiry = part("expires_after[anchor]", b"created_at") + part("expires_after[seconds]", b"7200")
    id = await keep(scene, "report.pdf", PDF, expiry)
    await ask(scene, "responses", upstream, naming("responses", id))
    assert f'name="{field}"\r\n\r\n7200\r\n'.encode() in uploads(scene)[0].body
