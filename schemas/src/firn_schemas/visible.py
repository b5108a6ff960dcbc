"""Texts of outsiders as a person sees them: a terminal obeys control characters, a log takes lines for its own."""

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
