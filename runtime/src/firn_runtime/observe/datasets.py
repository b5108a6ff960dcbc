"""Datasets outside a flow by the names under which lineage knows them.

Names follow OpenLineage's naming conventions (openlineage.io/docs/spec/naming) where these know the system; where they
do not, the namespace is the system's address and the name the place in it. No user, password or query is part of one.
"""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit


class Dataset(NamedTuple):
    """A table, file, object or path of an API."""

    namespace: str
    name: str


class System(NamedTuple):
    """A resource, as far as it is named; settings whose values are not known are absent."""

    kind: str
    driver: str
    settings: Mapping[str, str]


def dataset(system: System, place: str) -> Dataset | None:
    """Return the dataset at a place of a system; None where its name is not known."""
    named = _NAMED.get((system.kind, system.driver))
    try:
        return named(system.settings, place) if named else None
    except (KeyError, ValueError):
        return None


Settings = Mapping[str, str]


def _postgres(settings: Settings, place: str) -> Dataset:
    table = place if "." in place else f"{settings.get('schema') or 'public'}.{place}"
    return Dataset(f"postgres://{_host(settings['host'], settings['port'])}", f"{settings['database']}.{table}")


def _mysql(settings: Settings, place: str) -> Dataset:
    table = place if "." in place else f"{settings['database']}.{place}"
    return Dataset(f"mysql://{_host(settings['host'], settings['port'])}", table)


def _database_file(scheme: str) -> Callable[[Settings, str], Dataset | None]:
    def named(settings: Settings, place: str) -> Dataset | None:
        path = settings["path"]
        return None if path == ":memory:" else Dataset(f"{scheme}://{path}", place if "." in place else f"main.{place}")

    return named


def _file(settings: Settings, place: str) -> Dataset:
    return Dataset("file", _below(settings["root"], place))


def _object(settings: Settings, place: str) -> Dataset:
    return Dataset(f"s3://{settings['bucket']}", _below(settings.get("prefix", ""), place).lstrip("/"))


def _sftp(settings: Settings, place: str) -> Dataset:
    return Dataset(f"sftp://{_host(settings['host'], settings['port'])}", _below(settings["root"], place))


def _smb(settings: Settings, place: str) -> Dataset:
    path = _below(settings["root"], place).lstrip("/")
    return Dataset(f"smb://{_host(settings['server'], settings['port'])}/{settings['share']}", path)


def _api(settings: Settings, place: str) -> Dataset:
    parts = urlsplit(settings["base_url"])
    host = _host(parts.hostname or "", str(parts.port or ""))
    return Dataset(f"{parts.scheme}://{host}", _below(parts.path or "/", place.partition("?")[0].lstrip("/")))


def _catalog(settings: Settings, place: str) -> Dataset:
    parts = urlsplit(settings["uri"])
    table = place if "." in place else f"{settings['namespace']}.{place}"
    return Dataset(f"iceberg://{_host(parts.hostname or '', str(parts.port or ''))}/{settings['warehouse']}", table)


def _host(host: str, port: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown


def _below(root: str, place: str) -> str:
    return str(PurePosixPath(root) / place)


_NAMED: Mapping[tuple[str, str], Callable[[Settings, str], Dataset | None]] = {
    ("catalog", "iceberg_rest"): _catalog,
    ("db", "duckdb"): _database_file("duckdb"),
    ("db", "mysql"): _mysql,
    ("db", "postgres"): _postgres,
    ("db", "sqlite3"): _database_file("sqlite"),
    ("files", "local"): _file,
    ("rest", "httpx"): _api,
    ("s3", "s3"): _object,
    ("sftp", "asyncssh"): _sftp,
    ("smb", "smbprotocol"): _smb,
}
SETTINGS = (
    *("base_url", "bucket", "database", "host", "namespace", "path", "port", "prefix", "root", "schema", "server"),
    *("share", "uri", "warehouse"),
)
"""The settings that names are made of; none of them is a secret."""
