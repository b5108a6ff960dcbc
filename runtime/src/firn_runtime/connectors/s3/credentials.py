"""As whom a bucket is used: keys that are named, or those of a role, kept fresh."""

import time
from collections.abc import Callable
from typing import Protocol

from firn_runtime.connectors.credentials.aws_role import Around, role_keys
from firn_runtime.connectors.credentials.aws_signing import AccessKey
from firn_runtime.connectors.credentials.issued import Kept
from firn_runtime.errors import ConnectorError
from firn_schemas.credentials import Credentials, IamRoleCredentials, StaticCredentials

_MARGIN = 300.0
"""Seconds before their end that keys are renewed: a machine has new ones from then on."""
_ENDED = frozenset(["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"])
"""Codes by which a service says that keys have ended."""


class KeySource(Protocol):
    """Returns the keys of now. May be called from several threads."""

    def __call__(self) -> AccessKey:
        """Raise ConnectorError where there are none."""
        ...

    def renew(self, refused: AccessKey, code: str) -> bool:
        """Give up keys where a refusal's code says that they have ended; say whether others may be had."""
        ...


def key_source(
    credentials: Credentials | None, around: Around, clock: Callable[[], float] = time.monotonic
) -> KeySource:
    """Return where keys come from; raise ConnectorError for credentials that a bucket cannot be used by."""
    if isinstance(credentials, StaticCredentials):
        return _Named(credentials)
    wanted = credentials or IamRoleCredentials(mode="iam_role")
    if not isinstance(wanted, IamRoleCredentials):
        raise ConnectorError("auth", "S3 takes credentials with `mode: static` or `mode: iam_role`")
    return _OfRole(wanted, around, clock)


class _Named:
    def __init__(self, found: StaticCredentials) -> None:
        if found.access_key_id is None or found.secret_access_key is None:
            raise ConnectorError("auth", "the credentials lack `access_key_id` or `secret_access_key`")
        self._key = AccessKey(found.access_key_id.reveal(), found.secret_access_key, found.session_token)

    def __call__(self) -> AccessKey:
        return self._key

    def renew(self, refused: AccessKey, code: str) -> bool:
        del refused, code
        return False


class _OfRole:
    def __init__(self, wanted: IamRoleCredentials, around: Around, clock: Callable[[], float]) -> None:
        self._keys = Kept(lambda: role_keys(wanted, around), around.machine.learn, _MARGIN, clock)

    def __call__(self) -> AccessKey:
        return self._keys()

    def renew(self, refused: AccessKey, code: str) -> bool:
        if code in _ENDED:
            self._keys.give_up(lambda kept: kept is refused)
        return code in _ENDED
