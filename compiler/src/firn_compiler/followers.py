"""Findings that only follow from parts of a text that could not be read: what is said to be missing may stand there."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from firn_compiler.closest import closest
from firn_compiler.diagnostics import Diagnostic, Related
from firn_compiler.document import Document, Span


def names_in(text: str) -> frozenset[str]:
    """Return the words of a part that may be names."""
    return frozenset(re.findall(r"[\w-]+", text))


def without_followers(found: Iterable[Diagnostic], lost: frozenset[str]) -> Iterator[Diagnostic]:
    """Leave out findings about what is missing where a part that could not be read may hold it."""
    for one in found:
        if not (lost and one.code.startswith(_OF_ABSENCE) and _about(one, lost)):
            yield one


def without_unsure(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Leave out what may only follow.

    That nothing uses an output, where a reference that cannot be followed may be meant to; and what a word would need
    where its resource does not do that.
    """
    impossible = {one.span for one in found if one.code == "E313"}
    wrong = [one for one in found if one.code in _OF_REFERENCES]
    told = {word for one in wrong for name in _QUOTED.findall(_meant(one)) for word in names_in(name)}
    unreadable = any(one.code == "E401" and "is not a path of" not in one.message for one in wrong)
    return [
        one
        for one in found
        if (one.code != "W303" or not (unreadable or told.intersection(_QUOTED.findall(one.message))))
        and (one.code != "E203" or one.span not in impossible)
    ]


def _meant(one: Diagnostic) -> str:
    """Return what is wrong, with the name that is meant; where nobody can tell, with all that may be."""
    return f"{one.message} {one.help.rpartition('did you mean')[2]}"


_QUOTED = re.compile("`([^`]*)`")
_OF_REFERENCES = ("E305", "E306", "E401", "E402")
_OF_NAMES = ("E301", "E302", "E303", "E305", "E306", "E313", "E316", "E320")
_OF_ABSENCE = ("E203", "E205", *_OF_NAMES, "E403", "E502", "E503", "E506", "E7", "W3")


def _about(one: Diagnostic, lost: frozenset[str]) -> bool:
    told = [one.message, *re.findall(r"\b(?:add|give it|a|says) `[^`]*`", one.help)]
    told += [one.help] if one.code.startswith(("E205", "E7")) else []
    words = {word for name in _QUOTED.findall(" ".join(told)) for word in names_in(name)}
    if one.code == "E203":
        words |= {word for word in lost if closest(word, words)}  # another word for the same key
    return one.code == "W302" or not words or not words.isdisjoint(lost)


def told_where_defined(found: Sequence[Diagnostic], document: Document) -> list[Diagnostic]:
    """Say once of a name that stands only where it is defined that all who should use it spell it otherwise.

    That is surely the place of the mistake where two say the same; where a comma is missing between names, where one.
    """
    groups: dict[str, list[Diagnostic]] = {}
    for one in found:
        if one.code in _OF_USES and (names := _QUOTED.findall(one.message)):
            groups.setdefault(names[-1], []).append(one)
    first = islice(groups.items(), _LOOKED_FOR)
    told = {name: better for name, group in first if (better := _of_a_definition(name, group, document))}
    follow = {id(one) for name in told for one in groups[name]}
    return [*(one for one in found if id(one) not in follow), *told.values()]


_OF_USES = ("E302", "E305", "E306", "E502", "E503")
_SUGGESTED = re.compile(r"did you mean `([^`\n]+)`\?")
_LOOKED_FOR = 20
"""Names that are looked for in the whole text, which takes time."""
_SHOWN = 3
"""Uses of a name that are shown with its definition."""


def _of_a_definition(name: str, group: Sequence[Diagnostic], document: Document) -> Diagnostic | None:
    """Return the finding about a name where it is defined otherwise; None where that is used, too, or may be right."""
    meant = {found[1] for one in group if (found := _SUGGESTED.search(one.help))}
    if len(meant) != 1:
        return None
    (defined,) = meant
    listed = group[0].code == "E503" and name in defined.split()
    if len({one.span for one in group}) < 2 and not listed:
        return None
    places = [*re.finditer(rf"(?<![\w-]){re.escape(defined)}(?![\w-])", document.text, re.IGNORECASE)]
    if len(places) != 1:
        return None
    above = f"{document.text[: places[0].start()]}x".splitlines()
    line, column = len(above), len(above[-1])
    where = Span(document.file, line, column, line, column + len(defined))
    message, help = f"nothing refers to `{defined}`, and there is no `{name}`", f"did you mean `{name}`?"
    if defined.strip() == name:
        message = f"the name `{defined}` holds a space"
    elif listed:
        message, help = f"`{defined}` is one name", "is a comma missing in it?"
    uses = [Related("used here", one.span) for one in group[:_SHOWN]]
    return Diagnostic(group[0].code, message, where, help, related=tuple(uses))
