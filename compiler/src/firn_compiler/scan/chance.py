"""Whether a text was made by chance or by a person: how much of it reads like words."""

import re
from binascii import a2b_base64
from functools import lru_cache

_CHUNK = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_COMMON = frozenset(
    """ab ac ad ag ai ak al am an ap ar as at au av ay ba be bi bl bo br bu ca cc ce ch ci ck cl co cr cs ct cu da de di
    do dr ds du ea ec ed ee ef eg el em en ep er es et ev ew ex ey fa fe ff fi fl fo fr fu ga ge gh gi gn go gr ha he hi
    ho ht ia ib ic id ie if ig il im in io ip ir is it iv iz ke ki la ld le li ll lo ls lt lu ly ma mb me mi mm mo mp ms
    mu na nc nd ne nf ng ni nn no ns nt nu ob oc od of og ok ol om on oo op or os ot ou ov ow pa pe ph pi pl po pp pr ps
    pt pu py qu ra rc rd re ri rk rm rn ro rr rs rt ru ry sa sc se sh si so sp ss st su sy ta tc te th ti tl to tr ts tt
    tu ty ua ub uc ue ui ul um un up ur us ut va ve vi wa we wi wo wr xp yp ys""".split()
)
"""The pairs of letters that make nine tenths of those in English words and in identifiers, and a third of chance's."""


def reads(word: str) -> bool:
    """Whether a run of letters may be a word: six of ten of its pairs are common."""
    lower = word.lower()
    pairs = len(lower) - 1
    return pairs >= 2 and sum(lower[at : at + 2] in _COMMON for at in range(pairs)) >= 0.6 * pairs


@lru_cache(maxsize=65536)
def readable(text: str) -> float:
    """Return which share of a text's letters and digits lies in words, from 0 to 1."""
    chunks = _CHUNK.findall(text)
    signs = sum(map(len, chunks))
    return sum(len(chunk) for chunk in chunks if reads(chunk)) / signs if signs else 1.0


def mixed(text: str) -> int:
    """Return how many of the three are in a text: small letters, capitals, digits."""
    return any(map(str.islower, text)) + any(map(str.isupper, text)) + any(map(str.isdigit, text))


def looks_random(text: str, least: int = 20) -> bool:
    """Whether nobody would have chosen this text: long, of several sorts of signs, and hardly a word in it."""
    return len(text) >= least and mixed(text) >= 2 and len(set(text)) >= least // 2 and readable(text) < 0.4


_MEDIA = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"%PDF",
    b"wOF",
    b"\0asm",
    b"\0\1\0\0\0",
)


def decoded(text: str) -> bytes | None:
    """Return what base64 holds, in the alphabet of files or of addresses; None where it is none."""
    body = re.sub(r"\s", "", text).rstrip("=").replace("-", "+").replace("_", "/")
    if len(body) % 4 == 1:
        return None
    try:
        return a2b_base64(body + "=" * (-len(body) % 4), strict_mode=True)
    except ValueError:
        return None


def text_of(token: str) -> str:
    """Return the readable text that base64 holds; empty where it holds none."""
    text = plain(decoded(token) or b"")
    return text if text.isprintable() else ""


def plain(content: bytes) -> str:
    """Return the text that bytes are, of lines that can be shown; empty where they are something else."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return ""
    return text if all(one.isprintable() or one in "\r\n\t" for one in text) else ""


def harmless_bytes(content: bytes) -> bool:
    """Whether what base64 held is plain text, an image, an archive or a public certificate or key."""
    if content.startswith(_MEDIA):
        return True
    if content[:1] == b"\x30" and len(content) > 60:
        inside = content[4:5] if content[1:2] == b"\x82" else content[3:4] if content[1:2] == b"\x81" else content[2:3]
        return inside == b"\x30"  # a certificate or public key: a private one begins with its version
    return len(plain(content)) >= 6


def private_key_bytes(content: bytes) -> bool:
    """Whether DER holds a private key: a sequence that begins with a version, 0 or 1 (RFC 5208, 5915, 8017)."""
    for skip, length in ((4, b"\x82"), (3, b"\x81"), (2, b"")):
        if content[:1] == b"\x30" and content[1 : 1 + len(length)] == length:
            return content[skip : skip + 3] in (b"\x02\x01\x00", b"\x02\x01\x01") and len(content) >= 46
    return False
