"""A page of the docs as a terminal shows it. It knows as much of markdown as the pages use."""

import re
import textwrap

WIDTH = 100
_FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_CELLS = re.compile(r"(?<!\\)\|")
_BOLD = re.compile(r"\*\*(.+?)\*\*")


def as_text(markdown: str, *, width: int, colour: bool) -> str:
    """Return the page with its code indented, its prose filled to `width` (at most 100), its title bold."""
    parts = _FENCE.split(markdown)  # prose and code by turns
    blocks: list[str] = []
    for index, part in enumerate(parts):
        if index % 2:
            blocks.append(textwrap.indent(part.rstrip("\n"), "    "))
        else:
            paragraphs = re.split(r"\n\s*\n", part.strip())
            blocks += [_paragraph(one, min(width, WIDTH), colour) for one in paragraphs if one]
    return "\n\n".join(blocks) + "\n"


def _paragraph(text: str, width: int, colour: bool) -> str:
    text = _BOLD.sub(r"\1", _LINK.sub(r"\1", text))
    if text.startswith("#"):
        title = text.lstrip("# ")
        return f"\x1b[1m{title}\x1b[0m" if colour else title
    if text.startswith("|"):
        return _table(text, width)
    if not text.startswith("- "):
        return _filled(_joined(text), width)
    items = re.split(r"\n(?=- )", text)
    return "\n".join(_filled(_joined(item), width, "  ") for item in items)


def _table(text: str, width: int) -> str:
    """Return a row for each key: beside it the cells after it, those from the third on named; the last one below."""
    rows = [[cell.strip().replace("`", "") for cell in _CELLS.split(line[1:-1])] for line in text.splitlines()]
    wide = max(len(row[0]) for row in rows[2:]) + 2 if rows[2:] else 0
    shown: list[str] = []
    for first, *others in rows[2:]:
        middle = zip(rows[0][2:-1], others[1:-1], strict=True)
        named = [cell if cell == "required" else f"{head} {cell}" for head, cell in middle if cell]
        beside = ", ".join([others[0], *named])
        shown.append(_filled(f"{first:<{wide}}{beside}", width, " " * wide))
        shown += [textwrap.indent(_filled(others[-1], width - 4), "    ")] if len(others) > 1 else []
    return "\n".join(shown)


def _joined(text: str) -> str:
    return " ".join(text.split())


def _filled(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
