"""Addresses of mail: the part of RFC 5321 and RFC 5322 that people use, and nothing in which a header could hide."""

import re
import unicodedata
from typing import NamedTuple

_ATEXT = r"[^\x00-\x20\"(),.:;<>@\[\\\]\x7F]"
"""RFC 5322, section 3.2.3, and what RFC 6532 adds: all but these; a range up to U+10FFFF takes 4 ms to compile."""
_LETTER = r"[^\x00-/:-@\[-`{-\x7F]"
_LABEL = rf"{_LETTER}(?:[^\x00-,./:-@\[-`{{-\x7F]{{0,61}}{_LETTER})?"
_ADDRESS = re.compile(rf"(?P<local>{_ATEXT}+(?:\.{_ATEXT}+)*)@(?P<domain>{_LABEL}(?:\.{_LABEL})*)")
_NAMED = re.compile(r"(?P<name>[^\"<>@,;:\\()]*|\"[^\"\\<>]*\") ?<(?P<address>[^<>]*)>")
_LONGEST_LOCAL, _LONGEST_DOMAIN, _LONGEST, _LONGEST_NAME = 64, 255, 254, 200
"""Bytes (RFC 5321, section 4.5.3.1; a path is at most 256 with its brackets)."""


class MailAddress(NamedTuple):
    """One address, and whose it is in words."""

    name: str
    local: str
    domain: str

    @property
    def spelled(self) -> str:
        """Return it as an envelope takes it."""
        return f"{self.local}@{self.domain}"


def parsed(text: str) -> MailAddress | None:
    """Return the address of a text, `a@b.example` or `Name <a@b.example>`; None for anything else, also for two."""
    text = text.strip(" ")
    named = _NAMED.fullmatch(text)
    name, address = (named["name"].strip(' "'), named["address"]) if named else ("", text)
    found = _ADDRESS.fullmatch(address)
    if found is None or unspeakable(text) or len(name.encode()) > _LONGEST_NAME:
        return None
    made = MailAddress(name, found["local"], found["domain"])
    sizes = (len(made.local.encode()), len(made.domain.encode()), len(made.spelled.encode()))
    longest = (_LONGEST_LOCAL, _LONGEST_DOMAIN, _LONGEST)
    return made if all(size <= most for size, most in zip(sizes, longest, strict=True)) else None


def unspeakable(text: str) -> bool:
    """Whether a header cannot hold the text: it has a control character, a line break of any kind, or half a pair."""
    return any(unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") for one in text)
