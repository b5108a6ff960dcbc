"""Secrets in environment variables, out of the snapshot that was taken at the start."""

from collections.abc import Mapping

from firn_runtime.secret_sources.value import Unusable, secret_of
from firn_schemas.secret import Secret


def from_environment(variable: str, environ: Mapping[str, str]) -> Secret | None:
    """Return the secret in `variable`; None where it is not set; raise Unusable."""
    text = environ.get(variable)
    if text is None:
        return None
    try:
        return secret_of(text.encode("utf-8", "surrogateescape"))
    except Unusable as error:
        raise Unusable(f"in ${variable}, {error}") from None
