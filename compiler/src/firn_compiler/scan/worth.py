"""What a value under a key must be to be taken for a secret: as much as the key asks for."""

import re
from collections.abc import Callable

from firn_compiler.scan import harmless
from firn_compiler.scan.chance import decoded, harmless_bytes, looks_random, mixed, readable, reads, text_of
from firn_compiler.scan.words import Sort, saying, sort_of, words


def worth(secret: str, key: str, parent: str = "") -> bool:
    """Whether a value under a key may be a secret: as much as the key's sort asks for, and nothing known as harmless.

    A key that says nothing of its own, `value` or `prod`, takes what the key above it says.
    """
    said = saying(key, parent)
    sort = sort_of(said)
    made = sort == "password" and re.search(r"\d|[^\w\s.-]", secret)
    if not sort or (not made and _says_itself(secret, said)) or harmless.known(secret, harmless.ANYWHERE):
        return False
    if "\n" in secret and not re.fullmatch(r"[0-9A-Za-z+/=\s_-]+|[^\s:=]+(?:\n[^\s:=]+){1,2}", secret):
        return False  # a text of many lines is looked at line by line
    if _pair(secret) and not {"auth", "authentication", "credential", "credentials", "creds"}.isdisjoint(words(said)):
        return True
    if "authorization" in words(said):
        secret = _without_scheme(secret)
    return _WORTH["token" if " " in said.strip() and sort == "password" else sort](secret)


def _says_itself(secret: str, key: str) -> bool:
    """Whether a value only repeats its key: `password: password`, `token: <token>`."""
    said = [word for word in words(secret) if not word.isdigit()]
    return bool(said) and set(said) <= {*words(key), "the", "my", "a", "secret", "password", "token", "key", "api"}


def _without_scheme(secret: str) -> str:
    """Return a value of an `Authorization` header (RFC 9110, section 11.4) without the scheme: `Bearer …`."""
    scheme, _, rest = secret.partition(" ")
    return rest if scheme.isalpha() and mixed(rest) >= 2 and " " not in rest else secret


def _pair(secret: str) -> bool:
    """Whether a value is a user and a password, in clear or in base64, as HTTP's basic scheme gives them."""
    inside = text_of(secret)
    _, _, password = (inside or secret).partition(":")
    pair = re.fullmatch(r"[\w.@-]+:[^:\n]{4,}", inside) or re.fullmatch(r"[\w.@-]+:[^\s:/{}]{4,}", secret)
    return pair is not None and bool(re.search(r"[\d\W]", password))


def _password(secret: str) -> bool:
    if _foreign(secret):
        return False
    if secret.islower() and "_" in secret and not _CREDENTIAL.isdisjoint(secret.split("_")):
        return False  # the name of a column or a variable
    if re.fullmatch(r"[A-Z][a-z]+(?: [A-Za-z]+)*|\d{1,3}|[\^~v=<>]+ ?\d[\w.]*|\d+(?:\.\d+){2,}", secret):
        return False  # a label of an interface, a measure, a version
    return len(secret) >= 3 and secret.lower() not in NOT_SAID and not _sentence(secret)


def _sentence(text: str) -> bool:
    """Whether a text is prose: words with those between them that a list of words by chance has not."""
    said = text.split()
    listed = all(one.isalpha() and one.islower() and one.isascii() for one in said)
    return len(said) > 1 and (not _BETWEEN.isdisjoint(text.lower().split()) or (len(said) > 4 and not listed))


_BETWEEN = frozenset(
    "a an and are as at be by can for from has if in is it must no not of on or see the this to use with your".split()
)


def _foreign(text: str) -> bool:
    """Whether a text is a word of another language."""
    return not text.isascii() and not re.search(r"[\d!-@]", text)


def _token(secret: str) -> bool:
    """Whether a value was made: signs of several sorts, or no words. Names are written in words."""
    if secret.isdigit():
        return len(secret) >= 16
    if len(secret) < 6 or " " in secret or _foreign(secret) or harmless.known(secret, _UNDER_A_TOKEN):
        return False
    if len(set(secret)) < 4 or secret[0] in "{[":
        return False
    parts = re.split(r"[^0-9A-Za-z]+", secret)
    if mixed(secret) < 2 and (readable(secret) >= 0.5 or (len(parts) > 1 and max(map(len, parts)) <= 12)):
        return False
    return not _named(secret)


def _named(secret: str) -> bool:
    """Whether a text is words and short numbers, as names are: `orders-api-v2`, `ordersApiToken`."""
    parts = [part for part in re.split(r"[^0-9A-Za-z]+", secret) if part]
    simple = all((part.isalpha() and part.islower()) or (part.isdigit() and len(part) <= 4) for part in parts)
    if len(parts) > 1 and ((simple and sum(map(reads, parts)) >= 2) or not _CREDENTIAL.isdisjoint(parts)):
        return max(map(len, parts)) <= 16
    short = sum(len(part) for part in parts if part.isdigit() and len(part) <= 4)
    return readable(secret) >= 0.8 - 0.5 * short / len(secret) and not re.search(r"[^\w./:+ -]", secret)


def _key(secret: str) -> bool:
    return (
        "{}" not in secret
        and not harmless.known(secret, harmless.SHAPES)
        and looks_random(secret, 16)
        and not inert(secret)
    )


_WORTH: dict[Sort, Callable[[str], bool]] = {"password": _password, "token": _token, "key": _key}
_CREDENTIAL = frozenset("password passwd pwd secret secrets token key credentials creds auth apikey".split())
NOT_SAID = frozenset(
    """true false yes no on off none null required optional string text varchar timestamp hidden password secret
    disabled enabled plaintext plain env prompt ask keyring file basic token default username strong weak medium
    pass random generated auto x-oauth-basic x-access-token oauth2accesstoken""".split()
)
"""Values under a password's key that are none: types, switches and ways to give one."""


_UNDER_A_TOKEN = harmless.shapes("labelled digest", "image", "number", "mail", "host", "version")


def inert(token: str) -> bool:
    """Whether a text is base64 of what is no secret."""
    content = decoded(token)
    return content is not None and harmless_bytes(content)
