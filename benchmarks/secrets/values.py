"""Made-up values from templates: `{class:length}` becomes random characters, `[[…]]` marks the part that is secret.

Every value is drawn from a seeded `Random`. Nothing here was ever a credential, and no template is one.
"""

import base64
import json
import re
import string
from collections.abc import Callable
from random import Random
from typing import NamedTuple
from urllib.parse import quote

LOWER = string.ascii_lowercase
UPPER = string.ascii_uppercase
DIGITS = string.digits
ALPHABETS = {
    "alnum": LOWER + UPPER + DIGITS,
    "lower": LOWER + DIGITS,
    "upper": UPPER + DIGITS,
    "letters": LOWER + UPPER,
    "az": LOWER,
    "hex": DIGITS + "abcdef",
    "hexupper": DIGITS + "ABCDEF",
    "digits": DIGITS,
    "b32": UPPER + "234567",
    "b32lower": LOWER + "234567",
    "b64": LOWER + UPPER + DIGITS + "+/",
    "b64url": LOWER + UPPER + DIGITS + "-_",
    "bech32": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    "crockford": "0123456789ABCDEFGHJKMNPQRSTVWXYZ",
    "pw": LOWER + UPPER + DIGITS + "!*-_.~",
    "strong": LOWER + UPPER + DIGITS + "!#%&*+,-.:;=?@^_~()",
}
WORDS = """
amber anchor autumn basket beacon bridge butterfly candle canyon cedar clover cobalt copper coral dragon ember falcon
feather forest garden ginger glacier granite harbor hazel indigo island ivory jasmine juniper kettle lantern lemon
magnet maple marble meadow mellow monkey mountain nectar ocean orchid otter pebble pepper piano planet purple quartz
rabbit raven river rocket saddle saffron salmon shadow silver sparrow spring summer sunset thunder tiger timber tulip
velvet violet walnut whisper willow window winter yellow zephyr
""".split()
NAMES = "anna boris carla david elena felix greta hugo irene jonas karin lukas maria niko olga petra".split()
USERS = "reader loader etl_user svc_orders dbt_prod firn analyst ingest app_rw reporting".split()
DATABASES = "shop orders crm billing warehouse analytics inventory payments".split()
HOSTS = """
db.prod.internal pg-01.acme.example mysql.shop.svc.cluster.local dwh.acme.example crm.acme.example 10.20.4.17
""".split()
HUMAN = (
    "{Word}{year}!",
    "{word}-{word}-{digits:2}",
    "{Word}{Word}{digits:2}",
    "{Name}{year}",
    "{word}{digits:4}",
    "{Word}@{digits:3}",
    "{Word}_{word}${digits:2}",
    "{word}.{Word}.{digits:1}!",
    "P@{word}{digits:2}",
    "{Name}Loves{Word}{digits:2}",
    "{leet}",
    "{leet}!{year}",
)
_HOLE = re.compile(r"\{([a-z][a-z0-9]*|[A-Z][a-z]+)(?::(\d+)(?:-(\d+))?)?\}")
_MARK = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
_LEET = str.maketrans("aeiost", "4310$7")


class Value(NamedTuple):
    """What stands in the file, and the part of it that must not."""

    text: str
    secret: str


def characters(random: Random, alphabet: str, length: int) -> str:
    """Return `length` random characters; from eight on, at least one of each class that the alphabet has."""
    classes = [set(alphabet) & set(kind) for kind in (LOWER, UPPER, DIGITS)]
    wanted = [kind for kind in classes if kind] if length >= 8 else []
    while True:
        text = "".join(random.choice(alphabet) for _ in range(length))
        if all(kind & set(text) for kind in wanted) and text[0] not in "-.!*#%&@+,:;=?^~()" and text[-1] not in "-:,;":
            return text


def blob(random: Random, size: int, prefix: bytes = b"") -> str:
    return base64.b64encode(prefix + random.randbytes(size)).decode()


def uuid(random: Random) -> str:
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{random.choice('89ab')}{digits[17:20]}-{digits[20:]}"


def leet(random: Random) -> str:
    word = random.choice([word for word in WORDS if len(word) >= 6])
    return word[0].upper() + word[1:].translate(_LEET) + str(random.randint(1, 99))


def human(random: Random) -> str:
    return fill(random.choice(HUMAN), random)


def _base64url(text: str | bytes) -> str:
    return base64.urlsafe_b64encode(text.encode() if isinstance(text, str) else text).decode().rstrip("=")


def jwt(random: Random) -> str:
    header = _base64url(json.dumps({"alg": random.choice(["HS256", "RS256"]), "typ": "JWT"}, separators=(",", ":")))
    claims = {
        "sub": random.choice(USERS),
        "iss": "https://login.acme.example",
        "exp": 1900000000 + random.getrandbits(24),
    }
    body = _base64url(json.dumps(claims, separators=(",", ":")))
    return f"{header}.{body}.{_base64url(random.randbytes(32))}"


NAMED: dict[str, Callable[[Random], str]] = {
    "uuid": uuid,
    "human": human,
    "leet": leet,
    "jwt": jwt,
    "word": lambda random: random.choice(WORDS),
    "Word": lambda random: random.choice(WORDS).capitalize(),
    "name": lambda random: random.choice(NAMES),
    "Name": lambda random: random.choice(NAMES).capitalize(),
    "user": lambda random: random.choice(USERS),
    "db": lambda random: random.choice(DATABASES),
    "host": lambda random: random.choice(HOSTS),
    "example": lambda _: "EXAMPLE",
    "xs": lambda _: "x" * 36,
    "year": lambda random: str(random.randint(2017, 2026)),
    "region": lambda random: random.choice("eu-central-1 eu-west-1 us-east-1 us-west-2 ap-southeast-2".split()),
    "quoted": lambda random: quote(human(random) + "@" + characters(random, ALPHABETS["b64"], 4), safe=""),
}
SIZED: dict[str, Callable[[Random, int], str]] = {
    "base64": blob,
    "base64url": lambda random, size: _base64url(random.randbytes(size)),
    "percent": lambda random, size: quote(blob(random, size), safe=""),
}


def _hole(match: re.Match[str], random: Random) -> str:
    name, low, high = match.groups()
    if low is None:
        return NAMED[name](random)
    length = random.randint(int(low), int(high or low))
    return SIZED[name](random, length) if name in SIZED else characters(random, ALPHABETS[name], length)


def fill(template: str, random: Random) -> str:
    """Fill the holes of a template; marks are kept."""
    return _HOLE.sub(lambda match: _hole(match, random), template)


def marked(text: str) -> Value:
    """Split a filled template into what is written and what is secret: the first mark, or all of it."""
    found = _MARK.search(text)
    plain = _MARK.sub(r"\1", text)
    return Value(plain, found[1] if found else plain)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def pem(label: str, body: str, head: str = "", tail: str = "") -> str:
    """Return armour around `body`; assembled here so that no file of the repository holds it."""
    dashes = "-" * 5
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join(
        [
            f"{dashes}BEGIN {label}{dashes}",
            *([head, ""] if head else []),
            *lines,
            *([tail] if tail else []),
            f"{dashes}END {label}{dashes}",
        ]
    )
