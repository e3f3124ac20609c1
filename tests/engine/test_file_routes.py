"""Files, as the SDKs upload them and ask for them."""

import asyncio

import pytest
from file_scene import ANA, FILE, PURPOSE, FileScene, form, part, put

from scripted_gateway import Client, make_call
from trunkline.errors import TooLarge, Unavailable
from trunkline.state.retention import Retention

# --- uploading ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [(PURPOSE, FILE), (FILE, PURPOSE)])
async def test_uploaded(parts: tuple[bytes, ...]) -> None:
    """A file is kept with what is known of it, whichever part of the form comes first."""
    scene = FileScene()
    file = await put(scene, *parts)
    assert file == {
        "id": file["id"],
        "object": "file",
        "bytes": 11,
        "created_at": 1_700_000_000,
        "filename": "notes.txt",
        "purpose": "user_data",
        "status": "processed",
        "status_details": None,
    }
    assert file["id"].startswith("file-")
    assert len(file["id"]) == len("file-") + 48
    assert scene.blobs.whole == {file["id"]: b"Some notes."}
    assert scene.files.kept[file["id"]].media_type == "text/plain"
    assert scene.records.only.operation == "file_upload"


async def test_in_pieces() -> None:
    """However a form is cut on its way, the file is the same."""
    scene = FileScene()
    body = form(PURPOSE, FILE)
    answer = await scene.upload(*(body[at : at + 3] for at in range(0, len(body), 3)))
    assert scene.blobs.whole == {answer.json["id"]: b"Some notes."}


async def test_expires_after() -> None:
    """A file may be given an end, and is unknown from then on."""
    scene = FileScene()
    expiry = (part("expires_after[anchor]", b"created_at"), part("expires_after[seconds]", b"3600"))
    file = await put(scene, PURPOSE, *expiry, FILE)
    assert file["expires_at"] == 1_700_003_600
    scene.clock.advance(3_601)
    assert (await scene.get(f"/v1/files/{file['id']}")).status == 404


async def test_batch_files_expire() -> None:
    """A file for a batch is let go after a month, as OpenAI does."""
    file = await put(FileScene(), part("purpose", b"batch"), FILE)
    assert file["expires_at"] == 1_700_000_000 + 30 * 24 * 60 * 60


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (form(FILE), "purpose"),
        (form(part("purpose", b"fun"), FILE), "purpose"),
        (form(part("purpose", b"\xff"), FILE), "purpose"),
        (form(PURPOSE, PURPOSE, FILE), "purpose"),
        (form(PURPOSE), "file"),
        (form(PURPOSE, FILE, FILE), "file"),
        (form(PURPOSE, part("file", b"text")), "file"),
        (form(PURPOSE, part("file", b"", "empty.txt")), "file"),
        (form(PURPOSE, part("file", b"x", "")), "file"),
        (form(PURPOSE, part("file", b"x", "..")), "file"),
        (form(PURPOSE, part("file", b"x", "a/b/")), "file"),
        (form(PURPOSE, part("file", b"x", "a%0D%0ASet-Cookie: b")), "file"),
        (form(PURPOSE, part("file", b"x", "n" * 256)), "file"),
        (form(PURPOSE, part("extra", b"x"), FILE), "extra"),
        (form(part("purpose", b"x" * 2_000), FILE), None),
        (form(PURPOSE, part("expires_after[anchor]", b"created_at"), FILE), "expires_after[seconds]"),
        (form(PURPOSE, part("expires_after[seconds]", b"3600"), FILE), "expires_after[anchor]"),
        (
            form(PURPOSE, part("expires_after[anchor]", b"now"), part("expires_after[seconds]", b"3600"), FILE),
            "expires_after[anchor]",
        ),
        *(
            (
                form(
                    PURPOSE, part("expires_after[anchor]", b"created_at"), part("expires_after[seconds]", value), FILE
                ),
                "expires_after[seconds]",
            )
            for value in (b"3599", b"2592001", b"soon", b"-1", b"9" * 40)
        ),
        (form(PURPOSE, FILE)[:-10], None),
        (b"{}", None),
        (b"", None),
    ],
)
async def test_badly_made(body: bytes, param: str | None) -> None:
    """A form that is not one of these is refused by name, and leaves nothing behind."""
    scene = FileScene()
    answer = await scene.upload(body)
    assert answer.status == 400
    assert answer.error["param"] == param
    assert answer.error["type"] == "invalid_request_error"
    assert scene.is_empty


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("../../etc/passwd", "passwd"), (r"C:\notes\a.txt", "a.txt"), ("räksmörgås.pdf", "räksmörgås.pdf")],
)
async def test_names_without_folders(sent: str, kept: str) -> None:
    """Of a name with folders in it the last part counts."""
    assert (await put(FileScene(), PURPOSE, part("file", b"x", sent)))["filename"] == kept


@pytest.mark.parametrize(
    ("content_type", "status"), [("application/json", 415), ("multipart/form-data", 400), ("", 415)]
)
async def test_no_form(content_type: str, status: int) -> None:
    """What is no form is refused before it is read."""
    scene = FileScene()
    answer = await scene.upload(AssertionError("it was read"), content_type=content_type)
    assert answer.status == status


async def test_too_large() -> None:
    """An upload that breaks off with an error leaves nothing behind."""
    scene = FileScene()
    answer = await scene.upload(form(PURPOSE, FILE)[:-20], TooLarge("too large"))
    assert answer.status == 413
    assert scene.is_empty


async def test_client_gone() -> None:
    """Of an upload whose client leaves half-way nothing is left."""
    scene = FileScene()
    uploading = asyncio.create_task(scene.reply(form(PURPOSE, FILE)[:-20], None))
    while not scene.blobs.drafts:  # noqa: ASYNC110  # a turn of the loop or two
        await asyncio.sleep(0)
    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await uploading
    assert scene.is_empty
    assert scene.records.only.outcome == "cancelled"


async def test_full_disk() -> None:
    """Where nothing can be written the client is told to try again."""
    scene = FileScene()
    scene.blobs.full = True
    answer = await scene.upload(form(PURPOSE, FILE))
    assert answer.status == 503
    assert answer.headers["x-should-retry"] == "true"
    assert scene.is_empty


async def test_database_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A content of which nothing could be noted is not kept either."""
    scene = FileScene()

    async def fail(*_: object) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(scene.files, "keep", fail)
    assert (await scene.upload(form(PURPOSE, FILE))).status == 503
    assert scene.is_empty


async def test_storage_forbidden() -> None:
    """Where nothing may be kept the policy is named, and the upload is not read."""
    scene = FileScene(retention=Retention(rules=(("/team/**", "never"),)))
    answer = await scene.upload(AssertionError("it was read"), **ANA)
    assert answer.status == 403
    assert answer.error["code"] == "storage_forbidden"
    assert "store: never" in answer.error["message"]
    assert (await scene.upload(form(PURPOSE, FILE))).status == 200


# --- listing ------------------------------------------------------------------------------------------------------


async def test_listed() -> None:
    """The newest file comes first, unless asked otherwise."""
    scene = FileScene()
    first, second = await put(scene), await put(scene)
    answer = await scene.get("/v1/files")
    assert answer.json == {
        "object": "list",
        "data": [second, first],
        "first_id": second["id"],
        "last_id": first["id"],
        "has_more": False,
    }
    assert (await scene.get("/v1/files?order=asc")).json["data"] == [first, second]


async def test_listed_in_pages() -> None:
    """A page says whether there is more, and the next one begins behind it."""
    scene = FileScene()
    ids = [(await put(scene))["id"] for _ in range(3)][::-1]
    page = (await scene.get("/v1/files?limit=2")).json
    assert [file["id"] for file in page["data"]] == ids[:2]
    assert page["has_more"]
    rest = (await scene.get(f"/v1/files?limit=2&after={page['last_id']}")).json
    assert [file["id"] for file in rest["data"]] == ids[2:]
    assert not rest["has_more"]


async def test_listed_by_purpose() -> None:
    """A list may be of one purpose."""
    scene = FileScene()
    await put(scene)
    wanted = await put(scene, part("purpose", b"vision"), FILE)
    assert (await scene.get("/v1/files?purpose=vision")).json["data"] == [wanted]


@pytest.mark.parametrize(
    ("query", "status"), [("limit=0", 400), ("limit=10001", 400), ("order=up", 400), ("after=x", 404)]
)
async def test_listed_wrongly(query: str, status: int) -> None:
    """A page that cannot be is refused by name."""
    answer = await FileScene().get(f"/v1/files?{query}")
    assert answer.status == status
    assert answer.error["param"] == query.partition("=")[0]


# --- one file -----------------------------------------------------------------------------------------------------


async def test_shown() -> None:
    """A file is shown as it was when it was uploaded."""
    scene = FileScene()
    file = await put(scene)
    assert (await scene.get(f"/v1/files/{file['id']}")).json == file


async def test_content() -> None:
    """A content comes back byte for byte, as something to be saved and never to be shown."""
    scene = FileScene()
    file = await put(scene, PURPOSE, part("file", b"<script>" * 100, "a%22ü.html", "Content-Type: text/html"))
    answer = await scene.get(f"/v1/files/{file['id']}/content")
    assert answer.body == b"<script>" * 100
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"a__.html\"; filename*=UTF-8''a%22%C3%BC.html"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert scene.records.kept[-1].outcome == "ok"


async def test_slow_reader() -> None:
    """A content waits for a client that cannot take more."""
    scene = FileScene()
    file = await put(scene, PURPOSE, part("file", b"x" * 100, "a"))
    reply = await scene.gateway.handle(make_call(f"/v1/files/{file['id']}/content", method="GET"))
    assert not isinstance(reply.body, bytes)
    client = Client()
    client.attach = lambda source: source.pause()  # type: ignore[method-assign]  # a client that is slow from the start
    pouring = asyncio.create_task(reply.body.pour(client))
    assert await asyncio.wait({pouring}, timeout=0.01) == (set(), {pouring})
    assert len(client.body) == 10
    reply.body.resume()  # type: ignore[attr-defined]  # it is its own source
    await pouring
    assert len(client.body) == 100


async def test_content_not_read() -> None:
    """A content that nobody reads is let go of."""
    scene = FileScene()
    file = await put(scene)
    reply = await scene.gateway.handle(make_call(f"/v1/files/{file['id']}/content", method="HEAD"))
    assert not isinstance(reply.body, bytes)
    reply.body.close()
    await asyncio.sleep(0)
    assert scene.records.kept[-1].outcome == "ok"


async def test_content_gone() -> None:
    """A file whose content is gone is as good as unknown."""
    scene = FileScene()
    file = await put(scene)
    scene.blobs.whole.clear()
    assert (await scene.get(f"/v1/files/{file['id']}/content")).status == 404


async def test_deleted() -> None:
    """A deleted file is unknown, and its content gone."""
    scene = FileScene()
    file = await put(scene)
    answer = await scene.delete(f"/v1/files/{file['id']}")
    assert answer.json == {"id": file["id"], "object": "file", "deleted": True}
    assert scene.is_empty
    assert (await scene.delete(f"/v1/files/{file['id']}")).status == 404


@pytest.mark.parametrize("path", ["/v1/files/{}", "/v1/files/{}/content", "/files/{}"])
async def test_foreign_is_unknown(path: str) -> None:
    """Another path's file answers exactly like one that never was."""
    scene = FileScene()
    file = await put(scene)
    foreign = await scene.get(path.format(file["id"]), **ANA)
    assert foreign.status == 404
    assert foreign.error["message"] == f"No such File object: {file['id']}"
    unknown = await scene.get(path.format("file-unknown"), **ANA)
    assert unknown.body == foreign.body.replace(file["id"].encode(), b"file-unknown")
    assert (await scene.delete(f"/v1/files/{file['id']}", **ANA)).status == 404
    assert (await scene.get("/v1/files", **ANA)).json["data"] == []
    assert (await scene.get(f"/v1/files/{file['id']}")).status == 200
