"""A short mark of a secret's value by which a rotation is seen; it tells nothing to who has not the run's salt."""

import os

from firn_schemas.secret import Secret

SALT_BYTES = 32


def new_salt() -> bytes:
    """Return a salt for one run; it is kept in memory only, so that no two runs' marks can be compared."""
    return os.urandom(SALT_BYTES)


def fingerprint(secret: Secret, salt: bytes) -> str:
    """Return the first 8 hexadecimal digits of HMAC-SHA256 of the value under the salt."""
    import hmac

    return hmac.digest(salt, secret.reveal().encode(), "sha256").hex()[:8]
