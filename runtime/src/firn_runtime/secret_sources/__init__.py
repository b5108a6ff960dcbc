"""Where secrets come from: the environment first, then mounted files. All that is missing is said together."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from firn_runtime.errors import InputsMissing
from firn_runtime.secret_sources.environment import from_environment
from firn_runtime.secret_sources.mounted_file import from_mount
from firn_runtime.secret_sources.value import Unusable
from firn_schemas.artifact import RequiredSecret
from firn_schemas.secret import Secret

Key = tuple[str, str | None]


def resolve_secrets(
    wanted: Iterable[RequiredSecret], environ: Mapping[str, str], mounts: Iterable[Path]
) -> dict[Key, Secret]:
    """Return every secret by (reference, key); raise InputsMissing with all that are missing or unusable."""
    mounts = tuple(mounts)
    found: dict[Key, Secret] = {}
    problems: list[str] = []
    code = "R201"
    for secret in wanted:
        name = secret.ref if secret.key is None else f"{secret.ref}/{secret.key}"
        try:
            value = _first(secret, environ, mounts)
        except Unusable as error:
            code = "R203"
            problems.append(f"the secret `{name}` cannot be used: {error}")
            continue
        if value is None:
            used = ", ".join(f"`{path}`" for path in secret.used_by)
            tried = ", ".join([f"${secret.variable}", *(str(_place(mount, secret)) for mount in mounts)])
            problems.append(f"the secret `{name}` is missing; {used} needs it; tried: {tried}")
        else:
            found[secret.ref, secret.key] = value
    if problems:
        help = "set the variable, or mount the secret as a file"
        raise InputsMissing(code, "\n  ".join(problems), help)
    return found


def _first(secret: RequiredSecret, environ: Mapping[str, str], mounts: tuple[Path, ...]) -> Secret | None:
    value = from_environment(secret.variable, environ)
    for mount in mounts:
        if value is not None:
            break
        value = from_mount(mount, secret.ref, secret.key)
    return value


def _place(mount: Path, secret: RequiredSecret) -> Path:
    return mount / secret.ref / secret.key if secret.key else mount / secret.ref
