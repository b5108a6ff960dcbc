"""Who decides, by context, whether what a pattern found is a secret. A judge sees one finding and remembers nothing."""

import re

from firn_compiler.scan import harmless
from firn_compiler.scan.chance import (
    decoded,
    looks_random,
    mixed,
    private_key_bytes,
    readable,
    reads,
)
from firn_compiler.scan.found import Found
from firn_compiler.scan.upstream import Upstream, reports
from firn_compiler.scan.words import sort_of, words
from firn_compiler.scan.worth import NOT_SAID, inert, worth

# --- tokens by their shape ---


def published(found: Found) -> bool:
    """Judge a token that its shape alone tells: only a manual's example is none, and a long word."""
    longest = max(re.findall(r"[0-9A-Za-z+/=]+", found.secret), key=len, default="")
    return not _made_up(found.secret) and not (longest.islower() and longest.isalpha() and readable(longest) > 0.8)


def _made_up(body: str) -> bool:
    """Whether a token is an example: few signs, one that says so, or mostly the same sign or signs in order."""
    in_order = sum(len(run[0]) for run in _RUN.finditer(body))
    return len(set(body.lower())) < 6 or _EXAMPLE.search(body) is not None or in_order >= 0.45 * len(body)


_EXAMPLE = re.compile(r"EXAMPLE|(?i:x{6}|your[-_])")
_RUN = re.compile(r"(?P<one>.)(?P=one){5,}|(?i:1234567890(?:abcdef)?|abcdefghijkl[m-z]*|0123456789(?:abcdef)?)")


def reported(row: Upstream, found: Found) -> bool:
    """Judge what a plug-in of detect-secrets may report: it does, and the text is neither a name nor a digest's end."""
    return (
        not _made_up(found.secret)
        and not (row.but and found.secret.startswith(row.but))
        and readable(found.secret) < 0.6
        and not found.before[-1:].isalnum()
        and not found.after[:1].isalnum()
        and reports(row, found)
    )


def beside(found: Found) -> bool:
    """Judge a token that has its provider's name before it: it looks random, and the key calls it no id or digest."""
    said = {*words(found.text.key), *words(found.before[-40:])[-2:]}
    return (
        said.isdisjoint(_IDS | _DIGESTS)
        and not _made_up(found.secret)
        and not harmless.known(found.secret, _NEVER_BESIDE)
        and mixed(found.secret) >= 2
        and readable(found.secret) < 0.5
    )


_NEVER_BESIDE = harmless.shapes("uuid", "labelled digest", "image", "number", "host", "mail")
_IDS = frozenset("id ids uid uids guid uuid ksuid cid version image tag url uri ref kid".split())
_DIGESTS = frozenset(
    """sha sha1 sha256 sha512 digest digests hash hashes hashed checksum checksums integrity etag fingerprint thumbprint
    sum sums md5 md crc revision commit rev signature public publishable secure""".split()
)
_KEY_BEFORE = re.compile(r"([\w.-]+)[\"']?\s*[:=]\s*\\?[\"']?\Z")


def by_chance(found: Found) -> bool:
    """Judge a long token that nothing else speaks for: only what was made by chance and is no id, digest or name."""
    secret = found.secret.strip("=./+-_")
    if len(secret) < 20 or len(secret) > 2000 or mixed(secret) < 3 or found.after.startswith("…"):
        return False
    near = found.before[-60:]
    inside = _KEY_BEFORE.search(near) if ":" in near or "=" in near else None
    key = words(inside[1] if inside else found.text.key)
    alone = len(found.text.text) < 2 * len(found.secret) + 8 and secret == found.text.text.strip().rstrip("=")
    whole = alone or _quoted(found)
    if not looks_random(secret, 20 if whole else 24) or _made_up(secret):
        return False
    if not _DIGESTS.isdisjoint(key) or (key and key[-1] in _IDS and len(secret) <= 44):
        return False
    if _in_public(found, secret) or (inside and inside[1] in _OF_ADDRESSES and _in_address(found)):
        return False
    if any(
        harmless.known(one, rows) for one in (secret, found.secret) for rows in (harmless.SHAPES, harmless.ANYWHERE)
    ):
        return False
    return not _composed(secret) and not inert(found.secret)


_OF_ADDRESSES = frozenset("t v h s ver id cb _".split())
"""Parameters of addresses that name a version or a thing."""


def _in_address(found: Found) -> bool:
    return re.search(r"https?://\S*\Z", found.before[-300:]) is not None


def _quoted(found: Found) -> bool:
    return found.before[-1:] in ("'", '"') and found.after[:1] in ("'", '"')


def _composed(secret: str) -> bool:
    """Whether a token is put together of words, ids and digests: `EnvironmentEC23fd7a…`, `pods/web-7d9c5b8f6-x2x4q`."""
    parts = [part for part in re.split(r"[/_.=+-]", secret) if part]
    runs = re.findall(r"[0-9A-Za-z+/]+", secret)
    return (
        any(len(part) >= 5 and reads(part) and (part.islower() or part.istitle()) for part in parts)
        or readable(re.sub(r"[0-9a-f]{16,}", "", secret)) > 0.6
        or all(len(part) < 10 or mixed(part) < 2 or harmless.known(part, harmless.SHAPES) for part in parts)
        or (len(parts) > 1 and len(max(runs, key=len)) < 24 and bool(re.search(r"_[a-z]+$|^[a-z0-9]_[a-z]+_", secret)))
    )


def _in_public(found: Found, secret: str) -> bool:
    """Whether a token is a part of what is public: an address, a public key, a certificate, a labelled digest."""
    before = found.before
    block = before.rfind("-----BEGIN ")
    return (
        re.search(
            r"[a-z][a-z0-9+.-]*://[^\s?]*$|\|1\|[0-9A-Za-z+/=]*\|?$|(?i:sha-?\d{1,3}|md5|h1)[-:=]$", before[-300:]
        )
        is not None
        or secret.startswith(("AAAAB3NzaC1", "AAAAC3NzaC1", "AAAAE2VjZHNh", "AAAAGnNr"))
        or "jwk" in f"{found.text.above} {found.text.key}".lower()
        or ('"kty"' in found.around and re.search(r'"(?:n|e|x|y|kid|x5c|x5t)":\s*\[?"$', before) is not None)
        or (block >= 0 and "PRIVATE" not in before[block : block + 50] and "-----END" not in before[block:])
    )


# --- what stands in a place ---


def said(found: Found) -> bool:
    """Judge what stands where only a secret can: a placeholder may, too."""
    secret = found.secret
    if harmless.known(secret, harmless.ANYWHERE) or secret.lower() in NOT_SAID:
        return False
    return len(secret) <= 12 or not _made_up(secret)


def user_info(found: Found) -> bool:
    """Judge the password of an address; a port with a path is none."""
    return said(found) and re.match(r"\d{1,5}/", found.secret) is None


def random_or_signs(found: Found) -> bool:
    """Judge a credential after its scheme: `Bearer …` is one unless words follow."""
    if re.match(r"@(?:o\d+\.ingest\.)?(?:\w+\.)?sentry\.io/", found.after):
        return False  # the key of a Sentry DSN is public
    return said(found) and (readable(found.secret) < 0.6 or bool(re.search(r"[\d=]", found.secret)))


def command_password(found: Found) -> bool:
    """Judge what follows an option for a password; a number may be a port."""
    word = found.secret.isalpha() and found.before.endswith(" ") and _prose(found)
    return said(found) and not word and re.fullmatch(r"\d{1,5}", found.secret) is None


def said_token(found: Found) -> bool:
    """Judge a quoted text after a word for a token."""
    return said(found) and " " not in found.secret


def given(found: Found) -> bool:
    """Judge an assignment inside a text, `password=…`: by its key, as if it stood in the file itself."""
    key, secret = found.groups[-2].rpartition(".")[2], found.secret.strip()
    inside = found.before.rfind("${") > found.before.rfind("}")  # a default of the shell, which is looked at by itself
    if inside or secret.startswith(_GOES_ON) or not worth(secret, key):
        return False
    if found.before[-1:] in ("'", '"'):
        return True
    if re.fullmatch(r"[A-Za-z_]+(?:\.[A-Za-z_]+)+", secret):
        return False  # an attribute, in code
    if sort_of(key) == "password":
        return not (secret.isalpha() and (secret.islower() or secret.istitle()) and _prose(found))
    # unquoted words are names of other things
    return re.search(r"[\d=+/]", secret) is not None or looks_random(secret, 16)


_GOES_ON = ("{{", "{%", "${", ",", ")", "--", "+ ", ". ", ".$", "+new ", "\\$", "&lt;")
"""How what follows a sign begins where it is no value: a template, another argument, more of a program or page."""


def _prose(found: Found) -> bool:
    """Whether a word is one of a sentence: it goes on, or several words follow each other around it."""
    if re.match(r"[,;]? +[A-Za-z]", found.after):
        return True
    return len(re.findall(r"\b[a-z]{2,}\b \b[a-z]{2,}\b", found.around)) >= 2


def in_words(found: Found) -> bool:
    """Judge what a sentence says that a password is: a word is none, nor a day."""
    secret = found.secret.rstrip(".,;:!?)")
    return said(found) and bool(re.search(r"\d", secret) and re.search(r"[A-Za-z]", secret)) and len(secret) >= 6


def with_its_body(found: Found) -> bool:
    """Judge the header of a private key: alone it is one; what follows must not be dots or the same sign."""
    after = re.sub(r"[A-Za-z-]+: [^\n]*|\\[nr]|[\s#>|*\"'\\-]+", "", found.after[:400])
    body = re.match(r"[0-9A-Za-z+/=]*", after)
    return not after or (body is not None and len(body[0]) >= 24 and len(set(body[0][:64])) >= 10)


def bare_key(found: Found) -> bool:
    """Judge base64 that may be a private key without its header."""
    content = decoded(found.secret)
    return content is not None and (private_key_bytes(content) or content.startswith(b"openssh-key-v1"))
