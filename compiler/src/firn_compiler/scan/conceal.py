"""Keeps what was found out of everything that is shown, in clear and as JSON and YAML spell it."""

import re
from functools import lru_cache

from firn_compiler.scan.linear import Words

HIDDEN = "…"
COVER = "\U0001b2fb"
"""Stands for each character of a secret in a text that keeps its columns: a letter, so that a key stays one."""
_COVERS = re.compile(f"{COVER}+")
LEAST = 3
"""Shorter texts stand everywhere; nothing so short is told from others."""


def concealed(text: str, secrets: frozenset[str]) -> str:
    """Return `text` without the secrets that stand in it, the longest first."""
    return _spellings(secrets).replaced(text, lambda _: HIDDEN)


def covered(text: str, secrets: frozenset[str]) -> str:
    """Return `text` of the same lines and columns, in which signs of their own stand for secrets."""
    return _spellings(secrets).replaced(text, _cover)


def _cover(text: str) -> str:
    return "".join(one if one in "\r\n" else COVER for one in text)


def uncovered(line: str) -> str:
    """Return a line as it may be shown: however long what was covered is, one sign stands for it."""
    return _COVERS.sub(HIDDEN, line) if COVER in line else line


@lru_cache(maxsize=4)
def _spellings(secrets: frozenset[str]) -> Words:
    """Return how secrets may be spelled, the longest first."""
    import json  # costs as much as all of this, and is needed where a secret was found

    found: set[str] = set()
    for secret in secrets:
        for line in (secret, *(line for line in secret.splitlines() if len(line) >= 8)):
            spelled = (json.dumps(line), json.dumps(line, ensure_ascii=False), repr(line))
            found |= {line, line.strip(), *(one[1:-1] for one in spelled)}
    return Words(sorted((one for one in found if len(one) >= LEAST), key=lambda one: (-len(one), one)))
