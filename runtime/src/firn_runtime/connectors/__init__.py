"""The table of connectors: which class serves which (kind, driver). A class is imported when it is first asked for."""

from importlib import import_module
from typing import Any, cast

from firn_runtime.connector import ConnectorBase
from firn_runtime.errors import ArtifactRefused
from firn_schemas.visible import listing

CONNECTORS: dict[tuple[str, str], str] = {
    ("archive", "pyzipper"): "firn_runtime.connectors.archives.zip:EncryptedArchives",
    ("archive", "tarfile"): "firn_runtime.connectors.archives.tar:TarArchives",
    ("archive", "zipfile"): "firn_runtime.connectors.archives.zip:ZipArchives",
    ("catalog", "iceberg_rest"): "firn_runtime.connectors.iceberg.connector:IcebergRest",
    ("db", "duckdb"): "firn_runtime.connectors.attached.connector:DuckDbFile",
    ("db", "mysql"): "firn_runtime.connectors.mysql.connector:MySql",
    ("db", "postgres"): "firn_runtime.connectors.postgres.connector:Postgres",
    ("db", "sqlite3"): "firn_runtime.connectors.attached.connector:Sqlite3File",
    ("files", "local"): "firn_runtime.connectors.files.local:LocalFiles",
    ("files", "workspace"): "firn_runtime.connectors.files.workspace:WorkspaceFiles",
    ("mail", "smtp"): "firn_runtime.connectors.smtp.connector:Smtp",
    ("process", "local"): "firn_runtime.connectors.process.connector:LocalPrograms",
    ("rest", "httpx"): "firn_runtime.connectors.rest.connector:RestApi",
    ("s3", "s3"): "firn_runtime.connectors.s3.connector:S3Files",
    ("sftp", "asyncssh"): "firn_runtime.connectors.sftp.connector:SftpFiles",
    ("smb", "smbprotocol"): "firn_runtime.connectors.smb.connector:SmbFiles",
}
"""Every connector, as `module:Class`."""


def connector_class(kind: str, driver: str) -> type[ConnectorBase[Any, Any]]:
    """Return the class of a connector; raise ArtifactRefused R106 for one that this runtime lacks."""
    place = CONNECTORS.get((kind, driver))
    if place is None:
        known = listing(f"{kind}/{driver}" for kind, driver in sorted(CONNECTORS))
        raise ArtifactRefused("R106", f"this runtime has no connector `{kind}/{driver}`", f"it has {known}")
    module, name = place.split(":")
    return cast(type[ConnectorBase[Any, Any]], getattr(import_module(module), name))
