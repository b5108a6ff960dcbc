"""The edge to the pages of docs that the wheel carries as `pages`: of codes, connectors, steps, a platform's parts."""

import re
from collections.abc import Mapping
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
    "R4": "State, resumption and locks",
}
"""What the codes with a common beginning are about, in the order of the list."""
_CODE = re.compile(r"[EWR]\d{3}")
_TITLE = re.compile(r"# [EWR]\d{3}: (.*)")
_COMMENT = re.compile(r"<!--.*?-->\n\n")


def codes() -> list[str]:
    """Return every code that has a page, ordered."""
    return sorted(one.stem for one in (PAGES / "diagnostics").glob("*.md") if _CODE.fullmatch(one.stem))


def page(word: str) -> str | None:
    """Return the page of a code, connector, step or type as it is written, in markdown; None where there is none."""
    code = word.upper()
    file = PAGES / (f"diagnostics/{code}.md" if _CODE.fullmatch(code) else f"{_other(word)}.md")
    return _COMMENT.sub("", file.read_text(encoding="utf-8")) if file.is_file() else None


def _other(word: str) -> str:
    from firn_compiler.reference import names  # a code needs no schemas

    return names().get(word.lower(), "")


def title(code: str) -> str:
    """Return what the page's first line says after the code; the code where there is no page."""
    found = _TITLE.match(page(code) or "")
    return found[1] if found else code


def closest(word: str) -> str | None:
    """Return the name of a page that is most like `word`, or None where none is."""
    from difflib import get_close_matches  # only a mistake needs it

    from firn_compiler.reference import names

    close = get_close_matches(word.upper(), codes(), n=20, cutoff=0.6)
    inside = [code for code in close if code in word.upper()]
    other = get_close_matches(word.lower(), names(), n=1, cutoff=0.75)
    return next(iter([*inside, *close, *other]), None)


def contents() -> str:
    """Return every code with its title, one a line, by family; then what else has a page."""
    from firn_compiler.reference import subjects

    known = codes()
    groups = {words: [code for code in known if code.startswith(start)] for start, words in FAMILIES.items()}
    rest = [code for code in known if not code.startswith(tuple(FAMILIES))]
    families = {words: {code: title(code) for code in group} for words, group in (groups | {"Others": rest}).items()}
    return "\n\n".join(_listed(words, group) for words, group in (families | subjects()).items() if group)


def _listed(words: str, group: Mapping[str, str]) -> str:
    width = max(map(len, group))
    return "\n".join([words, *(f"  {name:<{width}}  {what}" for name, what in group.items())])
