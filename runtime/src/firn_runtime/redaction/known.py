"""What a redactor knows: the forms of all its secrets, by the way in which they are found."""

from firn_runtime.redaction.exact import Exact, needs_bounds
from firn_runtime.redaction.forms import WEAK_RUN, encoded, plain
from firn_runtime.redaction.grams import GRAM, letters_and_digits, symbols_too
from firn_runtime.redaction.pieces import Piece, pieces
from firn_runtime.redaction.views import views

_SHORTEST_CODE = 7
"""Characters of a form that is no longer the value itself; a shorter one stands in ordinary text by chance."""

_LARGE = 16 * 1024
"""Characters from which the pieces of a value are looked for in the usual encodings alone, to bound memory."""


class Known:
    """The forms of secrets, and where they are in a text."""

    def __init__(self) -> None:
        self._bare, self._symbols, self._exact = letters_and_digits(), symbols_too(), Exact()

    def add(self, value: str) -> None:
        """Find the value from now on, its pieces and their encodings."""
        for piece in pieces(value):
            self._add_plain(piece)
            if piece.entire:
                self._exact.add(piece.text, bounded=False)  # its quotes and brackets, too
            else:
                self._add_encoded(piece.text, usual=len(value) > _LARGE)

    def _add_encoded(self, value: str, *, usual: bool) -> None:
        for text, run, loose, symbolic in encoded(value, usual=usual):
            index = self._symbols if symbolic else self._bare
            if index.length(text) - loose >= _SHORTEST_CODE:
                index.add(text, run, loose)

    def _add_plain(self, piece: Piece) -> None:
        value = piece.text
        bare, symbols = self._bare.length(value), self._symbols.length(value)
        if needs_bounds(value) or symbols < GRAM:
            for text, *_ in plain(value):
                self._exact.add(text, bounded=needs_bounds(value))
            return
        for text, run, *_ in plain(value):
            run = len(value) if piece.entire else run
            self._bare.add(text, run, weak=WEAK_RUN)
            if _full_of_symbols(value, bare, symbols):
                self._symbols.add(text, run, weak=WEAK_RUN)

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return the places of secrets in the text, as (start, end), in no order."""
        found: list[tuple[int, int]] = []
        for view in views(text):
            for finder in (self._bare, self._symbols, self._exact):
                found += [view.origin(start, end) for start, end in finder.find(view.text)]
            spelled_out = view.joined() if self._exact else None
            if spelled_out is not None:
                found += [spelled_out.origin(start, end) for start, end in self._exact.find(spelled_out.text)]
        return found


def _full_of_symbols(value: str, bare: int, symbols: int) -> bool:
    """Return whether letters and digits alone would miss too much of the value."""
    return bare * 4 < symbols * 3 or not (value[0].isalnum() and value[-1].isalnum())
