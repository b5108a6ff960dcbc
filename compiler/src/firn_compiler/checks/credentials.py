"""Credentials: whether a connector can be used in their mode, and whether what they say fits together."""

import re
from collections.abc import Iterable, Iterator
from typing import get_args

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Mapping, Path, Span, mapping_at, text_at
from firn_compiler.model.project import Flow, Platform
from firn_compiler.stages.settle import resources
from firn_schemas.credentials import Credentials
from firn_schemas.decode import tag

TAKES: dict[str, dict[str, tuple[tuple[str, ...], ...]]] = {
    "catalog": {"static": (("token",),), "oauth2": ((),)},
    "rest": {"static": (("token",), ("user", "password")), "oauth2": (("token_url",),), "service_account": ((),)},
    "s3": {"static": (("access_key_id", "secret_access_key"),), "iam_role": ((),)},
}
"""The modes that a kind of connectors takes; it needs all keys of one of a mode's sets. Of others, nothing is known."""

MODES: dict[str, type] = {found[1]: one for one in get_args(Credentials) if (found := tag(one))}
"""The records by their modes."""
_REASONS = {
    ("catalog", "iam_role"): "its requests are not signed with AWS's keys",
    ("rest", "iam_role"): "its requests are not signed with AWS's keys",
    ("s3", "oauth2"): "its requests are signed with keys, and carry no bearer token",
    ("s3", "service_account"): "its requests are signed with keys, and carry no bearer token",
}
_BESIDE = {"s3": ("session_token",)}
"""Keys of `static` that a kind takes beside those that it needs."""
_FOREIGN = {"azure": ("account",), "gcp": ("tenant_id", "client_id")}
"""Keys of `service_account` that mean nothing to a provider."""


def credentials(flow: Flow, platform: Platform | None) -> Iterator[Diagnostic]:
    """Report credentials that could not be used, of the resources that the flow uses, after the merge."""
    for name, settled in resources(flow, platform):
        found = mapping_at(settled.config, "credentials")
        mode = text_at(found, "mode")
        if found is not None and mode in MODES:
            path: Path = ("resources", name, "config", "credentials")
            for one in (*_taken(settled.kind, mode, found, path), *_fitting(mode, found, path)):
                yield one.or_at(settled.place)


def _taken(kind: str, mode: str, found: Mapping, path: Path) -> Iterator[Diagnostic]:
    modes = TAKES.get(kind)
    if modes is None:
        return
    if mode not in modes:
        reason = _REASONS.get((kind, mode))
        message = f"`{kind}` cannot be used with `mode: {mode}`" + (f": {reason}" if reason else "")
        *others, last = (f"`{one}`" for one in modes)
        help = f"it takes {', '.join(others)} or {last}"
        yield finding("E320", message, _span(found, "mode"), help, (*path, "mode"))
        return
    needs = modes[mode]
    used = next((keys for keys in needs if found.entries.keys() >= set(keys)), None)
    if used is None:
        wanted = ", or ".join(_and(keys) for keys in needs)
        message = f"`{kind}` with `mode: {mode}` needs {wanted}"
        yield finding("E320", message, _span(found, "mode"), "add what is missing", path)
    elif mode == "static":
        known = {"mode", *used, *_BESIDE.get(kind, ())}
        for key in (one for one in found.entries if one not in known):
            message = f"`{kind}` does not use `{key}` beside {_and(used)}"
            yield finding("E320", message, _span(found, key), "remove what is not meant", (*path, key))


def _and(keys: Iterable[str]) -> str:
    return " and ".join(f"`{key}`" for key in keys)


def _fitting(mode: str, found: Mapping, path: Path) -> Iterator[Diagnostic]:
    if mode == "service_account":
        yield from _of_provider(text_at(found, "provider"), found, path)
    yield from _in_the_clear(found, path)
    assumed = "role_arn" in found.entries and "web_identity_token_file" not in found.entries
    if mode == "iam_role" and "external_id" in found.entries and not assumed:
        message = "`external_id` is asked for only where a role is assumed with the ambient one's keys"
        help = "name that role in `role_arn`, without `web_identity_token_file`, or leave `external_id` out"
        yield finding("E320", message, _span(found, "external_id"), help, (*path, "external_id"))


def _in_the_clear(found: Mapping, path: Path) -> Iterator[Diagnostic]:
    """Report a secret that would be sent without TLS to another machine."""
    from firn_schemas.loopback import is_loopback  # few flows have credentials

    parts = re.match(r"http://(?P<host>\[[^\]]*\]|[^/?#:]*)", text_at(found, "token_url") or "", re.IGNORECASE)
    if parts is not None and not is_loopback(parts["host"].strip("[]").lower()):
        message = "`token_url` must begin with `https://`: the client's secret is sent there"
        yield finding("E320", message, _span(found, "token_url"), "write `https://`", (*path, "token_url"))


def _of_provider(provider: str | None, found: Mapping, path: Path) -> Iterator[Diagnostic]:
    for key in _FOREIGN.get(provider or "", ()):
        if key in found.entries:
            message = f"`{key}` means nothing to `provider: {provider}`"
            yield finding("E320", message, _span(found, key), "remove it, or correct `provider`", (*path, key))
    if provider == "azure" and "scope" not in found.entries:
        help = "such as `scope: https://storage.azure.com/.default`"
        yield finding("E320", "`provider: azure` needs `scope`", _span(found, "provider"), help, path)


def _span(found: Mapping, key: str) -> Span:
    return found.keys.get(key) or found.span
