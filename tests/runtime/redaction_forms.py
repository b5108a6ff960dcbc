"""Secrets of many shapes, and the ways in which programs write them; made with the libraries that programs use.

Nothing here calls the runtime's own table of encodings; but that table was completed with this one at hand.
A form counts as readable by `readable`.
"""

import base64
import codecs
import gzip
import html
import json
import quopri
import random
import shlex
import string
import textwrap
import urllib.parse
import zlib
from collections.abc import Callable
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

LONG_ENOUGH = 10
"""Consecutive characters of a secret that make a form readable; of a secret under 20 characters, half of it."""


class Shape(NamedTuple):
    """A value that holds a secret: `frame` is the value with `{}` in its place."""

    name: str
    secret: str
    frame: str = "{}"

    @property
    def value(self) -> str:
        return self.frame.replace("{}", self.secret)


def _random(seed: int, length: int, alphabet: str) -> str:
    source = random.Random(seed)
    return "".join(source.choice(alphabet) for _ in range(length))


_WORDLIKE = string.ascii_letters + string.digits
_BASE64 = _WORDLIKE + "+/"
_BODY = "\n".join(_random(seed, 64, _BASE64) for seed in range(12)) + "\n" + _random(99, 22, _BASE64) + "=="
_PEM = "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n"
_ACCOUNT = (
    '{\n  "type": "service_account",\n  "project_id": "shop-prod",\n  "private_key_id": "a3f1",\n'
    '  "private_key": "' + _PEM.replace("\n", "\\n") + '",\n  "client_email": "loader@shop-prod.example.com"\n}\n'
)

SHAPES = (
    Shape("password", "k7#Vq!9x$TfL2@"),
    Shape("token", _random(1, 40, _WORDLIKE)),
    Shape("uuid", "9f1c2b7e-4d3a-4e8b-b6a5-0c9d8e7f6a5b"),
    Shape(
        "jwt",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJsb2FkZXIiLCJleHAiOjE5MDAwMDAwMDB9."
        + _random(2, 43, _WORDLIKE),
    ),
    Shape("dsn", "Tr0ub4dor&3xyz", "postgresql://loader:{}@db.shop.example.com:5432/shop?sslmode=require"),
    Shape("pem", _BODY, _PEM),
    Shape("passphrase", "correct horse battery staple"),
    Shape("service account", _BODY.replace("\n", "\\n"), _ACCOUNT),
    Shape("quotes", "it's \"5 o'clock\" <&> \\ 42%"),
    Shape("umlauts", "Grüße-aus-Köln-1248-ß"),
    Shape("symbols", "}#&%?:]~^;!=+(|@"),
    Shape("pin", "482913"),
    Shape("word", "postgres"),
)


def _b(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _after(before: str) -> Callable[[str], str]:
    return lambda value: _b(f"{before}{value}, and more")


def _hexdump(value: str) -> str:
    content = value.encode()
    rows = [content[at : at + 16] for at in range(0, len(content), 16)]
    shown = ["".join(chr(one) if 32 <= one < 127 else "." for one in row) for row in rows]
    return "\n".join(
        f"{n * 16:08x}  {row.hex(' ')}  |{text}|" for n, (row, text) in enumerate(zip(rows, shown, strict=True))
    )


def _ansi_c(value: str) -> str:
    known = {"\\": "\\\\", "'": "\\'", "\n": "\\n"}
    return "$'" + "".join(known.get(one, one if one.isascii() else f"\\u{ord(one):04x}") for one in value) + "'"


def _utf16(value: str) -> str:
    return value.encode("utf-16-be").hex()


ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda v: v,
    "quote": urllib.parse.quote,
    "quote everything": lambda v: urllib.parse.quote(v, safe=""),
    "quote_plus": urllib.parse.quote_plus,
    "quote, lower case": lambda v: "".join(f"%{b:02x}" if chr(b) in "/:@#&!$?%" else chr(b) for b in v.encode()),
    "every byte in percent": lambda v: "".join(f"%{b:02X}" for b in v.encode()),
    "percent twice": lambda v: urllib.parse.quote(urllib.parse.quote(v, safe=""), safe=""),
    "urlencode": lambda v: urllib.parse.urlencode({"password": v, "user": "loader"}),
    "base64": _b,
    "base64 for URLs, no padding": lambda v: base64.urlsafe_b64encode(v.encode()).decode().rstrip("="),
    "base64 after one byte": _after(":"),
    "base64 after two bytes": _after("u:"),
    "base64 after three bytes": _after("me:"),
    "base64 twice": lambda v: _b(_b(v)),
    "base64 of a pair, twice": lambda v: _b(_b(f"user:{v}")),
    "base64 in lines": lambda v: base64.encodebytes(f"user: {v}".encode()).decode(),
    "base64 with indented lines": lambda v: textwrap.indent("\n".join(textwrap.wrap(_b(v), 20)), "    "),
    "base64 in percent": lambda v: urllib.parse.quote(_b(v), safe=""),
    "base64 of percent": lambda v: _b(urllib.parse.quote(v, safe="")),
    "base64 of hex": lambda v: _b(v.encode().hex()),
    "base64 of a JSON line": lambda v: _b(json.dumps({"level": "info", "password": v, "n": 1})),
    "base64 of JSON in JSON": lambda v: json.dumps({"data": _b(json.dumps({"inner": json.dumps({"p": v})}))}),
    "base64 of UTF-16": lambda v: base64.b64encode(v.encode("utf-16-le")).decode(),
    "PowerShell's encoded command": lambda v: base64.b64encode(f"connect -p {v}".encode("utf-16-le")).decode(),
    "basic authorization": lambda v: f"Authorization: Basic {_b('loader:' + v)}",
    "base32": lambda v: base64.b32encode(v.encode()).decode(),
    "base32 after a word": lambda v: base64.b32encode(f"key {v}".encode()).decode().lower(),
    "base85": lambda v: base64.b85encode(v.encode()).decode(),
    "ascii85": lambda v: base64.a85encode(f"a{v}".encode()).decode(),
    "hex": lambda v: v.encode().hex(),
    "hex in capitals": lambda v: v.encode().hex().upper(),
    "hex with colons": lambda v: v.encode().hex(":"),
    "hex in groups": lambda v: v.encode().hex(" ", 2),
    "hex of base64": lambda v: _b(v).encode().hex(),
    "a hex dump": _hexdump,
    "an array in C": lambda v: "{" + ", ".join(f"0x{b:02x}" for b in v.encode()) + "}",
    "an array in Go": lambda v: "[]byte{" + ", ".join(f"0x{b:X}" for b in v.encode()) + "}",
    "an array of numbers": lambda v: str(list(v.encode())),
    "a PostgreSQL bytea": lambda v: "\\x" + v.encode().hex(),
    "octal numbers": lambda v: " ".join(f"{b:03o}" for b in v.encode()),
    "octal escapes": lambda v: "".join(f"\\{b:03o}" for b in v.encode()),
    "JSON": json.dumps,
    "JSON, not ASCII": lambda v: json.dumps({"password": v}, ensure_ascii=False),
    "JSON twice": lambda v: json.dumps({"body": json.dumps({"password": v})}),
    "JSON thrice": lambda v: json.dumps(json.dumps(json.dumps([v]))),
    "JSON in a URL": lambda v: "/?q=" + urllib.parse.quote(json.dumps({"password": v})),
    "JSON in HTML": lambda v: html.escape(json.dumps({"password": v})),
    "shell": shlex.quote,
    "shell, twice": lambda v: f"ssh host {shlex.quote('login -p ' + shlex.quote(v))}",
    "shell, ANSI-C": _ansi_c,
    "repr": repr,
    "repr of bytes": lambda v: repr(v.encode()),
    "repr of repr": lambda v: repr({"args": repr([v])}),
    "HTML": html.escape,
    "XML attribute": quoteattr,
    "XML text": lambda v: f"<password>{escape(v)}</password>",
    "entities, decimal": lambda v: "".join(f"&#{ord(c)};" for c in v),
    "entities, hex": lambda v: "".join(f"&#x{ord(c):x};" for c in v),
    "SQL": lambda v: "ALTER ROLE x PASSWORD '" + v.replace("'", "''") + "'",
    "SQL of PostgreSQL": lambda v: "E'" + v.replace("\\", "\\\\").replace("'", "\\'") + "'",
    "CSV": lambda v: 'a,"' + v.replace('"', '""') + '",b',
    "unicode escapes": lambda v: "".join(f"\\u{ord(c):04x}" for c in v),
    "unicode escapes in capitals": lambda v: "".join(f"\\u{ord(c):04X}" for c in v),
    "hex escapes in braces": lambda v: "".join(f"\\x{{{ord(c):x}}}" for c in v),
    "hex escapes": lambda v: "".join(f"\\x{b:02x}" for b in v.encode()),
    "some letters escaped": lambda v: "".join(f"%{ord(c):02x}" if c in "aeiou0246" else c for c in v),
    "quoted-printable": lambda v: quopri.encodestring(v.encode(), quotetabs=True).decode(),
    "quoted-printable of all": lambda v: "".join(f"={b:02X}" for b in v.encode()),
    "UTF-16 in hex": _utf16,
    "UTF-16 in hex, little end first": lambda v: v.encode("utf-16-le").hex(" "),
    "UTF-16 read as bytes": lambda v: v.encode("utf-16-le").decode("latin-1"),
    "backwards": lambda v: v[::-1],
    "rot13": lambda v: codecs.encode(v, "rot13"),
    "base64 backwards": lambda v: _b(v)[::-1],
    "a list of characters": lambda v: str(list(v)),
    "a JSON list of characters": lambda v: json.dumps(list(v)),
    "with spaces": " ".join,
    "with dashes": "-".join,
    "with dots and spaces": " . ".join,
    "a character a line": "\n".join,
    "capitals": str.upper,
    "small letters": str.lower,
    "capitals for small letters": str.swapcase,
    "in lines": lambda v: "\n".join(textwrap.wrap(v, 11, break_on_hyphens=False)),
    "in lines of a log": lambda v: "\n    | ".join(v[at : at + 8] for at in range(0, len(v), 8)),
    "the first two thirds": lambda v: v[: len(v) * 2 // 3] + "...",
    "the last two thirds": lambda v: "..." + v[len(v) // 3 :],
    "a libpq string": lambda v: "host=db user=x password='" + v.replace("\\", "\\\\").replace("'", "\\'") + "'",
    "a URL": lambda v: f"mysql://loader:{urllib.parse.quote(v, safe='')}@db/shop",
    "YAML": lambda v: "password: |\n" + textwrap.indent(v, "  "),
    "a form upload": lambda v: f'name="password"\r\n\r\n{v}\r\n--boundary--',
    "gzip in base64": lambda v: base64.b64encode(gzip.compress(v.encode(), mtime=0)).decode(),
    "zlib in hex": lambda v: zlib.compress(v.encode()).hex(),
    "binary numbers": lambda v: " ".join(f"{b:08b}" for b in v.encode()),
    "uuencode": lambda v: "\n".join(
        codecs.encode(v.encode()[at : at + 45], "uu").decode().split("\n")[1] for at in range(0, len(v.encode()), 45)
    ),
}


def _other(secret: str) -> str:
    """Return a text of the same build with other letters and digits."""
    moved = str.maketrans(
        string.ascii_letters + string.digits,
        *["nopqrstuvwxyzabcdefghijklmNOPQRSTUVWXYZABCDEFGHIJKLM5678901234"],
    )
    changed = secret.translate(moved)
    return changed if changed != secret else secret[::-1]


def readable(shape: Shape, encode: Callable[[str], str], mask: Callable[[str], str]) -> bool:
    """Say whether the secret can be had from the masked text.

    The secret's image is the part of the encoded text that changes with it. The longest stretch of the image that is
    left between two masks stands for as many characters of the secret as its share of the image. From LONG_ENOUGH
    characters, or half of a secret under 20, the form is readable, whether or not a decoder for it is at hand.
    """
    text = f"2026-01-02 03:04:05 value={encode(shape.value)} end"
    image = _image(text, f"2026-01-02 03:04:05 value={encode(shape.frame.replace('{}', _other(shape.secret)))} end")
    left = _longest_left(text, mask(text), image)
    share = left / (image[1] - image[0])
    return share * len(shape.secret) >= min(LONG_ENOUGH, len(shape.secret) / 2)


def _image(text: str, other: str) -> tuple[int, int]:
    start = next(at for at, (a, b) in enumerate(zip(text, other, strict=False)) if a != b)
    end = next(at for at, (a, b) in enumerate(zip(reversed(text), reversed(other), strict=False)) if a != b)
    return start, max(start + 1, len(text) - end)


def _longest_left(text: str, masked: str, image: tuple[int, int]) -> int:
    longest = at = 0
    for fragment in masked.split("***"):
        at = text.index(fragment, at)
        longest = max(longest, min(at + len(fragment), image[1]) - max(at, image[0]))
        at += len(fragment)
    return longest


def forms() -> list[tuple[Shape, str]]:
    """Return every shape with the name of every encoding that changes it."""
    found: list[tuple[Shape, str]] = []
    for shape in SHAPES:
        seen: set[str] = set()
        for name, encode in ENCODINGS.items():
            text = encode(shape.value)
            if text not in seen:
                seen.add(text)
                found.append((shape, name))
    return found
