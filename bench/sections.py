"""`RESULTS.md` in sections, each written by a run of its own: one is replaced, the others stay."""

from pathlib import Path

_MARK = "\n## "


def write_section(path: Path, text: str) -> None:
    """Puts a section, which begins with its heading, in the place of the one that is there, or behind everything."""
    heading = text.partition("\n")[0].removeprefix("## ")
    first, *sections = path.read_text().rstrip().split(_MARK)
    named = {section.partition("\n")[0]: section.rstrip() for section in sections}
    named[heading] = text.removeprefix("## ").rstrip()
    path.write_text("\n\n## ".join([first.rstrip(), *named.values()]) + "\n")


def write_first(path: Path, text: str) -> None:
    """Puts what stands above all sections in the place of what is there."""
    _, mark, behind = (path.read_text() if path.exists() else "").partition(_MARK)
    path.write_text(text + (f"{mark}{behind}" if mark else ""))
