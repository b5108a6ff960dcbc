"""The rules, one row each: what a secret looks like in a text, what it is called, and who judges by context."""

import re
from collections.abc import Callable
from typing import NamedTuple

from firn_compiler.scan import harmless
from firn_compiler.scan.chance import decoded, harmless_bytes, looks_random, mixed, private_key_bytes, readable, reads
from firn_compiler.scan.vendors import BESIDE, FORMATS
from firn_compiler.scan.words import sort_of, words


class Text(NamedTuple):
    """One text to look at, with the key that it stands under and the keys above; `key` is empty where none is."""

    text: str
    key: str = ""
    above: str = ""
    """The keys on the way to it, separated by dots, without its own."""


    @property
    def prefix(self) -> str:
        """What stands before the text where it is looked at: its key, and the one above."""
        return f"{self.above.rpartition('.')[2]} {self.key}{KEY_ENDS}" if self.key else ""


KEY_ENDS = "\x01"
"""Stands between a key and the text under it."""


class Found(NamedTuple):
    """What a pattern found: the groups of the match, of which the last is the secret, and its surroundings."""

    groups: tuple[str, ...]
    text: Text
    start: int
    end: int

    @property
    def secret(self) -> str:
        """The secret itself; it is shown to nobody."""
        return self.groups[-1]

    @property
    def before(self) -> str:
        """The text before the secret."""
        return self.text.text[: self.start]


class Rule(NamedTuple):
    """A pattern of RE2 whose last group is the secret; `judge` says whether that is one, here."""

    name: str
    kind: str
    """Completes "this is …"."""
    pattern: str
    judge: Callable[[Found], bool]


# --- judges ---


def worth(secret: str, key: str) -> bool:
    """Whether a value under a key may be a secret: as little as the key's sort asks for, and nothing known as harmless."""
    sort = sort_of(key)
    if not sort or _says_itself(secret, key) or harmless.known(secret, harmless.ANYWHERE):
        return False
    if "\n" in secret and not re.fullmatch(r"[0-9A-Za-z+/=\s_-]+", secret):
        return False  # a text of many lines is looked at line by line
    if " " in key.strip() and sort == "password":
        sort = "token"  # a sentence of an interface, and its translation
    return _WORTH[sort](secret)


def _says_itself(secret: str, key: str) -> bool:
    """Whether a value only repeats its key: `password: password`, `token: <token>`."""
    said = [word for word in words(secret) if not word.isdigit()]
    return bool(said) and set(said) <= {*words(key), "the", "my", "a", "secret", "password", "token", "key", "api"}


def _password(secret: str) -> bool:
    if not secret.isascii() and not re.search(r"[\d!-@]", secret):
        return False  # a word of another language
    return 3 <= len(secret) <= 500 and secret.count(" ") < 4 and secret.lower() not in _NOT_SAID


def _token(secret: str) -> bool:
    """Whether a value was made: signs of several sorts, or no words. Names are written in words."""
    if len(secret) < 6 or " " in secret or not secret.isascii() or harmless.known(secret, _UNDER_A_TOKEN):
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


_CREDENTIAL = frozenset("password passwd secret secrets token key credentials creds auth apikey".split())


def _key(secret: str) -> bool:
    return not harmless.known(secret, harmless.SHAPES) and looks_random(secret, 16) and not _inert(secret)


_WORTH: dict[str, Callable[[str], bool]] = {"password": _password, "token": _token, "key": _key}
_NOT_SAID = frozenset(
    """true false yes no on off none null required optional string text hidden password secret disabled enabled
    plaintext env prompt ask keyring file basic token default username strong weak medium x-oauth-basic
    x-access-token oauth2accesstoken""".split()
)
"""Values under a password's key that are none: types, switches and ways to give one."""
_UNDER_A_TOKEN = tuple(row for row in harmless.SHAPES if row.name in ("labelled digest", "image", "number", "mail", "host", "version"))


def _inert(token: str) -> bool:
    content = decoded(token)
    return content is not None and harmless_bytes(content)


def made_up(found: Found) -> bool:
    """Whether a token of a published format is an example: the same sign again and again, or a manual's."""
    body = found.secret
    return (
        len(set(body.lower())) < 6
        or re.search(r"EXAMPLE|(?i:x{6}|0{10}|1234567890abcdef|abcdefghijkl|your[-_])|(.)\1{9}", body) is not None
    )


def published(found: Found) -> bool:
    """Judge a token that its shape alone tells."""
    return not made_up(found)


def beside(found: Found) -> bool:
    """Judge a token that has its provider's name before it: it looks random, and the key calls it no id or digest."""
    said = {*words(found.text.key), *words(found.before[-40:])[-2:]}
    return (
        said.isdisjoint(_IDS)
        and not made_up(found)
        and not harmless.known(found.secret, _NEVER_BESIDE)
        and mixed(found.secret) >= 2
        and readable(found.secret) < 0.5
    )


_IDS = frozenset(
    "id ids uid uids guid sha sha1 sha256 digest commit rev revision ref hash uuid version integrity checksum etag image tag url uri".split()
)
_DIGESTS = frozenset(
    "sha sha1 sha256 sha512 digest digests hash hashes hashed checksum checksums integrity etag fingerprint thumbprint sum sums md5 crc revision commit rev signature".split()
)
_NEVER_BESIDE = tuple(row for row in harmless.SHAPES if row.name in ("uuid", "labelled digest", "image", "number", "host", "mail"))


def given(found: Found) -> bool:
    """Judge an assignment inside a text, `password=…`: by its key, as if it stood in the file itself."""
    key, secret = found.groups[-2].rpartition(".")[2], found.secret.strip()
    inside = found.before.rfind("${") > found.before.rfind("}")  # a default of the shell, which is looked at by itself
    if inside or not worth(secret, key):
        return False
    if found.before[-1:] in ("'", '"'):
        return True
    if sort_of(key) == "password":
        return not (secret.isalpha() and (secret.islower() or secret.istitle()) and _prose(found))
    return re.search(r"[\d=+/]", secret) is not None  # unquoted words are names of other things


def _prose(found: Found) -> bool:
    """Whether the text around is a sentence: several words follow each other."""
    return len(re.findall(r"\b[a-z]{2,}\b \b[a-z]{2,}\b", found.text.text)) >= 2


def not_a_placeholder(found: Found) -> bool:
    """Judge what stands where only a secret can."""
    secret = found.secret
    return bool(secret) and not harmless.known(secret, harmless.ANYWHERE) and not made_up(found) if len(secret) > 12 else (
        bool(secret) and not harmless.known(secret, harmless.ANYWHERE) and secret.lower() not in _NOT_SAID
    )


def user_info(found: Found) -> bool:
    """Judge the password of an address."""
    return not_a_placeholder(found) and not re.match(r"\d{1,5}/", found.secret)


def said_random(found: Found) -> bool:
    """Judge a credential after its scheme: `Bearer …` is one unless words follow."""
    return not_a_placeholder(found) and (readable(found.secret) < 0.6 or bool(re.search(r"[\d=]", found.secret)))


def by_chance(found: Found) -> bool:
    """Judge a long token that nothing else speaks for: only what was made by chance and is no id or digest."""
    secret = found.secret.strip("=./+-_")
    if harmless.known(secret, harmless.SHAPES) or harmless.known(found.secret, harmless.ANYWHERE):
        return False
    if not looks_random(secret) or made_up(found) or len(secret) > 200:
        return False
    if re.search(r"[/:]$|https?://\S*$|sha\d{1,3}[-:]$", found.before[-200:]):
        return False
    said = words(found.text.key)[-1:]
    if said and (said[0] in _DIGESTS or (said[0] in _IDS and len(secret) <= 24)):
        return False
    if any(len(part) >= 5 and reads(part) for part in re.split(r"[/_.-]", secret)):
        return False
    runs = re.findall(r"[0-9A-Za-z+/]+", secret)
    longest = max(runs, key=len)
    if len(longest) < 24 and longest != found.text.text.strip().rstrip("="):
        return False
    if readable(re.sub(r"[0-9a-f]{16,}", "", secret)) > 0.6:
        return False  # a name with a digest in it
    return looks_random(longest, 20) and mixed(longest) == 3 and not harmless.known(longest, harmless.SHAPES) and not _inert(found.secret)


def with_its_body(found: Found) -> bool:
    """Judge the header of a private key: a body must follow that is no row of dots or of the same signs."""
    after = re.sub(r"[A-Za-z-]+: [^\n]*|\\[nr]|[\s#>|*\"'\\-]+", "", found.text.text[found.end :])
    body = re.match(r"[0-9A-Za-z+/=]*", after)
    return body is not None and len(body[0]) >= 24 and len(set(body[0][:64])) >= 10


def command_password(found: Found) -> bool:
    """Judge what follows an option for a password; a number may be a port."""
    return not_a_placeholder(found) and re.fullmatch(r"\d{1,5}", found.secret) is None


def said_token(found: Found) -> bool:
    """Judge a quoted text after a word for a token."""
    return not_a_placeholder(found) and " " not in found.secret


def bare_key(found: Found) -> bool:
    """Judge base64 that may be a private key without its header."""
    content = decoded(found.secret)
    return content is not None and (private_key_bytes(content) or content.startswith(b"openssh-key-v1"))


# --- rows ---

_WORDS = (
    "passw(?:or)?d|passwd|passphrase|passcode|pswd|pwd|secret|token|api[_.-]?key|access[_.-]?key|private[_.-]?key|account[_.-]?key|"
    "[a-z]+[_.-]?key|credential|creds|bearer|sig|auth|dsn|pass|cookie|jwt"
)
_VALUE = r"[^\s\x00\"'`,;&(){}<>\[\]|]"

STRUCTURE: tuple[Rule, ...] = (
    Rule("url-password", "an address with a password in it",
         r"[A-Za-z][0-9A-Za-z+.-]*://[^\s\x00/:@\"'<>]*:([^\s\x00\"'<>]*[^\s\x00\"'<>/])@[^\s\x00@/]", user_info),
    Rule("url-token", "an address with a token in it",
         r"[A-Za-z][0-9A-Za-z+.-]*://([0-9A-Za-z_.~%-]{16,})@[0-9A-Za-z]", said_random),
    Rule("authorization", "an authorization header",
         r"(?i)authorization[\"']?[ \t]*[:=,][ \t]*[\"']?(?:[a-z]+[ \t]+)?([^\s\x00\"',]{6,})", said_random),
    Rule("bearer", "a credential after its scheme",
         r"(?i)(?:^|[^a-z])(?:bearer|basic|token|apikey|sso-key|digest)[ \t]+([0-9A-Za-z+/=._~:-]{12,})", said_random),
    Rule("sql-password", "a password in a statement",
         r"(?i)(?:identified[ \t\n]+(?:with[ \t\n]+[0-9a-z_']+[ \t\n]+)?(?:by|as)(?:[ \t\n]+password)?|password(?:[ \t\n]+is)?)[ \t\n]+[\"']([^\"'\x00\n]+)[\"']", not_a_placeholder),
    Rule("sql-secret", "a secret in a statement",
         r"(?i)(?:secret|_?key_id|token|passphrase|credentials)[ \t\n]+'([^'\x00\n]+)'", said_token),
    Rule("shell-password", "a password in a command",
         r"(?i)(?:^|[\s\x00/])(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|sshpass|mongo|mongosh|redis-cli|sqlcmd|bcp|clickhouse-client|ldapsearch|smbclient)[ \t](?:[^\n\x00|;]*[ \t])?(?:-p[ \t]?|-a[ \t]|-w[ \t])[\"']?([^\s\x00\"'-][^\s\x00\"']*)", command_password),
    Rule("shell-user", "a user with a password in a command",
         r"(?:^|[\s\x00/])(?:curl|wget|http|https|smbclient|xh|ftp|lftp)[ \t](?:[^\n\x00|;]*[ \t])?(?:-u|--user|--proxy-user|-U|-a|--auth)[ \t=]?[\"']?[^\s\x00:\"']+[:%]([^\s\x00\"']+)", not_a_placeholder),
    Rule("netrc-password", "a password in a netrc line", r"(?:machine[ \t]+\S+|default)\s+login\s+\S+\s+password\s+([^\s\x00]+)", not_a_placeholder),
    Rule("password-hash", "the hash of a password", r"(\$(?:2[abxy]|5|6|y|argon2(?:i|d|id)|scrypt|pbkdf2-sha\d+|apr1|1)\$[0-9A-Za-z./$=,+-]{20,})", published),
    Rule("private-key-bytes", "a private key", r"(?:^|[^0-9A-Za-z+/])(M[CGHIJ][0-9A-Za-z+/ \t\n\r]{60,}={0,2}|b3BlbnNzaC1rZXktdjE[0-9A-Za-z+/ \t\n\r]{60,}={0,2})", bare_key),
    Rule("named-argument", "a secret by its name",
         r"(?i)(?:^|[\s\x00\"'])--?([0-9a-z_-]*(?:" + _WORDS + r")[0-9a-z_-]*)(?:=|[ \t]+)[\"']?([^\s\x00\"'-][^\s\x00\"']*)", given),
    Rule("named-quoted", "a secret by its name",
         r"(?i)([0-9a-z_.-]*(?:" + _WORDS + r")[0-9a-z_.-]*)[\"'`\]]{0,2}[ \t]*(?:=>|:=|==|=|:)[ \t]*\\?[\"']([^\"'\x00\n]{3,200}?)\\?[\"']", given),
    Rule("named", "a secret by its name",
         r"(?i)([0-9a-z_.-]*(?:" + _WORDS + r")[0-9a-z_.-]*)[\"'`\]]{0,2}[ \t]*(?:=>|:=|==|=|:)[ \t]*(" + _VALUE + r"{3,500})", given),
    Rule("random", "a random text, as secrets are", r"([0-9A-Za-z+/_.=~-]{20,})", by_chance),
)
"""What stands in a place of a known structure."""


def _alone(pattern: str) -> str:
    return f"(?:^|[^0-9A-Za-z])({pattern})(?:[^0-9A-Za-z]|$)"


NAMED = next(rule for rule in STRUCTURE if rule.name == "named")
"""The rule that a value under a key breaks as well."""


def _beside(names: tuple[str, ...], pattern: str) -> str:
    """Return a pattern for a token that follows a name: in the same text, or as the value of a key that holds it."""
    return (
        rf"(?:^|[^0-9A-Za-z])(?i:{'|'.join(names)})[0-9A-Za-z_. /-]*[\"'\]]*[ \t]*(?:{KEY_ENDS}|=>|:=|=|:|[ \t])[ \t]*[\"']?"
        rf"({pattern})(?:[^0-9A-Za-z]|$)"
    )


_BY_RULE = {"private-key": with_its_body}
"""Formats that more than their shape decides."""
RULES: tuple[Rule, ...] = (
    *(Rule(row.rule, row.kind, _alone(row.pattern), _BY_RULE.get(row.rule, published)) for row in FORMATS),
    *(Rule(row.rule, row.kind, _beside(row.names, row.pattern), beside) for row in BESIDE),
    *STRUCTURE,
)
"""All, the most exact first: of two that find the same, the first is told."""
