"""Tables for people to read: of many things, and of one."""

from collections.abc import Sequence


def write_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Columns under their names, as wide as they must be; those named in `right` end at the same place."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(head, row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def write_pairs(pairs: Sequence[tuple[str, str]], width: int) -> str:
    """A line each name and value, the names in a column of that `width`; what has no value is left out."""
    return "\n".join(f"{name:{width}}{value}" for name, value in pairs if value)
