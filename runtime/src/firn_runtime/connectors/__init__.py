"""The table of connectors: which class serves which (kind, driver). A class is imported when it is first asked for."""

from importlib import import_module
from typing import Any, cast

from firn_runtime.connector import ConnectorBase
from firn_runtime.errors import ArtifactRefused
from firn_schemas.visible import listing

CONNECTORS: dict[tuple[str, str], str] = {
    ("archive", "pyzipper"): "firn_runtime.connectors.archive_zip:EncryptedArchives",
    ("archive", "tarfile"): "firn_runtime.connectors.archive_tar:TarArchives",
    ("archive", "zipfile"): "firn_runtime.connectors.archive_zip:ZipArchives",
    ("catalog", "iceberg_rest"): "firn_runtime.connectors.iceberg_rest:IcebergRest",
    ("db", "duckdb"): "firn_runtime.connectors.database:DuckDbFile",
    ("db", "mysql"): "firn_runtime.connectors.mysql:MySql",
    ("db", "postgres"): "firn_runtime.connectors.postgres:Postgres",
    ("db", "sqlite3"): "firn_runtime.connectors.database:Sqlite3File",
    ("files", "local"): "firn_runtime.connectors.files_local:LocalFiles",
    ("files", "workspace"): "firn_runtime.connectors.files_workspace:WorkspaceFiles",
    ("mail", "smtp"): "firn_runtime.connectors.smtp:Smtp",
    ("process", "local"): "firn_runtime.connectors.process_local:LocalPrograms",
    ("rest", "httpx"): "firn_runtime.connectors.rest_httpx:RestApi",
    ("s3", "s3"): "firn_runtime.connectors.s3_files:S3Files",
    ("sftp", "asyncssh"): "firn_runtime.connectors.sftp_asyncssh:SftpFiles",
    ("smb", "smbprotocol"): "firn_runtime.connectors.smb_smbprotocol:SmbFiles",
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
