"""Where secrets come from: the environment, then mounted files. All that is missing or unusable is said together."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby
from typing import NamedTuple

from firn_runtime.errors import InputsMissing
from firn_runtime.secret_sources.beneath import Vanished
from firn_runtime.secret_sources.environment import from_environment
from firn_runtime.secret_sources.fingerprint import fingerprint as fingerprint
from firn_runtime.secret_sources.fingerprint import new_salt as new_salt
from firn_runtime.secret_sources.mounted_file import MountedFiles
from firn_runtime.secret_sources.mounts import Mount as Mount
from firn_runtime.secret_sources.mounts import mounts_of as mounts_of
from firn_runtime.secret_sources.value import Found as Found
from firn_runtime.secret_sources.value import Unusable
from firn_schemas.artifact import RequiredSecret
from firn_schemas.visible import listing

Key = tuple[str, str | None]


class Problem(NamedTuple):
    """Why a secret that is there cannot be used."""

    text: str
    replaced: bool
    """Whether it was replaced while it was read."""


Outcome = Found | Problem | None


def resolve_secrets(
    wanted: Iterable[RequiredSecret],
    environ: Mapping[str, str],
    mounts: Sequence[Mount],
    *,
    allow_short: bool = False,
) -> dict[Key, Found]:
    """Return every secret by (reference, key); raise InputsMissing with all that are missing or unusable."""
    found: dict[Key, Found] = {}
    problems: list[str] = []
    code = "R201"
    for _, group in groupby(sorted(wanted, key=_order), lambda secret: secret.ref):
        for secret, outcome in _reference(tuple(group), environ, mounts, allow_short):
            if isinstance(outcome, Found):
                found[secret.ref, secret.key] = outcome
            elif outcome is None:
                problems.append(_missing(secret, mounts))
            else:
                code = "R203"
                problems.append(f"the secret `{secret.name}` cannot be used: {outcome.text}")
    if problems:
        raise InputsMissing(code, "\n  ".join(problems), "set the variable, or mount the secret as a file")
    return found


def resolve_again(
    wanted: Iterable[RequiredSecret],
    before: Mapping[Key, Found],
    environ: Mapping[str, str],
    mounts: Sequence[Mount],
    *,
    allow_short: bool = False,
) -> dict[Key, Found]:
    """Return the secrets that have another value than `before`; nothing: another login would send the same.

    The environment is a snapshot: only what came from a mount is read again. Raises InputsMissing.
    """
    mounted = [one for one in wanted if before[one.ref, one.key].source == "mount"]
    found = resolve_secrets(mounted, environ, mounts, allow_short=allow_short)
    return {key: one for key, one in found.items() if one.secret.reveal() != before[key].secret.reveal()}


def _reference(
    group: Sequence[RequiredSecret], environ: Mapping[str, str], mounts: Sequence[Mount], allow_short: bool
) -> list[tuple[RequiredSecret, Outcome]]:
    """Look up all keys of a reference; once more, and all of them, where a volume was replaced meanwhile."""
    for _ in range(2):
        with ExitStack() as opened:
            folders = [MountedFiles(mount, opened) for mount in mounts]
            outcomes = [(secret, _outcome(secret, environ, folders, allow_short)) for secret in group]
        if not any(isinstance(outcome, Problem) and outcome.replaced for _, outcome in outcomes):
            break
    return outcomes


def _outcome(
    secret: RequiredSecret, environ: Mapping[str, str], folders: Sequence[MountedFiles], allow_short: bool
) -> Outcome:
    try:
        found = from_environment(secret.variable, environ, allow_short=allow_short)
        for folder in folders:
            if found is not None:
                break
            found = folder.find(secret.ref, secret.key, allow_short=allow_short)
    except Unusable as error:
        return Problem(str(error), isinstance(error, Vanished))
    return found


def _missing(secret: RequiredSecret, mounts: Sequence[Mount]) -> str:
    used = listing(secret.used_by)
    places = [str(mount.path / place) for mount in mounts for place in mount.places(secret.ref, secret.key)]
    tried = ", ".join(dict.fromkeys([f"${secret.variable}", *places]))
    return f"the secret `{secret.name}` is missing; {used} needs it; tried: {tried}"


def _order(secret: RequiredSecret) -> tuple[str, str]:
    return secret.ref, secret.key or ""
