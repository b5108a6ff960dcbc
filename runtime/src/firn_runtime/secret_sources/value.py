"""From bytes to a secret: what every source has in common."""

from firn_schemas.secret import Secret

MAX_BYTES = 64 * 1024


class Unusable(Exception):
    """A secret that is there but cannot be used; the sentence says why and never shows any of it."""


def secret_of(content: bytes) -> Secret:
    """Return the secret that `content` spells: UTF-8, one trailing newline dropped; raise Unusable."""
    if len(content) > MAX_BYTES:
        raise Unusable(f"it is larger than {MAX_BYTES // 1024} KiB")
    if b"\0" in content:
        raise Unusable("it holds a NUL byte; only text can be used")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise Unusable("it is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
    if not text:
        raise Unusable("it is empty")
    return Secret(text)
