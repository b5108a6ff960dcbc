"""ZIP archives: the drivers `zipfile`, and `pyzipper` for those that are encrypted with AES."""

from collections.abc import Generator, Iterator, Sequence
from importlib.util import find_spec
from typing import IO, Any

from firn_runtime.connectors.archives.base import Archives, Found, Source, content
from firn_runtime.connectors.archives.meter import Meter
from firn_runtime.connectors.archives.zip_data import Hidden, no_password, unpacked
from firn_runtime.connectors.archives.zip_directory import Entry, directory
from firn_runtime.errors import ConnectorError, lacking

_METHODS = {None: 8, "deflate": 8, "stored": 0}
"""What a flow calls the methods of ZIP (APPNOTE 4.4.5)."""
_WHEN = (1980, 1, 1, 0, 0, 0)
"""The first time that ZIP knows, for every member."""
_MODE = 0o100644
_UNIX = 3


class ZipArchives(Archives):
    """ZIP archives without encryption."""

    def members(self, file: IO[bytes], meter: Meter) -> Generator[Found]:
        """Yield the members in the order of the directory."""
        number = file.fileno()
        for entry in directory(number, meter):
            yield Found(entry.name, entry.folder, unpacked(number, entry, self.opened))

    def write(self, file: IO[bytes], path: str, sources: Sequence[Source], compression: str | None) -> None:
        """Write the files as members, in the order of their names."""
        del path
        if compression not in _METHODS:
            help = "`deflate` and `stored` can be; `tarfile` writes the others"
            raise ConnectorError("data", f"a ZIP archive is not compressed with `{compression}` here", help)
        with self.new(file, _METHODS[compression]) as made:
            for source in sources:
                _add(made, source)

    def opened(self, entry: Entry, data: Iterator[bytes]) -> Hidden:
        """Refuse an encrypted member."""
        return no_password(entry, data)

    def new(self, file: IO[bytes], method: int) -> Any:
        """Return an empty archive."""
        from zipfile import ZipFile

        return ZipFile(file, "w", method)


class EncryptedArchives(ZipArchives):
    """ZIP archives whose members are encrypted with AES; those that are not can be read too."""

    def connect(self) -> None:
        """Refuse a folder that is not there; without the library nothing goes."""
        super().connect()
        if find_spec("pyzipper") is None:
            raise lacking("this connector needs pyzipper", "archive")

    def opened(self, entry: Entry, data: Iterator[bytes]) -> Hidden:
        """Decrypt a member."""
        from firn_runtime.connectors.archives.aes import opened

        return opened(entry, data, self.config.password)

    def new(self, file: IO[bytes], method: int) -> Any:
        """Return an empty archive whose members will be encrypted."""
        from firn_runtime.connectors.archives.aes import new_archive

        if self.config.password is None:
            help = "set it, or use the driver `zipfile` for archives that anyone may read"
            raise ConnectorError("auth", "an encrypted archive needs the connector's `password`", help)
        return new_archive(file, method, self.config.password)


def _add(made: Any, source: Source) -> None:
    info = made.zipinfo_cls(source.name, _WHEN) if hasattr(made, "zipinfo_cls") else _info(source.name)
    info.compress_type, info.file_size = made.compression, source.size
    info.create_system, info.external_attr = _UNIX, _MODE << 16
    with made.open(info, "w") as sink:
        for block in content(source):
            sink.write(block)


def _info(name: str) -> Any:
    from zipfile import ZipInfo

    return ZipInfo(name, _WHEN)
