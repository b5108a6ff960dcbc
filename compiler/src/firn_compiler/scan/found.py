"""What is looked at, and what a pattern found in it."""

from typing import NamedTuple

KEY_ENDS = "\x01"
"""Stands between a key and the text under it."""

NEAR = 4096
"""How many characters around a match are looked at."""


class Text(NamedTuple):
    """One text to look at, with the key that it stands under, and the key above that; empty where none is."""

    text: str
    key: str = ""
    above: str = ""

    @property
    def prefix(self) -> str:
        """What stands before the text where it is looked at: the keys."""
        return f"{self.above} {self.key}{KEY_ENDS}" if self.key else ""


class Found(NamedTuple):
    """What a pattern found: the groups of the match, of which the last is the secret, and its surroundings."""

    groups: tuple[str, ...]
    text: Text
    start: int
    end: int

    @property
    def secret(self) -> str:
        """The secret itself; it is shown to nobody."""
        return self.groups[-1]

    @property
    def before(self) -> str:
        """The text before the secret, as far as anyone looks."""
        return self.text.text[max(0, self.start - NEAR) : self.start]

    @property
    def after(self) -> str:
        """The text after the secret, as far as anyone looks."""
        return self.text.text[self.end : self.end + NEAR]

    @property
    def around(self) -> str:
        """What stands beside the secret."""
        return f"{self.before[-200:]} {self.after[:200]}"
