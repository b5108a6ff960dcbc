"""From bytes to a secret: what every source has in common."""

from typing import Literal, NamedTuple

from firn_schemas.secret import Secret

MAX_BYTES = 64 * 1024
SHORTEST = 5
"""Characters below which a value stands in too many texts by chance for all of its places to be masked."""


class Unusable(Exception):
    """Something that is there but cannot be used; the predicate says why (`is empty`) and never shows any of it."""


class Found(NamedTuple):
    """A secret, and where it was found."""

    secret: Secret
    source: Literal["environment", "mount"]
    place: str
    """The variable's name, or the file's path."""
    warning: str = ""
    """What is unsafe about the place, as a sentence."""


def secret_of(content: bytes, *, allow_short: bool = False) -> Secret:
    """Return the secret that `content` spells; raise Unusable."""
    text = text_of(content)
    if not text:
        raise Unusable("is empty")
    if len(text) < SHORTEST and not allow_short:
        help = "the platform can allow it with `security.allow_short_secrets`"
        raise Unusable(f"is shorter than {SHORTEST} characters and could not be masked; {help}")
    return Secret(text)


def text_of(content: bytes) -> str:
    """Return the text that `content` spells: UTF-8, one trailing newline dropped; raise Unusable."""
    if len(content) > MAX_BYTES:
        raise Unusable(f"is larger than {MAX_BYTES // 1024} KiB")
    if b"\0" in content:
        raise Unusable("is binary (it holds a NUL byte); only text can be used")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Unusable("is binary (it is not UTF-8); only text can be used") from None
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
