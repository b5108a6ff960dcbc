"""What is known not to be a secret: one row for each sort of text, with the reason."""

import re
from functools import cache, lru_cache
from typing import NamedTuple


class Row(NamedTuple):
    """A shape of a whole value that is no secret."""

    name: str
    reason: str
    patterns: tuple[str, ...]
    long: bool = False
    """Whether a text may have it that is longer than a value is."""

    def fits(self, text: str) -> bool:
        """Whether the whole of `text` has the shape."""
        if len(text) > MAX_VALUE and not self.long:
            return False
        return says_so(text) if not self.patterns else _compiled(self.patterns).match(text) is not None


MAX_VALUE = 2000
"""Longer texts are none of these: no person chose them."""


@cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?:{one})\Z" for one in patterns))


def _row(name: str, reason: str, *patterns: str, long: bool = False) -> Row:
    return Row(name, reason, patterns, long)


_MARK = frozenset(
    """change changeme changeit changethis replace replaceme example sample dummy fake placeholder todo fixme redacted
    insert enter foo bar baz foobar none null nil na tbd invalid unset undefined fill fillme your yours my some test
    testing mock demo irrelevant hidden masked removed omitted snip any""".split()
)
_THING = frozenset(
    """password passwd pass pwd passphrase secret token key keys apikey api auth access account client user username
    name id value string text private public service admin db database app bot oauth bearer credential credentials
    webhook jwt session signing encryption master root default strong secure random super long complex data cloud org
    project organization workspace tenant company domain host server url personal integration dev prod staging local
    production development""".split()
)
_FILLER = frozenset(
    """your my the our a an some any this here me it is not be with by for in to from and or of void please new real
    actual own put set goes""".split()
)
_SPOKEN = re.compile(r"[A-Za-z]+|[0-9]+|[^A-Za-z0-9]")
_GLUED = re.compile(r"(change|replace|your|my|example|test|dummy|fake|insert|enter|some)([a-z]+)")


def says_so(text: str) -> bool:
    """Whether a value says that it is a placeholder: by one word at least, and none that speaks of anything else."""
    if len(text) > 80:
        return False
    said = [one.lower() for part in _SPOKEN.findall(text) for one in _apart(part)]
    while said and said[-1].isdigit() and len(said[-1]) <= 3:
        said.pop()
    spoken = [one for one in said if one not in "-_ ./!"]
    marked = any(one in _MARK or set(one) == {"x"} for one in spoken)
    return marked and all(
        one in _MARK or one in _THING or one in _FILLER or set(one) == {"x"} or (one.isalpha() and after in _THING)
        for one, after in zip(spoken, [*spoken[1:], ""], strict=True)
    )


def _apart(word: str) -> list[str]:
    """Split a word that is written as one: `yourpassword`, `YourApiKey`."""
    glued = _GLUED.fullmatch(word)
    if glued and (glued[2] in _THING or glued[2] in _FILLER):
        return [glued[1], glued[2]]
    return re.findall("[A-Z]+(?![a-z])|[A-Z]?[a-z]+", word) or [word]


_STORE = (
    r"(?:vault|op|ssm|ssm-secure|awssm|aws-sm|aws-ssm|gcpsm|gcp-sm|gsm|azkv|akv|sm|secretsmanager|keyring|keychain|env|"
    r"file|ref\+\w+|secrets?|doppler|bws|infisical|conjur|k8s|kubernetes|sops|ejson|chamber|credstash|pass|lookup)"
    r"(?:\+\w+)?:/{0,3}[^\s@]+"
)
_PATH_PART = r"[\w.{}$*@%+=,:<>-]"
_FILE = (
    r"id_(?:rsa|dsa|ecdsa|ed25519)(?:\.pub)?|[\w./-]+\.(?:pem|crt|cer|key|p12|pfx|jks|json|ya?ml|txt|env|toml|ini|cfg|conf|pub|asc|gpg|sql|csv|sh|py|md|html?|"
    r"xml|log|parquet|p8|der|ppk|keytab|j2|tpl)"
)
_BLOCK = (
    r"-----BEGIN (?:TRUSTED )?(?:CERTIFICATE|PUBLIC KEY|X509 CRL|PGP PUBLIC KEY BLOCK|RSA PUBLIC KEY|SSH2 PUBLIC KEY)"
    r"[\s\S]*"
)
_SSH = r"(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+|sk-ssh-ed25519@openssh\.com) [0-9A-Za-z+/=]+(?: \S+)?\s*"

ANYWHERE: tuple[Row, ...] = (
    _row("empty", "signs alone hold nothing", r"\W*"),
    _row(
        "reference",
        "another tool puts the value in",
        r"\$\{?[\w.:-]+\}?",
        r"\$\{[^}]*",
        r"\$[({][^()]*[)}]+",
        r"\$\[\[?[^]]*\]+",
        r"%[(]\w+[)]s",
        r"%\w+%",
        r"@\w+@",
        r"#\{[^}]*\}#?",
        r":\w+",
        r"\{[\w.]+\}",
        r"\[\[[^]]*\]\]",
        r"\(\([^)]*\)\)",
        r"__\w+__",
        r"\.\w+(?:\.\w+)+",
    ),
    _row("template", "a template is filled in later", r"[^{]*\{\{.*\}\}[^}]*", r"\{%.*%\}"),
    _row("brackets", "a placeholder in brackets", r"<[^<>]*>", r"\[.*\]"),
    _row("placeholder", "a placeholder says itself that it is none"),
    _row("example", "keys of manuals end so", r".*(?:EXAMPLE|Example|example|PLACEHOLDER)(?:KEY|[-_].*)?"),
    _row(
        "repeated",
        "the same signs again and again",
        r"(?P<some>.{1,4})(?P=some){2,}.{0,3}",
        r".{0,3}(?P<one>.)(?P=one){5,}.{0,3}",
        r"[\w-]{0,12}?[xX*•#?]{4,}[\w-]{0,4}",
        r"[xX*•.#?-]{3,}",
    ),
    _row("dots", "cut short: an example", r".*(?:\.{3}|…).*"),
    _row("address", "an address is judged by its parts", r"[A-Za-z][0-9A-Za-z+.-]*:(?:[\w.]+:)*//[^\s]*"),
    _row("arn", "an ARN names a resource", r"arn:[\w-]+:[\w-]+:.*"),
    _row(
        "store",
        "an address in a store of secrets",
        _STORE,
        r"projects/[^/]+/secrets/.*",
        r"https://[\w.-]+\.vault\.azure\.net/secrets/.*",
        r"@Microsoft\.KeyVault\(.*\)",
        r"secret/[\w./-]+(?:#[\w.-]+)?",
    ),
    _row(
        "sealed",
        "encrypted",
        r"ENC\[.*\]",
        r"ENC\(.*\)",
        r"\{cipher\}.*",
        r"\$ANSIBLE_VAULT;[\s\S]*",
        r"Ag[A-D][0-9A-Za-z+/]{200,}={0,2}",
        r"vault:v\d+:.*",
        r"gAAAAA[\w-]{60,}={0,2}",
        long=True,
    ),
    _row("command", "a command gives the value", r".*\$\(.*", r"`.*`"),
    _row("pointer", "a place in this document", r"#/[\w/$~%.-]+"),
    _row(
        "path",
        "a file's path",
        rf"(?:~|\.{{1,2}}|\$\{{?\w+\}}?)?/(?:{_PATH_PART}+/)*{_PATH_PART}*",
        r"[A-Za-z]:\\[^\n]*",
    ),
    _row("file", "a file's name", _FILE),
    _row("environment", "the name of an environment variable", r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"),
    _row("registered", "a name in a registry of names", r"(?:urn|uuid|oid):.*"),
    _row("type", "a type of SQL", r"(?i:n?(?:var)?char|(?:var)?binary|bit|decimal|numeric)\(\d{1,5}(?:, ?\d{1,2})?\)"),
    _row("date", "a date", r"\d{4}-\d\d-\d\d(?:[T ][\d:.+Z-]*)?", r"\d{1,2}/\d{1,2}/\d{2,4}"),
    _row("public", "public by its nature", _BLOCK, _SSH, long=True),
)
"""Harmless under every key."""

SHAPES: tuple[Row, ...] = (
    _row(
        "uuid",
        "an identifier by its form",
        r"\{?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\}?",
    ),
    _row("digest", "a digest or an id in hexadecimal digits", r"(?:0x)?(?:[0-9a-f]+|[0-9A-F]+)"),
    _row(
        "labelled digest",
        "a digest that says its kind",
        r"(?i:(?:.*[@:=/_-])?(?:md5|h1|sha-?\d{1,3}|sha512_256|blake\w*|crc32|digest|checksum|etag)[-:=_/]?[0-9a-z+/=_-]+)",
    ),
    _row("image", "pinned by a digest", r"[\w./:-]+@sha256:[0-9a-f]{64}", r"[\w./-]+@[0-9a-f]{40}"),
    _row("number", "a number, a time, a range or a telephone", r"[-+]?[\d.,_:/ -]+(?:[eE][-+]?\d+)?[a-zA-Z%]{0,3}"),
    _row("version", "a version", r"[vV^~<>=! ]*\d+(?:\.[0-9A-Za-z_*]+)+(?:[-+][\w.+-]*)?", r"[\d.^~<>=|xX* -]+"),
    _row("ulid", "an identifier by its form", r"[0-7][0-9A-HJKMNP-TV-Z]{25}"),
    _row(
        "cloud id",
        "a cloud's name for a thing",
        r"(?:i|ami|vol|vpc|subnet|sg|snap|eni|igw|rtb|acl|nat|eipalloc|eipassoc|lt|tgw|pcx|vpce|r|key|fs|fsmt|ou|o|rds|db|"
        r"cluster|dopt|aclassoc|rtbassoc|asg|elb|alb|snapshot|mi|cid)-[0-9a-z]{4,40}",
    ),
    _row("principal", "a cloud's name for a principal", r"(?:AIDA|AROA|AGPA|ANPA|ANVA|APKA|ASCA|AIPA)[A-Z0-9]{12,}"),
    _row("chat id", "a channel's or user's id", r"[UCDTBGWEF][0-9A-Z]{8,10}"),
    _row("account", "an account or project number", r"\d{6,}(?:-[\w.-]+)?"),
    _row("mail", "an address", r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    _row("host", "a host", r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?"),
)
"""Harmless by their shape alone, under a key that asks for no secret."""


def shapes(*names: str) -> tuple[Row, ...]:
    """Return some of `SHAPES`, by their names."""
    assert set(names) <= {row.name for row in SHAPES}
    return tuple(row for row in SHAPES if row.name in names)


@lru_cache(maxsize=4096)
def known(text: str, rows: tuple[Row, ...]) -> Row | None:
    """Return the row that says why the whole of `text` is no secret; None where none does."""
    return next((row for row in rows if row.fits(text)), None)
