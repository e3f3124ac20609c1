"""Lists of files in Anthropic's words: those that are named, and pages in both directions."""

from file_scene import ANA, FileScene, put

VERSION = {"anthropic_version": "2023-06-01"}


async def names(scene: FileScene, query: str) -> tuple[list[str], bool]:
    page = (await scene.get(f"/v1/files?{query}", **VERSION)).json
    return [file["id"] for file in page["data"]], page["has_more"]


async def test_named() -> None:
    """Files that are asked for by id are listed so; those that are not the caller's are left out."""
    scene = FileScene()
    first, second, other = [(await put(scene))["id"] for _ in range(3)]
    foreign = (await put(scene, **ANA))["id"]
    asked = "&".join(f"ids[]={id}" for id in (second, foreign, first, "file-unknown", first))
    assert await names(scene, asked) == ([second, first], False)
    assert await names(scene, "") == ([other, second, first], False)


async def test_too_many_named() -> None:
    """More than a page holds are refused."""
    asked = "&".join(f"ids[]=file-{at}" for at in range(101))
    assert (await FileScene().get(f"/v1/files?{asked}", **VERSION)).status == 400


async def test_before() -> None:
    """Backwards, a page holds those right before the first one shown."""
    scene = FileScene()
    every = [(await put(scene))["id"] for _ in range(4)][::-1]
    assert await names(scene, f"limit=2&before_id={every[3]}") == (every[1:3], True)
    assert await names(scene, f"limit=2&before_id={every[1]}") == (every[:1], False)
