"""Finds runs of many forms in a text, in one pass over it: every run holds one of the forms' indexed six-grams.

Text and forms are compared in a normal form without the characters that encodings put between others, and without case.
`70:61:73`, `["p", "a"]`, a value broken over lines and a value in capitals are then all the same.
"""

from collections.abc import Callable
from typing import NamedTuple

GRAM = 6
_SAME_GRAM = 8
"""How often one gram of one form is kept: a value of one repeated letter would make every search quadratic."""


_OFFSET_BITS = 32
_OFFSET = (1 << _OFFSET_BITS) - 1


class _Normal(dict[int, str | None]):
    """A table for str.translate that learns each character when it first meets it; None is left out."""

    def __init__(self, keeps: Callable[[str], bool]) -> None:
        self._keeps = keeps

    def __missing__(self, number: int) -> str | None:
        self[number] = known = self._plain(chr(number))
        return known

    def _plain(self, character: str) -> str | None:
        if not self._keeps(character):
            return None
        if character.isascii():
            return character.lower()
        from unicodedata import normalize  # `é` as one character or two, or of full width

        return normalize("NFKD", character)[0].lower()[0]


def letters_and_digits() -> "Index":
    """Return an empty index that looks at nothing else."""
    return Index(_Normal(str.isalnum))


def symbols_too() -> "Index":
    """Return an empty index that leaves out only what stands between the items of lists."""
    return Index(_Normal(lambda one: not one.isspace() and one not in "'\"`,[](){}\\\0"))


class Form(NamedTuple):
    """A form in its normal form; `run` characters of it are found, `weak` where these are letters or digits alone."""

    text: str
    run: int
    weak: int


class Index:
    """Forms, and the places of enough of their grams that no run of the wanted length holds none."""

    def __init__(self, normal: _Normal) -> None:
        self._normal = normal
        self._forms: list[Form] = []
        self._known: set[str] = set()
        self._grams: dict[str, int | list[int]] = {}

    def length(self, text: str) -> int:
        """Return how many characters of the text are looked at."""
        return len(text.translate(self._normal))

    def add(self, text: str, run: int, loose: int = 0, weak: int | None = None) -> None:
        """Find runs of `run` characters, or the whole where it is shorter; the last `loose` ones may be missing."""
        form = text.translate(self._normal)
        whole = len(form) - loose
        if whole < GRAM or form in self._known:
            return
        run = max(GRAM, min(run, whole))
        self._known.add(form)
        self._forms.append(Form(form, run, max(run, min(weak or run, whole))))
        for offset in range(0, len(form) - GRAM + 1, run - GRAM + 1):
            self._place(form[offset : offset + GRAM], len(self._forms) - 1, offset)

    def _place(self, gram: str, number: int, offset: int) -> None:
        """Keep where a gram stands: as one number, and as a list only where it stands in several places."""
        place = number << _OFFSET_BITS | offset
        known = self._grams.setdefault(gram, place)
        if isinstance(known, list):
            if len(known) < _SAME_GRAM or known[-_SAME_GRAM] >> _OFFSET_BITS != number:
                known.append(place)
        elif known != place:
            self._grams[gram] = [known, place]

    def find(self, text: str) -> list[tuple[int, int]]:
        """Return the places of all runs, as (start, end)."""
        grams = self._grams
        if not grams:
            return []
        normal = text.translate(self._normal)
        hits = [at for at in range(len(normal) - GRAM + 1) if normal[at : at + GRAM] in grams]
        runs = self._runs(normal, hits) if hits else []
        if not runs:
            return []
        kept = [at for at, character in enumerate(text) if self._normal[ord(character)] is not None]
        return [(kept[start], kept[end - 1] + 1) for start, end in runs]

    def _runs(self, normal: str, hits: list[int]) -> list[tuple[int, int]]:
        runs: list[tuple[int, int]] = []
        covered: dict[int, int] = {}
        for at in hits:
            places = self._grams[normal[at : at + GRAM]]
            for place in places if isinstance(places, list) else (places,):
                number, offset = place >> _OFFSET_BITS, place & _OFFSET
                if at + GRAM <= covered.get(number, 0):
                    continue
                form = self._forms[number]
                if form.run == len(form.text) and not normal.startswith(form.text, at):
                    continue  # wanted whole, its one gram is its first; to extend each of many such is quadratic
                start, end = _extended(normal, at, form.text, offset)
                if end - start >= _wanted(form, normal[start:end]):
                    covered[number] = end
                    runs.append((start, end))
        return runs


def _wanted(form: Form, run: str) -> int:
    return form.weak if form.weak > form.run and (run.isalpha() or run.isdigit()) else form.run


def _extended(text: str, at: int, form: str, offset: int) -> tuple[int, int]:
    """Return the run around a gram that stands at `at` in the text and at `offset` in the form."""
    start, end, left, right = at, at + GRAM, offset, offset + GRAM
    while start and left and text[start - 1] == form[left - 1]:
        start, left = start - 1, left - 1
    while end < len(text) and right < len(form) and text[end] == form[right]:
        end, right = end + 1, right + 1
    return start, end
