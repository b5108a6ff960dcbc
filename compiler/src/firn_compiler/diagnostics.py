"""Findings as values: collected by checks, rendered once, never raised and never printed here."""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from firn_compiler.closest import alike, closest
from firn_compiler.document import BUILT_IN, Path, Span, dotted
from firn_schemas.visible import listing

Severity = Literal["error", "warning"]


class Related(NamedTuple):
    """Another place that explains a finding."""

    message: str
    span: Span


class Diagnostic(NamedTuple):
    """One finding. `code` has a page in docs/diagnostics; the message names keys and types, never values."""

    code: str
    message: str
    span: Span = BUILT_IN
    help: str = ""
    path: str = ""
    related: tuple[Related, ...] = ()

    @property
    def said(self) -> str:
        """All that it says, in lines: what is wrong, and what to do about it."""
        return f"{self.message}\nhelp: {self.help}" if self.help else self.message

    @property
    def severity(self) -> Severity:
        """`warning` for codes of the family W, `error` for all others."""
        return "warning" if self.code.startswith("W") else "error"

    def or_at(self, place: Span) -> "Diagnostic":
        """Return the finding; at another place where what it is about stands in no file."""
        return self if self.span.file else self._replace(span=place)


def finding(
    code: str, message: str, span: Span, help: str = "", path: Path = (), related: tuple[Related, ...] = ()
) -> Diagnostic:
    """Make a Diagnostic whose path is spelled as messages spell it."""
    return Diagnostic(code, message, span, help, dotted(path), related)


TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}
"""The types of JSON Schema, as messages call them."""


def type_of(value: object) -> str:
    """Return the type of a plain value, in the words of JSON Schema."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def counted(number: int, what: str) -> str:
    """Return such as `1 flow` or `3 flows`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def counts(found: Iterable["Diagnostic"]) -> str:
    """Return such as `2 errors, 1 warning`; nothing for no findings."""
    severities = [one.severity for one in found]
    numbers = ((severities.count(one), one) for one in ("error", "warning"))
    return ", ".join(counted(number, severity) for number, severity in numbers if number)


def step_of(kind: str) -> str:
    """Return such as "a `read` step" and "an `http` step"."""
    return f"{'an' if kind.startswith(('a', 'e', 'http', 'i', 'o', 'u')) else 'a'} `{kind}` step"


def has_errors(found: Iterable[Diagnostic]) -> bool:
    """Whether any finding is more than a warning."""
    return any(one.severity == "error" for one in found)


def in_order(found: Iterable[Diagnostic], files: Iterable[str]) -> tuple[Diagnostic, ...]:
    """Sort by file (in the order given), place and code; the same finding is kept once."""
    rank = {file: index for index, file in enumerate(files)}
    found = list(found)
    for code, by, same in _BETTER:
        told = {same(one) for one in found if one.code in by}
        found = [one for one in found if not one.code.startswith(code) or one.code in by or same(one) not in told]
    unknown = tuple(f"{one.span.file}\0{one.path}." for one in found if one.code == "E201" and one.path)
    if unknown:  # what may stand below a key that is not known, nobody knows
        found = [
            one for one in found if one.code not in _OF_PLACES or not f"{one.span.file}\0{one.path}".startswith(unknown)
        ]
    wrong = {_at_path(one) for one in found if one.severity == "error" and one.path}
    found = [one for one in found if one.severity == "error" or _at_path(one) not in wrong]
    unique = {(one.code, one.span, one.message): one for one in reversed(found)}
    return tuple(
        sorted(unique.values(), key=lambda one: (rank.get(one.span.file, -1), one.span.line, one.span.column, one.code))
    )


_OF_PLACES = ("E402", "E602")
"""What says that a template or a secret cannot stand at its place."""


def _at_span(one: Diagnostic) -> object:
    return one.span


def _at_opening(one: Diagnostic) -> object:
    return one.span.opening


def _at_path(one: Diagnostic) -> object:
    return one.span.file, one.path


_BETTER: tuple[tuple[str, tuple[str, ...], Callable[[Diagnostic], object]], ...] = (
    ("E202", ("E101", "E601", "E602"), _at_opening),
    ("E204", ("E402",), _at_path),
    ("E204", ("E202", "E509"), _at_span),
    ("E201", ("E106", "E402"), _at_span),
    ("E604", ("E601",), _at_path),
    ("E604", ("E601",), _at_span),
    ("E40", ("E601",), _at_path),
    ("E602", ("E201",), _at_path),
    ("E713", ("E701",), _at_path),
    ("E203", ("E701",), _at_path),
    ("E40", ("E201",), _at_path),
    ("W201", ("E203", "E205"), _at_span),
)
"""A code that is left out where one of others stands at the same place: those say it better."""


def suggestion(word: str, known: Iterable[str], what: str = "known:", meant: str | None = None) -> str:
    """Return help for a misspelt word: `what`, the list of all, and which was `meant`.

    That is the closest where nothing is said; none where it is empty.
    """
    names = sorted(known)
    if not names:
        return f"{what} none"
    shown = names if len(names) <= 24 else names[:12]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    listed = listing(shown) + more
    meant = closest(word, names) or alike(word, names) if meant is None else meant
    return f"{what} {listed}" + (f"; did you mean `{meant}`?" if meant else "")
