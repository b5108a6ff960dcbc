"""The edge to the pages of docs/diagnostics, which the wheel carries as `pages`: one for every code."""

import re
from pathlib import Path

PAGES = Path(__file__).parent / "pages"
FAMILIES = {
    "E1": "The text of a file",
    "E2": "Keys and types",
    "E3": "Names that something else must define",
    "E4": "Templates and conditions",
    "E5": "SQL",
    "E6": "Secrets",
    "E7": "What a platform allows",
    "W": "Warnings: they stop nothing",
    "R0": "The command",
    "R1": "An artifact that is refused",
    "R2": "What a run needs from its environment",
    "R3": "A run that failed",
}
"""What the codes with a common beginning are about, in the order of the list."""
_CODE = re.compile(r"[EWR]\d{3}")
_TITLE = re.compile(r"# [EWR]\d{3}: (.*)")


def codes() -> list[str]:
    """Return every code that has a page, ordered."""
    return sorted(one.stem for one in PAGES.glob("*.md") if _CODE.fullmatch(one.stem))


def page(code: str) -> str | None:
    """Return the page of a code as it is written, in markdown; None where there is none."""
    if not _CODE.fullmatch(code) or not (file := PAGES / f"{code}.md").is_file():
        return None
    return file.read_text(encoding="utf-8")


def title(code: str) -> str:
    """Return what the page's first line says after the code; the code where there is no page."""
    found = _TITLE.match(page(code) or "")
    return found[1] if found else code


def closest(word: str) -> str | None:
    """Return the code that is most like `word`, or None where none is."""
    from difflib import get_close_matches  # only a mistake needs it

    close = get_close_matches(word.upper(), codes(), n=20, cutoff=0.6)
    inside = [code for code in close if code in word.upper()]
    return next(iter([*inside, *close]), None)


def contents() -> str:
    """Return every code with its title, one a line, by family."""
    known = codes()
    groups = {words: [code for code in known if code.startswith(start)] for start, words in FAMILIES.items()}
    rest = [code for code in known if not code.startswith(tuple(FAMILIES))]
    sections = [
        "\n".join([words, *(f"  {code}  {title(code)}" for code in group)])
        for words, group in (groups | {"Others": rest}).items()
        if group
    ]
    return "\n\n".join(sections)
