"""Secrets that are written where none can be: in any value, key, comment or text, unless a decision allows it."""

import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Map
from hashlib import pbkdf2_hmac
from typing import NamedTuple

import orjson

from firn_compiler.checks.secrets import instead_of
from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Mapping, Path, Span, dotted, items_at, mapping_at, text_at
from firn_compiler.leaks import Located, in_values
from firn_compiler.scan.conceal import concealed
from firn_compiler.scan.engine import published_in
from firn_schemas.base import Json
from firn_schemas.secret_ref import valid_name

ROUNDS = 600_000
"""Rounds of PBKDF2-HMAC-SHA256 (OWASP, Password Storage Cheat Sheet): a short value is not guessed from its digest."""


_OF_BODIES = ("private-key-bytes", "random")
"""Rules that find the body of a private key too."""


class Decision(NamedTuple):
    """One entry of `security.allow_findings`: what a person has judged to be no secret, until when."""

    path: str
    rule: str
    sha256: str
    expires: str
    span: Span


class Verdict(NamedTuple):
    """The secrets that no decision allows, and the decisions that the others needed."""

    refused: tuple[Located, ...] = ()
    used: frozenset[Decision] = frozenset()
    allowed: frozenset[str] = frozenset()
    """The texts that decisions allow."""

    @property
    def found(self) -> tuple[Diagnostic, ...]:
        """What to say of them: of a private key that is a value, nothing more of the lines of its body."""
        keys = {(one.span.file, one.path) for one in self.refused if one.rule == "private-key" and one.sort == "value"}
        bodies = {one for one in self.refused if one.rule in _OF_BODIES and (one.span.file, one.path) in keys}
        return tuple(told(one) for one in self.refused if one not in bodies)

    @property
    def hidden(self) -> frozenset[str]:
        """The texts that must not be shown."""
        return frozenset(text for leak in self.refused for text in (leak.secret, leak.written))


def decisions(root: Mapping | None) -> tuple[Decision, ...]:
    """Return a platform's decisions, those whose shape is right."""
    found = []
    for item in items_at(mapping_at(root, "security"), "allow_findings"):
        path, rule, sha256, expires = (text_at(item, key) for key in ("path", "rule", "sha256", "expires"))
        if path and rule and sha256 and expires:
            found.append(Decision(path, rule, sha256, expires, item.span))
    return tuple(found)


def fingerprint(path: str, rule: str, secret: str) -> str:
    """Return the digest by which a decision knows a value: slow, and salted with where it stands and why it is told."""
    salt = f"firn.allow_findings/1\0{rule}\0{path}".encode()
    return pbkdf2_hmac("sha256", secret.encode("utf-8", "replace"), salt, ROUNDS).hex()


def judged(leaks: Iterable[Located], by: Iterable[Decision]) -> Verdict:
    """Sort secrets into those that a decision allows and those that none does."""
    rows: dict[tuple[str, str], list[Decision]] = {}
    for one in by:
        rows.setdefault((one.path, one.rule), []).append(one)
    refused: list[Located] = []
    used: set[Decision] = set()
    allowed: set[str] = set()
    for leak, path in with_paths(leaks):
        known = rows.get((path, leak.rule), ())
        digest = fingerprint(path, leak.rule, leak.secret) if known else ""
        deciding = [one for one in known if one.sha256.removeprefix("sha256:") == digest]
        if deciding:
            used.update(deciding)
            allowed |= {leak.secret, leak.written}
        else:
            refused.append(leak)
    return Verdict(tuple(refused), frozenset(used), frozenset(allowed))


def with_paths(leaks: Iterable[Located]) -> list[tuple[Located, str]]:
    """Return secrets with their paths as they may be shown: a key that is a secret itself stands in none."""
    leaks = list(leaks)
    keys = frozenset(leak.secret for leak in leaks if leak.sort == "key")
    return [(leak, concealed(dotted(leak.path), keys)) for leak in leaks]


def told(leak: Located) -> Diagnostic:
    """Say what stands where, and what to write instead; nothing of the value is said."""
    what = "this" if leak.span.file else f"the value of `--var {leak.path[-1]}`"
    message = f"{what} is {leak.kind}: it cannot be written here (rule `{leak.rule}`)"
    return finding("E604", message, leak.span.opening, _help(leak), leak.path)  # the end would tell its length


def _help(leak: Located) -> str:
    if leak.sort == "comment":
        return "delete it, from the repository's history too, and replace the secret where it is issued"
    if leak.rule.startswith("url-"):
        return "take it out of the address, and write `password: {secret_ref: NAME}` in the connector's `config`"
    if leak.sort == "value" and (help := instead_of(leak.path)):
        return f"take it out: {help}"
    if leak.sort == "value" and leak.path[:1] in _SETTINGS and leak.secret == leak.written:
        return f"write `{leak.path[-1]}: {{secret_ref: {_name(leak.path)}}}`, and give the value to the run"
    return "take it out: a connector's `config` takes it as `{secret_ref: NAME}`, and the run is given the value"


_SETTINGS = [(section,) for section in ("resources", "connectors", "storage", "catalogs", "compute", "state")]


def _name(path: Path) -> str:
    """Return a name for the secret made from the last two keys of its path."""
    words = [re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in path if isinstance(part, str)]
    name = "-".join(word for word in words[-2:] if word not in ("config", "params", "inputs", "options"))
    return name if valid_name(name) else "NAME"


def in_variables(variables: Map[str, Json]) -> list[Located]:
    """Return the secrets among the values of `--var`."""
    return in_values((("variables", name), name, str(value)) for name, value in variables.items())


def exceptions(leaks: Iterable[Located], expires: str) -> str:
    """Return entries of `security.allow_findings` for secrets that have a path; the reason is left to a person."""
    rows = {(path, one.rule, one.secret): None for one, path in with_paths(leaks) if path}
    entries = [
        f"    - path: {orjson.dumps(path).decode()}\n      rule: {rule}\n"
        f"      sha256: {fingerprint(path, rule, secret)}\n"
        f'      reason: ""\n      expires: {expires}\n'
        for path, rule, secret in rows
    ]
    return "security:\n  allow_findings:\n" + "".join(entries) if entries else ""


def in_artifact(payload: bytes, allowed: frozenset[str]) -> Iterator[Diagnostic]:
    """Report tokens of published formats in the finished payload, but for those that are allowed where they stand."""
    for rule, kind, secret in published_in(payload):
        if not any(secret in one for one in allowed):
            help = "what puts it together is in the flow or the platform: take it out there"
            yield Diagnostic("E604", f"the artifact would hold {kind} (rule `{rule}`)", help=help)


def expired(by: Iterable[Decision], today: str) -> Iterator[Diagnostic]:
    """Report decisions whose day has passed; `today` is a date of ISO 8601, or empty where nobody asks."""
    for index, one in enumerate(by):
        if today and one.expires < today:
            help = "replace the secret, or decide again: give a new reason and a new day"
            message = f"the exception for `{one.path}` has expired on {one.expires}"
            yield finding("E605", message, one.span, help, ("security", "allow_findings", index, "expires"))


def unneeded(by: Iterable[Decision], used: frozenset[Decision]) -> Iterator[Diagnostic]:
    """Report decisions for what nothing holds any more."""
    for index, one in enumerate(by):
        if one not in used:
            message = f"nothing that was compiled needs the exception for `{one.path}` under the rule `{one.rule}`"
            yield finding("W601", message, one.span, "delete it", ("security", "allow_findings", index))
