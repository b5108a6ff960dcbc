"""How texts stand in messages: those of outsiders, names in a row, and what the system says of a failure."""

import re
from collections.abc import Iterable

_HALF = re.compile("[\ud800-\udfff]")
_SPACES = " \u00a0\u3000"


def visible(text: str) -> str:
    """Return a text as one line that moves no cursor, hides nothing and begins no line: a tab becomes an arrow, the end
    of a line a space, and every other control, invisible or half character a �."""
    if text.isprintable():
        return text
    from unicodedata import category

    return "".join(
        _REPLACED.get(one) or ("�" if category(one)[0] in "CZ" and one not in _SPACES else one) for one in text
    )


_REPLACED = {"\t": "→", "\n": " "}


def is_unicode(text: str) -> bool:
    """Return whether a text holds no half of a surrogate pair: Python keeps bytes that are no UTF-8 as such."""
    return text.isascii() or not _HALF.search(text)


def listing(names: Iterable[object]) -> str:
    """Return names in a row as sentences have them: `a`, `b`."""
    return ", ".join(f"`{name}`" for name in names)


def os_reason(error: OSError) -> str:
    """Return what the system says of a failure, as the end of a sentence."""
    return (error.strerror or "failed").lower()
