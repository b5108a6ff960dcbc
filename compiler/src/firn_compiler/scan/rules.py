"""The rules, one row each: what a secret looks like in a text, what it is called, and who judges by context."""

from collections.abc import Callable
from functools import partial
from itertools import permutations
from typing import NamedTuple

from firn_compiler.scan.found import KEY_ENDS, Found
from firn_compiler.scan.judges import (
    bare_key,
    beside,
    by_chance,
    command_password,
    given,
    in_words,
    published,
    random_or_signs,
    reported,
    said,
    said_token,
    user_info,
    with_its_body,
)
from firn_compiler.scan.upstream import UPSTREAM
from firn_compiler.scan.vendors import BESIDE, FORMATS, Beside, Format

Judge = Callable[[Found], bool]


class Rule(NamedTuple):
    """A pattern of RE2 whose last group is the secret; `judge` says whether that is one, here."""

    name: str
    kind: str
    """Completes "this is …"."""
    pattern: str
    judge: Judge
    part: str = ""
    """What of the pattern the first pass looks for, since every match holds it; empty: all."""


_GAP = r"[ \t]+"
_Q = r"[\"']?"
_START = r"(?:^|[\s\x00\x01/\"'`(])"
_REST = r"(?:[^\n\x00|;]*[ \t])?"
_ARGUMENT = r"([^\s\x00\"'-][^\s\x00\"']*)"
_WORDS = (
    r"(?:pas+w?|ps+w|pwd|pw|secret|token|[a-z]+[_.-]?key|cred|bearer|sig|auth|cookie|jwt|webhook|mnemonic|pat|salt|sas|pin"
    r"|otp|session|nonce)"
)
_NAME = rf"([0-9a-z_.-]*{_WORDS}[0-9a-z_.-]*)"
_SIGN = r"[\"'`\]]{0,2}[ \t]*(?:=>|:=|\?=|==|=|:)[ \t]*"
_SIGNS = r"[0-9A-Za-z+/_.=~-]"
_MIXED = "|".join(f"{a}{_SIGNS}*{b}{_SIGNS}*{c}" for a, b, c in permutations(("[a-z]", "[A-Z]", "[0-9]")))
"""All three in any order: most texts lack one, and are not looked at again."""
_BY_NAME = "a secret by its name"
_IN_COMMAND = "a password in a command"
_IN_SQL = "a password in a statement"

STRUCTURE: tuple[Rule, ...] = (
    Rule(
        "url-password",
        "an address with a password in it",
        r"[A-Za-z][0-9A-Za-z+.-]*://[^\s\x00/:@\"'<>]*:([^\s\x00\"'<>]*[^\s\x00\"'<>/])@[^\s\x00@/]",
        user_info,
    ),
    Rule(
        "url-token",
        "an address with a token in it",
        r"[A-Za-z][0-9A-Za-z+.-]*://([0-9A-Za-z_.~%-]{16,})@[0-9A-Za-z]",
        random_or_signs,
    ),
    Rule(
        "jdbc-password", "an address with a password in it", r"jdbc:oracle:[a-z]+:[^\s\x00/@]+/([^\s\x00/@\"']+)@", said
    ),
    Rule(
        "authorization",
        "an authorization header",
        rf"(?i)authorization[\"']?[ \t]*[:=,][ \t]*{_Q}(?:[a-z]+[ \t]+)?([^\s\x00\"',]{{6,}})",
        random_or_signs,
    ),
    Rule(
        "bearer",
        "a credential after its scheme",
        r"(?i)(?:^|[^a-z])(?:bearer|basic|token|apikey|sso-key|geniekey|splunk|bot)[ \t]+"
        r"([0-9A-Za-z+/=._~:-]{12,})",
        random_or_signs,
    ),
    Rule(
        "sql-password",
        _IN_SQL,
        r"(?i)(?:identified\s+(?:with\s+[0-9a-z_']+\s+)?(?:by|as)(?:\s+password)?\s+|password(?:[ \t]+is)?[ \t]+)"
        r"[\"']([^\"'\x00\n]+)[\"']",
        said,
    ),
    Rule(
        "sql-password-set",
        _IN_SQL,
        r"(?i)(?:^|[^0-9a-z_.'])password(?:\s+for\s+[^\s\x00=]+)?\s*=\s*(?:password\s*\()?\s*'([^'\x00\n]+)'|pragma\s+(?:hex)?(?:re)?key\s*=\s*[\"']([^\"'\x00\n]+)[\"']",
        said,
    ),
    Rule(
        "sql-password-argument",
        _IN_SQL,
        r"(?i)(?:postgresql|mysql|mongodb|remote|remotesecure)\s*\((?:\s*'[^'\x00\n]*'\s*,){4,5}\s*'([^'\x00\n]+)'",
        said,
    ),
    Rule(
        "sql-secret",
        "a secret in a statement",
        r"(?i)(?:secret|_?key_id|token|passphrase|credentials)\s+'([^'\x00\n]+)'",
        said_token,
    ),
    Rule(
        "shell-password",
        _IN_COMMAND,
        rf"{_START}(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|sshpass|mongo|mongosh|mongodump|zip|unzip|7z|7za)"
        rf"{_GAP}{_REST}-[pP][ \t]?{_Q}{_ARGUMENT}",
        command_password,
    ),
    Rule(
        "shell-password-apart",
        _IN_COMMAND,
        rf"{_START}(?:(?:docker|podman|helm|az|oc|buildah|skopeo)[ \t][^\n\x00|;]*login{_GAP}{_REST}-p"
        rf"|redis-cli{_GAP}{_REST}-a"
        rf"|(?:ldapsearch|ldapadd|ldapmodify|ldappasswd){_GAP}{_REST}-w|(?:sqlcmd|bcp|isql){_GAP}{_REST}-P){_GAP}{_Q}{_ARGUMENT}",
        command_password,
    ),
    Rule(
        "shell-password-piped",
        _IN_COMMAND,
        r"(?:echo|printf)[ \t]+(?:-n[ \t]+)?[\"']?([^\s\x00\"'|]+)[\"']?[ \t]*\|[^\n\x00]*"
        r"(?:--password-stdin|--passphrase-fd|sudo -S|--stdin)",
        said,
    ),
    Rule(
        "shell-user",
        "a user with a password in a command",
        rf"{_START}(?:curl|wget|http|https|smbclient|xh|ftp|lftp|rsync|snowsql){_GAP}{_REST}"
        rf"(?:-u|--user|--proxy-user|-U|-a|--auth)[ \t=]*{_Q}[^\s\x00:\"'<]*[:%]{_Q}([^\s\x00\"'>]+)",
        said,
    ),
    Rule(
        "netrc-password",
        "a password in a netrc line",
        r"(?:machine[ \t]+[^\s\x00]+|default)\s+login\s+[^\s\x00]+\s+password\s+([^\s\x00]+)",
        said,
    ),
    Rule(
        "pgpass-password",
        "a password in a pgpass line",
        r"(?:^|[\n\x00\x01 ])[0-9A-Za-z_.*-]+:(?:[0-9]{4,5}|\*):[0-9A-Za-z_.*-]+:[0-9A-Za-z_.*@-]+:([^\s\x00:]+)",
        said,
    ),
    Rule(
        "xml-password",
        _BY_NAME,
        r"(?i)<([a-z.:_-]*(?:password|passphrase|token|secret|apikey)[a-z_-]*)>\s*([^<>\x00]+)</",
        given,
    ),
    Rule(
        "password-hash",
        "the hash of a password",
        r"(\$(?:2[abxy]|5|6|y|argon2(?:i|d|id)|scrypt|pbkdf2-sha[0-9]+|apr1|1)\$[0-9A-Za-z./$=,+-]{20,})",
        published,
    ),
    Rule(
        "private-key-bytes",
        "a private key",
        r"(?:^|[^0-9A-Za-z+/])((?:M[CGHIJ]|b3BlbnNzaC1rZXktdjE)[0-9A-Za-z+/ \t\n\r]{60,}={0,2})",
        bare_key,
    ),
    Rule(
        "named-in-words",
        _BY_NAME,
        r"(?i)((?:password|passwd|pwd|passphrase|token|secret|api[ _-]?key))[ \t]+(?:is|was)[ \t:]+[\"'`]?"
        r"([^\s\x00\"'`<>{}]{6,})",
        in_words,
    ),
    Rule("named-argument", _BY_NAME, rf"(?i)(?:^|[\s\x00\x01\"'])--?{_NAME}(?:=|[ \t]+){_Q}{_ARGUMENT}", given),
    Rule("named-quoted", _BY_NAME, rf"(?i){_NAME}\\*{_SIGN}\\*[\"']([^\"'\x00\n]{{3,200}}?)\\*[\"']", given),
    Rule("named", _BY_NAME, rf"(?i){_NAME}{_SIGN}([^\s\x00\"'`,;&(){{}}<>\[\]|]{{3,500}})", given),
    Rule("random", "a random text, as secrets are", rf"({_SIGNS}*(?:{_MIXED}){_SIGNS}*)", by_chance),
)
"""What stands in a place of a known structure, and what stands anywhere."""

NAMED = next(rule for rule in STRUCTURE if rule.name == "named")
"""The rule that a value under a key breaks as well."""


def _alone(row: Format) -> Rule:
    token = f"({row.pattern})"
    pattern = f"(?:^|[^0-9A-Za-z]){token}(?:[^0-9A-Za-z]|$)"
    return Rule(row.rule, row.kind, pattern, _BY_RULE.get(row.rule, published), token)


def _beside(row: Beside) -> Rule:
    """Return a rule for a token that follows a name: in the same text, or as the value of a key that holds it."""
    name = f"(?i:{'|'.join(row.names)})"
    value = rf"[\"'\]]*[ \t]*(?:{KEY_ENDS}|=>|:=|=|:|[ \t])[ \t]*{_Q}({row.pattern})"
    pattern = rf"(?:^|[^0-9A-Za-z]){name}[0-9A-Za-z_. /-]*{value}(?:[^0-9A-Za-z]|$)"
    return Rule(row.rule, row.kind, pattern, beside, name)


_BY_RULE: dict[str, Judge] = {"private-key": with_its_body}
"""Formats that more than their shape decides."""
RULES: tuple[Rule, ...] = (
    *map(_alone, FORMATS),
    *map(_beside, BESIDE),
    *(Rule(row.rule, row.kind, row.pattern, partial(reported, row)) for row in UPSTREAM),
    *STRUCTURE,
)
"""All, the most exact first: of two that find the same, the first is told."""
