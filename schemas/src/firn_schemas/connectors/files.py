"""Places that hold files: `files`, `s3`, `sftp`, `smb`."""

from typing import Any, Literal

from firn_schemas.base import doc, record
from firn_schemas.connectors import Connector
from firn_schemas.credentials import Credentials
from firn_schemas.form import BUCKET, HOST, REGION, Form
from firn_schemas.secret import Secret

Compression = Literal["auto", "none", "gzip", "zstd"]
_MOST = "Bytes that one step may fetch; more are refused."
_ALLOWED = 10 * 1024**3
SERVER = Form(r"[^\x00-\x20\\/]+", r"must be a host name or address alone, without `\\`")
SHARE = Form(r'[^\x00-\x1f\\/:*?"<>|+\[\];,=]{1,80}', r"must be a share's name alone, without `\\`")
"""MS-SRVS, section 2.2.2.4, and a name's length there."""
SSH_USER = Form(r"[^\s\-\0-\x1f\x7f][^\0-\x1f\x7f]*", "must be the name of a user: it begins with no `-`")
FINGERPRINT = Form(
    r"\s*(?i:sha256):[A-Za-z0-9+/]{43}=*\s*",
    "must be `SHA256:` and 43 characters, as `ssh-keygen -lf KEY.pub` shows it",
)


@record
class LocalFilesConfig:
    """A folder of files."""

    root: str = doc(
        "The folder; nothing outside it is read or written.", examples=["data"], local_path=True, endpoint=True
    )


@record
class LocalFilesOptions:
    """How the files are read and written."""

    compression: Compression = doc("How text files are compressed; `auto` goes by the file's ending.", default="auto")


@record
class WorkspaceFilesConfig:
    """The run's own folder of files."""


@record
class S3Config:
    """A bucket of Amazon S3 or of a service that speaks its protocol."""

    bucket: str = doc("The bucket.", examples=["iceberg-data"], endpoint=True, form=BUCKET)
    prefix: str | None = doc("Nothing outside this prefix is read or written.", default=None, endpoint=True)
    region: str | None = doc(
        "The bucket's region.", default=None, examples=["eu-central-1"], endpoint=True, form=REGION
    )
    endpoint: str | None = doc(
        "URL of another service; absent or empty: AWS.",
        default=None,
        aliases=["endpoint_url"],
        endpoint=True,
    )
    path_style_access: bool = doc("Name the bucket in the path, not in the host.", default=False, endpoint=True)
    ca_file: str | None = doc(
        "File of the authorities to trust; absent: the system's.", default=None, local_path=True, endpoint=True
    )
    credentials: Credentials | None = doc("As whom; absent: the ambient role.", default=None)


@record
class S3Options:
    """How objects are moved."""

    part_size: int = doc("Bytes in a part of a multipart upload.", default=8 * 1024 * 1024, minimum=5 * 1024 * 1024)
    max_concurrency: int = doc("Requests at the same time.", default=8, minimum=1, maximum=256)
    timeout: float = doc("Seconds of silence after which a request has failed.", default=60, minimum=1)
    max_bytes: int = doc(_MOST, default=10 * _ALLOWED, minimum=1)
    compression: Compression = doc("How text files are compressed; `auto` goes by the key's ending.", default="auto")
    conditional_writes: bool = doc(
        "Refuse to write over, or to delete, what another has changed meanwhile.", default=True
    )


@record
class SftpConfig:
    """A folder on an SFTP server."""

    host: str = doc("Host name or address.", endpoint=True, form=HOST)
    port: int = doc("TCP port.", default=22, minimum=1, maximum=65535, endpoint=True)
    user: str = doc("As whom to connect.", aliases=["username"], endpoint=True, form=SSH_USER)
    password: Secret | None = doc("The user's password.", default=None)
    private_key: Secret | None = doc("The user's private key, in OpenSSH or PEM form.", default=None)
    known_hosts: str | None = doc(
        "The host keys to trust: lines as in OpenSSH's `known_hosts`, or a file of them, from the run's base folder.",
        default=None,
        endpoint=True,
    )
    host_key_fingerprint: str | None = doc(
        "Or the fingerprint of the one host key to trust.",
        default=None,
        endpoint=True,
        examples=["SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"],
        form=FINGERPRINT,
    )
    root: str = doc("Nothing outside this folder is read or written.", default="/", endpoint=True)


@record
class SftpOptions:
    """How files are moved."""

    timeout: float = doc(
        "Seconds of silence after which a request has failed.", default=60, aliases=["timeout_seconds"], minimum=1
    )
    max_concurrency: int = doc("Files at the same time.", default=4, minimum=1, maximum=64)
    max_files: int = doc("Names in a listing; more are refused.", default=100_000, minimum=1)
    max_bytes: int = doc(_MOST, default=_ALLOWED, minimum=1)
    compression: Compression = doc("How text files are compressed; `auto` goes by the file's ending.", default="auto")


@record
class SmbConfig:
    """A share of an SMB server."""

    server: str = doc("Host name or address.", endpoint=True, form=SERVER)
    share: str = doc("The share.", endpoint=True, form=SHARE)
    port: int = doc("TCP port.", default=445, minimum=1, maximum=65535, endpoint=True)
    user: str = doc("As whom to connect.", aliases=["username"], endpoint=True)
    password: Secret = doc("The user's password.")
    domain: str | None = doc("The user's domain.", default=None, endpoint=True)
    root: str = doc("Nothing outside this folder is read or written.", default="/", endpoint=True)


@record
class SmbOptions:
    """How files are moved."""

    timeout: float = doc("Seconds for one answer of the server.", default=60, aliases=["timeout_seconds"], minimum=1)
    max_concurrency: int = doc(
        "Files at the same time, each in a session of its own.", default=4, minimum=1, maximum=64
    )
    encrypt: bool = doc("Refuse a session that is not encrypted.", default=True, endpoint=True)
    max_bytes: int = doc(_MOST, default=_ALLOWED, minimum=1)
    compression: Compression = doc("How text files are compressed; `auto` goes by the file's ending.", default="auto")


FILES: Any = {
    "readable": True,
    "writable": True,
    "files": True,
    "places": ("path",),
    "modes": ("replace", "append", "insert_overwrite"),
}
REMOTE = FILES | {"modes": ("replace", "append")}
ROWS = {
    ("files", "local"): Connector(config=LocalFilesConfig, options=LocalFilesOptions, **FILES),
    ("files", "workspace"): Connector(config=WorkspaceFilesConfig, options=LocalFilesOptions, **FILES),
    ("s3", "s3"): Connector(config=S3Config, options=S3Options, **FILES),
    ("sftp", "asyncssh"): Connector(
        config=SftpConfig, options=SftpOptions, exactly_one=("known_hosts", "host_key_fingerprint"), **REMOTE
    ),
    ("smb", "smbprotocol"): Connector(config=SmbConfig, options=SmbOptions, **REMOTE),
}
