"""Texts of a certain form, as types of their own."""

import re
from typing import Any, NamedTuple, NewType

Name = NewType("Name", str)
Version = NewType("Version", str)


class Text(NamedTuple):
    """The form of a text, as a pattern of JSON Schema, and the rule in words."""

    pattern: str
    rule: str

    def check(self, text: str) -> str:
        """Return the text; raise ValueError with the rule, never with the text."""
        if type(text) is str and not re.fullmatch(self.pattern, text, re.ASCII):
            raise ValueError(self.rule)
        return text


TEXTS: dict[Any, Text] = {
    Name: Text(
        "[a-zA-Z][a-zA-Z0-9_-]{0,99}",
        "must begin with a letter and hold only letters, digits, `_` and `-`, at most 100",
    ),
    Version: Text(
        r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?",
        "must be a semantic version such as `1.0.0`",
    ),
}
"""Every such type, with its form."""
