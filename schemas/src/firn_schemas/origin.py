"""Where a row of a table comes from, if not from Firn itself."""

from typing import NamedTuple


class Origin(NamedTuple):
    """A plug-in: an installed distribution."""

    name: str
    version: str
    sha256: str | None = None
    """Digest over its files, see firn_schemas.installed_files; None where it is not known."""
