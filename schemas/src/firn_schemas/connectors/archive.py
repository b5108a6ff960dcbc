"""Archives: `archive`."""

from firn_schemas.base import doc, record
from firn_schemas.connectors import Connector
from firn_schemas.secret import Secret


@record
class ArchiveConfig:
    """A folder in which archives are made and opened."""

    root: str | None = doc(
        "Nothing outside this folder is read or written; absent: the run's own folder of files.",
        default=None,
        local_path=True,
        endpoint=True,
    )


@record
class EncryptedArchiveConfig:
    """A folder in which encrypted archives are made and opened."""

    root: str | None = doc(
        "Nothing outside this folder is read or written; absent: the run's own folder of files.",
        default=None,
        local_path=True,
        endpoint=True,
    )
    password: Secret | None = doc("Password of the archives.", default=None)


@record
class ArchiveOptions:
    """What an archive from outside may hold."""

    max_files: int = doc("Members of one archive, at most.", default=10_000, minimum=1)
    max_bytes: int = doc("Bytes that one archive may unpack to.", default=10 * 1024**3, minimum=1)
    max_ratio: float = doc("Unpacked bytes for each packed one, at most.", default=100, minimum=1)


TAR_ENDINGS = {
    ".tar": "stored",
    ".tar.bz2": "bzip2",
    ".tar.gz": "gzip",
    ".tar.xz": "xz",
    ".tar.zst": "zstd",
    ".tbz2": "bzip2",
    ".tgz": "gzip",
    ".txz": "xz",
    ".tzst": "zstd",
}
"""Endings of tar archives, and how one is compressed by them."""
COMPRESSIONS = {
    "pyzipper": ("deflate", "stored"),
    "tarfile": ("stored", "gzip", "bzip2", "xz", "zstd"),
    "zipfile": ("deflate", "stored"),
}
"""How each driver can compress."""

ROWS = {
    ("archive", driver): Connector(config=config, options=ArchiveOptions)
    for driver, config in (
        ("pyzipper", EncryptedArchiveConfig),
        ("tarfile", ArchiveConfig),
        ("zipfile", ArchiveConfig),
    )
}
