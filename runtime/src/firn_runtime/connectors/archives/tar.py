"""Tar archives, compressed or not: the driver `tarfile`."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import IO, Any

from firn_runtime.connectors.archives.base import Archives, Found, Source, content
from firn_runtime.connectors.archives.meter import Meter
from firn_runtime.connectors.archives.streams import Reader, blocks, zstd
from firn_runtime.connectors.archives.tar_headers import members
from firn_runtime.errors import ConnectorError
from firn_schemas.connectors.archive import TAR_ENDINGS
from firn_schemas.visible import listing

_WHEN = 315532800
"""1980-01-01 in seconds, the same as in a ZIP archive."""


class TarArchives(Archives):
    """Tar archives; how one is compressed is seen in its first bytes."""

    def members(self, file: IO[bytes], meter: Meter) -> Generator[Found]:
        """Yield the members in their order."""
        with closing(blocks(file, meter)) as found:
            reader = Reader(found)
            for one in members(reader, meter):
                meter.content(one.size)
                yield Found(one.name, one.folder, reader.pieces(one.size))

    def write(self, file: IO[bytes], path: str, sources: Sequence[Source], compression: str | None) -> None:
        """Write the files as members, in the order of their names, with POSIX's headers."""
        import tarfile

        packing = _PACKING.get(compression or _by_ending(path))
        if packing is None:
            help = "`stored`, `gzip`, `bzip2`, `xz` and `zstd` can be"
            raise ConnectorError("data", f"a tar archive is not compressed with `{compression}`", help)
        with packing(file) as packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as made:
            for source in sources:
                info = tarfile.TarInfo(source.name)
                info.size, info.mtime = source.size, _WHEN
                blocks = content(source)
                made.addfile(info, _Readable(blocks))
                next(blocks, None)  # the last look at the file comes after its last byte


def _by_ending(path: str) -> str:
    found = next((name for ending, name in TAR_ENDINGS.items() if path.lower().endswith(ending)), None)
    if found is None:
        help = "end it with " + listing(TAR_ENDINGS) + ", or give `compression`"
        raise ConnectorError("data", f"the ending of `{path}` does not say how it is compressed", help)
    return found


class _Readable:
    """Bytes that come in blocks, as a file that is read from its beginning to its end."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._reader = Reader(blocks)

    def read(self, count: int = 0, /) -> bytes:
        """Return so many bytes."""
        return self._reader.take(count)


class _Plain:
    """A file that something else closes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __enter__(self) -> IO[bytes]:
        return self._file

    def __exit__(self, *_: object) -> None:
        pass


def _gzip(file: IO[bytes]) -> Any:
    from gzip import GzipFile

    return GzipFile("", "wb", 6, file, mtime=0)


def _bzip2(file: IO[bytes]) -> Any:
    from bz2 import BZ2File

    return BZ2File(file, "wb")


def _xz(file: IO[bytes]) -> Any:
    from lzma import LZMAFile

    return LZMAFile(file, "wb")


def _zstd(file: IO[bytes]) -> Any:
    library = zstd()
    return library.ZstdFile(file, "wb", options={library.CompressionParameter.checksum_flag: 1})


_PACKING: dict[str, Callable[[IO[bytes]], Any]] = {
    "bzip2": _bzip2,
    "gzip": _gzip,
    "stored": _Plain,
    "xz": _xz,
    "zstd": _zstd,
}
