"""What is known not to be a secret: one row for each sort of text, with the reason."""

import re
from typing import NamedTuple


class Row(NamedTuple):
    """A shape of a whole value that is no secret."""

    name: str
    pattern: re.Pattern[str]
    reason: str


def _row(name: str, pattern: str, reason: str) -> Row:
    return Row(name, re.compile(pattern), reason)


_FILLER = "your|my|the|our|a|an|some|any|this|here|me|it|is|not|be|with|by|for|in|to|from|and|or|of|void|please|new|real|actual|own|put|set|goes"
_MARK = (
    "change|changeme|changeit|changethis|replace|replaceme|example|sample|dummy|fake|placeholder|todo|fixme|redacted|insert|enter|foo|bar|baz|foobar|xxx+|"
    "none|null|nil|na|tbd|invalid|unset|undefined|fill|fillme|yours?|my|some|test|testing|mock|demo|irrelevant|hidden|masked|removed|omitted|snip|any"
)
_THING = (
    "password|passwd|pass|pwd|passphrase|secret|token|key|keys|apikey|api|auth|access|account|client|user|username|name|id|value|string|text|private|public|"
    "service|admin|db|database|app|bot|oauth|bearer|credential|credentials|webhook|jwt|session|signing|encryption|master|root|default|strong|secure|random|super|"
    "long|complex|data|cloud|org|organization|project|workspace|tenant|company|domain|host|server|url|personal|integration|dev|prod|staging|local|production|development"
)
PLACEHOLDER = rf"(?i)(?=.*(?:\b|_)?(?:{_MARK}))(?:(?:{_MARK}|{_THING}|{_FILLER}|[a-z]{{2,10}}(?=[-_ ./](?:{_THING})\b))[-_ ./!]*)+\d{{0,3}}\Z"
"""One word at least that says so, and none that does not speak of such things."""
_PATH_PART = r"[\w.{}$*@%+=,:<>-]"

ANYWHERE: tuple[Row, ...] = (
    _row("empty", r"\W*\Z", "signs alone hold nothing"),
    _row("reference", r"\$\{?[\w.:-]+\}?\Z|\$\{[^}]*\Z|\.\w+(?:\.\w+)+\Z|\$[({][^()]*[)}]+\Z|%[(]\w+[)]s\Z|%\w+%\Z|@\w+@\Z|#\{[^}]*\}#?\Z|\$\[\[?[^]]*\]+\Z|:\w+\Z|\{[\w.]+\}\Z|\[\[[^]]*\]\]\Z|\(\([^)]*\)\)\Z|__\w+__\Z",
         "another tool puts the value in"),
    _row("template", r"(?:[^{]*\{\{.*\}\}[^}]*|\{%.*%\})\Z", "a template is filled in later"),
    _row("angle", r"<[^<>]*>\Z|\[[^\[\]]*\]\Z", "a placeholder in brackets"),
    _row("placeholder", PLACEHOLDER, "a placeholder says itself that it is none"),
    _row("example", r".*(?:EXAMPLE|Example|example|PLACEHOLDER)(?:KEY|[-_].*)?\Z", "keys of manuals end so"),
    _row("repeated", r"(.{1,4})\1{2,}.{0,3}\Z|.{0,3}(.)\2{5,}.{0,3}\Z|.*[xX*•#?]{4,}.*\Z|[xX*•.#?-]{3,}\Z", "the same signs again and again"),
    _row("dots", r".*(?:\.{3}|…).*\Z", "cut short: an example"),
    _row("address", r"[A-Za-z][0-9A-Za-z+.-]*:(?:[\w.]+:)*//[^\s]*\Z", "an address is judged by its parts"),
    _row("arn", r"arn:[\w-]+:[\w-]+:.*\Z", "an ARN names a resource"),
    _row("store",
         r"(?:vault|op|ssm|ssm-secure|awssm|aws-sm|aws-ssm|gcpsm|gcp-sm|gsm|azkv|akv|sm|secretsmanager|secretsmanager|keyring|keychain|env|file|ref\+\w+|secret|secrets|doppler|bws|infisical|conjur|k8s|kubernetes|sops|ejson|chamber|credstash|pass|lookup)(?:\+\w+)?:/{0,3}[^\s@]+\Z"
         r"|projects/[^/]+/secrets/.*\Z|https://[\w.-]+\.vault\.azure\.net/secrets/.*\Z|@Microsoft\.KeyVault\(.*\)\Z|secret/[\w./-]+(?:#[\w.-]+)?\Z",
         "an address in a store of secrets"),
    _row("sealed", r"ENC\[.*\]\Z|\{cipher\}.*\Z|\$ANSIBLE_VAULT;[\s\S]*|Ag[A-D][0-9A-Za-z+/]{200,}={0,2}\Z|ENC\(.*\)\Z|vault:v\d+:.*\Z|gAAAAA[\w-]{60,}={0,2}\Z", "encrypted"),
    _row("command", r".*\$\(.*\Z|`.*`\Z", "a command gives the value"),
    _row("pointer", r"#/[\w/$~%.-]+\Z", "a place in this document"),
    _row("path", rf"(?:~|\.{{1,2}}|\$\{{?\w+\}}?)?/(?:{_PATH_PART}+/)*{_PATH_PART}*\Z|[A-Za-z]:\\[^\n]*\Z", "a file's path"),
    _row("file", r"[\w./-]+\.(?:pem|crt|cer|key|p12|pfx|jks|json|ya?ml|txt|env|toml|ini|cfg|conf|pub|asc|gpg|sql|csv|sh|py|md|html?|xml|log|parquet|p8|der|ppk|keytab|j2|tpl)\Z", "a file's name"),
    _row("environment", r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\Z", "the name of an environment variable"),
    _row("uuid-like id", r"(?:urn:|uuid:|oid:).*\Z", "a name in a registry of names"),
    _row("date", r"\d{4}-\d\d-\d\d(?:[T ][\d:.+Z-]*)?\Z|\d{1,2}/\d{1,2}/\d{2,4}\Z", "a date"),
    _row("certificate", r"-----BEGIN (?:TRUSTED )?(?:CERTIFICATE|PUBLIC KEY|X509 CRL|PGP PUBLIC KEY BLOCK|RSA PUBLIC KEY|SSH2 PUBLIC KEY)[\s\S]*", "public by its nature"),
    _row("public key", r"(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+|sk-ssh-ed25519@openssh\.com) [0-9A-Za-z+/=]+(?: \S+)?\s*\Z", "public by its nature"),
)
"""Harmless under every key."""

SHAPES: tuple[Row, ...] = (
    _row("uuid", r"\{?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\}?\Z", "an identifier by its form"),
    _row("digest", r"(?:0x)?(?:[0-9a-f]+|[0-9A-F]+)\Z", "a digest or an id in hexadecimal digits"),
    _row("labelled digest", r"(?i)(?:.*[@:=/_-])?(?:md5|sha-?\d{1,3}|sha512_256|blake\w*|crc32|digest|checksum|etag)[-:=_/]?[0-9A-Za-z+/=_-]+\Z", "a digest that says its kind"),
    _row("image", r"[\w./:-]+@sha256:[0-9a-f]{64}\Z|[\w./-]+@[0-9a-f]{40}\Z", "pinned by a digest"),
    _row("number", r"[-+]?[\d.,_:/ -]+(?:[eE][-+]?\d+)?[a-zA-Z%]{0,3}\Z", "a number, a time, a range or a telephone"),
    _row("version", r"(?:[vV^~<>=! |]*\d+(?:\.(?:\d+|x|\*|v?[0-9a-f_]+))+(?:[-+.\w]*))+\Z", "a version"),
    _row("ulid", r"[0-7][0-9A-HJKMNP-TV-Z]{25}\Z", "an identifier by its form"),
    _row("cloud id", r"(?:i|ami|vol|vpc|subnet|sg|snap|eni|igw|rtb|acl|nat|eipalloc|eipassoc|lt|tgw|pcx|vpce|r|key|fs|fsmt|ou|o|rds|db|cluster|dopt|aclassoc|rtbassoc|asg|elb|alb|snapshot|mi|cid)-[0-9a-z]{4,40}\Z", "a cloud's name for a thing"),
    _row("principal", r"(?:AIDA|AROA|AGPA|ANPA|ANVA|APKA|ASCA|AIPA)[A-Z0-9]{12,}\Z", "a cloud's name for a principal"),
    _row("chat id", r"[UCDTBGWEF][0-9A-Z]{8,10}\Z", "a channel's or user's id"),
    _row("account", r"\d{6,}(?:-[\w.-]+)?\Z", "an account or project number"),
    _row("mail", r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+\Z", "an address"),
    _row("host", r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?\Z", "a host"),
)
"""Harmless by their shape alone, under a key that asks for no secret."""


def known(text: str, rows: tuple[Row, ...]) -> Row | None:
    """Return the row that says why the whole of `text` is no secret; None where none does."""
    return next((row for row in rows if row.pattern.match(text)), None)
