"""What the README shows is what runs."""

import re
from pathlib import Path

import pytest

from trunkline.providers.directory import load_provider, provider_names

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "examples" / "agents-sdk"


def blocks(language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("language", "path"), [("python", "python/hello.py"), ("js", "javascript/hello.mjs")])
def test_hello(language: str, path: str) -> None:
    """The programs are the first of the examples, letter for letter, and those are run."""
    assert blocks(language) == [(EXAMPLES / path).read_text(encoding="utf-8")]


def test_make() -> None:
    """Each make target that is named is there."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake (run|test|demo|help|[a-z]+)`", README)) | {"run", "test"}
    assert [target for target in sorted(named) if not re.search(rf"^{target}:", makefile, flags=re.MULTILINE)] == []


def test_links() -> None:
    """Each link inside the checkout leads somewhere."""
    pages = [README, (EXAMPLES / "README.md").read_text(encoding="utf-8")]
    missing = [
        link
        for page, folder in zip(pages, [ROOT, EXAMPLES], strict=True)
        for link in re.findall(r"\]\(([^)#]+)\)", page)
        if "://" not in link and not (folder / link).exists()
    ]
    assert missing == []


def test_providers() -> None:
    """Every provider's variable is named."""
    providers = [load_provider(name) for name in provider_names()]
    variables = [
        f"{provider.name.upper()}_{(provider.openers or (('base_url',),))[0][0].upper()}"
        for provider in providers
        if not provider.embedded
    ]
    assert [variable for variable in variables if f"`{variable}`" not in README] == []
