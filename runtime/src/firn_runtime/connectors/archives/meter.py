"""What an archive may unpack to: counted as it is read, whatever its headers say."""

from firn_runtime.connectors.archives.bad import BadArchive
from firn_schemas.connectors.archive import ArchiveOptions

_FREE = 1024 * 1024
"""Bytes that are never too many for what they are packed in: small files of one repeated line are no attack."""


class Meter:
    """Counts the members and bytes of one archive against the connector's options."""

    def __init__(self, options: ArchiveOptions, packed: int) -> None:
        self.options = options
        self._packed = packed
        self._members = self._content = self._unpacked = 0

    def member(self, count: int = 1) -> None:
        """Count members."""
        self._members += count
        if self._members > self.options.max_files:
            raise BadArchive(f"it has more than {self.options.max_files:,} members", "raise the option `max_files`")

    def content(self, count: int) -> None:
        """Count bytes that members hold, or say that they do."""
        self._content += count
        if self._content > self.options.max_bytes:
            raise BadArchive(
                f"it unpacks to more than {self.options.max_bytes:,} bytes", "raise the option `max_bytes`"
            )

    def unpacked(self, count: int) -> None:
        """Count bytes that come of all packed ones."""
        self._unpacked += count
        self.ratio(self._packed, self._unpacked)

    def ratio(self, packed: int, unpacked: int) -> None:
        """Compare what is packed with what comes of it."""
        if unpacked > _FREE + packed * self.options.max_ratio:
            raise BadArchive(
                f"it unpacks to more than {self.options.max_ratio:g} times its size", "raise the option `max_ratio`"
            )
