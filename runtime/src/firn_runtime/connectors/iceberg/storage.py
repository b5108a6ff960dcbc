"""The stores behind the places of a table: the platform's own, or a bucket with keys that the catalog gives.

The platform's keys go to the platform's endpoint alone. What the catalog names as an endpoint is used with the keys
that it gives, over TLS, and never in a private network, unless the platform names that endpoint itself.
"""

import re
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from firn_runtime.connectors.credentials.aws_role import Around, session_name
from firn_runtime.connectors.credentials.aws_signing import AccessKey
from firn_runtime.connectors.credentials.bearer import secure
from firn_runtime.connectors.credentials.identity import Machine
from firn_runtime.connectors.credentials.issued import Issued, Kept
from firn_runtime.connectors.files.local_store import LocalStore
from firn_runtime.connectors.http.addresses import addresses, is_private, is_spelled_out
from firn_runtime.connectors.http.hosts import address
from firn_runtime.connectors.iceberg.catalog import Loaded
from firn_runtime.connectors.iceberg.places import Place, Places, plain
from firn_runtime.connectors.s3.bucket import Bucket
from firn_runtime.connectors.s3.credentials import KeySource, key_source
from firn_runtime.connectors.s3.store import BucketStore
from firn_runtime.connectors.s3.transfer import Moves
from firn_runtime.errors import ConnectorError
from firn_schemas.connectors.catalog import IcebergRestConfig, IcebergRestOptions
from firn_schemas.connectors.files import S3Config
from firn_schemas.loopback import is_loopback
from firn_schemas.secret import Secret

_MARGIN = 300.0
_REGION = re.compile(r"[a-z0-9-]+\Z")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]+\Z")
_PART = 8 * 1024 * 1024
_ID, _SECRET, _TOKEN, _END = (
    "s3.access-key-id",
    "s3.secret-access-key",
    "s3.session-token",
    "s3.session-token-expires-at-ms",
)


class Storage:
    """The places of a resource's tables. Close it."""

    def __init__(
        self, config: IcebergRestConfig, options: IcebergRestOptions, machine: Machine, flow: str, run: str
    ) -> None:
        self._config, self._options, self._machine = config, options, machine
        self._session = session_name(flow, run)
        self._context = ssl.create_default_context(cafile=config.ca_file)
        self._buckets: list[Bucket] = []
        self._own: Place | None = None

    def close(self) -> None:
        """Let go of the connections."""
        for one in self._buckets:
            one.close()

    def places(self, loaded: Loaded, again: Callable[[], Loaded]) -> Places:
        """Return where the files of a table may lie; `again` asks the catalog for other keys."""
        found = []
        if self._config.root is not None:
            root = Path(self._config.root)
            found.append(Place(f"{str(root).rstrip('/')}/", LocalStore(root)))
        if self._options.access_delegation != "none":
            found.append(self._vended(loaded, again))
        elif self._config.bucket is not None:
            found.append(self._platforms(self._config.bucket))
        return Places(found, self._options.max_concurrency)

    @property
    def _prefix(self) -> str:
        stripped = (self._config.prefix or "").strip("/")
        return f"{stripped}/" if stripped else ""

    def _platforms(self, bucket: str) -> Place:
        if self._own is None:
            region = self._config.region or "us-east-1"
            around = Around(self._machine, region, self._context, self._session)
            keys = key_source(self._config.storage_credentials, around)
            store = self._store(self._settings(bucket, {}), keys, self._prefix)
            self._own = Place(f"s3://{bucket}/{self._prefix}", store)
        return self._own

    def _vended(self, loaded: Loaded, again: Callable[[], Loaded]) -> Place:
        """Below the platform's bucket and prefix where it names them, and else below the table's own location."""
        location = plain(loaded.table.location)
        if not location.startswith("s3://"):
            raise ConnectorError("data", "the catalog gives keys for tables on S3 alone, and this table is elsewhere")
        bucket, _, key = location.removeprefix("s3://").partition("/")
        prefix = f"{key.strip('/')}/"
        if self._config.bucket is not None:
            if bucket != self._config.bucket:
                raise ConnectorError("auth", "the table lies in another bucket than the platform names")
            prefix = self._prefix
        found = _of_location(loaded, location)
        settings = self._settings(bucket, found)
        if not (_REGION.match(settings.region or "-") and _BUCKET.match(bucket)):
            raise ConnectorError("data", "the catalog names a bucket or region that is none")
        if self._config.endpoint is None and settings.endpoint:
            _refuse_endpoint(settings.endpoint, self._config.uri)
        keys = Vended(found, lambda: _of_location(again(), location), self._machine.learn)
        return Place(f"s3://{bucket}/{prefix}", self._store(settings, keys, prefix))

    def _settings(self, bucket: str, given: Mapping[str, str]) -> S3Config:
        return S3Config(
            bucket=bucket,
            region=self._config.region or given.get("s3.region") or given.get("client.region"),
            endpoint=self._config.endpoint or given.get("s3.endpoint"),
            path_style_access=self._config.path_style_access or given.get("s3.path-style-access") == "true",
        )

    def _store(self, settings: S3Config, keys: KeySource, prefix: str) -> BucketStore:
        bucket = Bucket(settings, self._options.timeout, keys, self._context)
        self._buckets.append(bucket)
        return BucketStore(Moves(bucket, _PART, self._options.max_concurrency), prefix, conditional=True)


def _of_location(loaded: Loaded, location: str) -> Mapping[str, str]:
    """Return what the catalog says of the bucket: of its credentials those whose prefix fits the location best."""
    fitting = [one for one in loaded.credentials if location.startswith(plain(str(one.get("prefix") or "s3://")))]
    best: Any = max(fitting, key=lambda one: len(plain(str(one.get("prefix") or ""))), default={})
    more = best.get("config") if isinstance(best.get("config"), dict) else {}
    return {**loaded.config, **{name: one for name, one in more.items() if isinstance(one, str)}}


def _refuse_endpoint(endpoint: str, uri: str) -> None:
    """Raise ConnectorError for an endpoint that the catalog names, and that data should not be sent to.

    A catalog on this machine may name this machine.
    """
    try:
        host = address(secure(endpoint, "s3.endpoint"))
    except ConnectorError:
        raise _refused("over TLS alone") from None
    if is_loopback(host.host) and is_loopback(urlsplit(uri).hostname or ""):
        return
    if is_spelled_out(host.host) and is_private(host.host.replace("localhost", "127.0.0.1")):
        raise _refused("where it is public alone")
    try:
        addresses(host.host, host.port, allow_private=False)
    except ConnectorError:
        raise _refused("where it is public alone") from None


def _refused(how: str) -> ConnectorError:
    help = "if that endpoint is meant, name it as the catalog's `endpoint` in the platform"
    return ConnectorError("auth", f"the catalog names an endpoint for the table's files; it is used {how}", help)


class Vended:
    """Keys that a catalog gives for a table, asked for again before they end."""

    def __init__(
        self, first: Mapping[str, str], again: Callable[[], Mapping[str, str]], learn: Callable[[Secret], None]
    ) -> None:
        self._first: Mapping[str, str] | None = first
        self._again = again
        self._keys: Kept[AccessKey] = Kept(self._issue, learn, _MARGIN)

    def __call__(self) -> AccessKey:
        """Return the keys of now; raise ConnectorError where the catalog gives none."""
        return self._keys()

    def renew(self, refused: AccessKey, code: str) -> bool:
        """Give up keys that have ended."""
        ended = code in ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired")
        if ended:
            self._keys.give_up(lambda kept: kept is refused)
        return ended

    def _issue(self) -> Issued[AccessKey]:
        found, self._first = self._first or self._again(), None
        said = [found.get(name, "") for name in (_ID, _SECRET)]
        if not all(one and one.isascii() and one.isprintable() for one in (*said, found.get(_TOKEN) or "none")):
            help = "check what the catalog's role may do; or `access_delegation: none`, with the platform's own keys"
            raise ConnectorError("auth", "the catalog gives no keys for the table's files", help)
        token = Secret(found[_TOKEN]) if found.get(_TOKEN) else None
        key = AccessKey(found[_ID], Secret(found[_SECRET]), token)
        end = found.get(_END, "")
        seconds = max(int(end) / 1000 - time.time(), 0.0) if end.isdecimal() and len(end) < 20 else float("inf")
        return Issued(key, seconds, [one for one in (key.secret, token) if one is not None])
