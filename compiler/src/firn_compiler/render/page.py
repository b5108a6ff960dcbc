"""A page of docs/diagnostics as a terminal shows it. It knows as much of markdown as the pages use."""

import re
import textwrap

WIDTH = 100
_FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
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
        return text
    if not text.startswith("- "):
        return _filled(text, width)
    items = re.split(r"\n(?=- )", text)
    return "\n".join(_filled(item, width, "  ") for item in items)


def _filled(text: str, width: int, indent: str = "") -> str:
    joined = " ".join(text.split())
    return textwrap.fill(joined, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
