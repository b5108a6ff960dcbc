"""Secrets in environment variables, out of the snapshot that was taken at the start."""

from collections.abc import Mapping

from firn_runtime.secret_sources.value import Found, Unusable, secret_of


def from_environment(variable: str, environ: Mapping[str, str], *, allow_short: bool = False) -> Found | None:
    """Return the secret in `variable`; None where it is not set; raise Unusable."""
    text = environ.get(variable)
    if text is None:
        return None
    try:
        secret = secret_of(text.encode("utf-8", "surrogateescape"), allow_short=allow_short)
    except Unusable as error:
        raise Unusable(f"${variable} {error}") from None
    return Found(secret, "environment", variable)
