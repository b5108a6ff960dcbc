"""Names of an archive's members: an outsider chose them, and they shall be files below one folder, on any machine."""

import re
from unicodedata import normalize

from firn_runtime.connectors.archives.bad import BadArchive, member

_REFUSED = (
    (re.compile(r"[\x00-\x1f\x7f-\x9f]"), "has a control character in its name"),
    (re.compile(r"\\"), "has a backslash in its name"),
    (re.compile(r"\A[A-Za-z]:"), "begins with a drive"),
    (re.compile(r"\A/"), "has an absolute path"),
    (re.compile(r"(?:\A|/)\.{0,2}(?:/|\Z)"), "has an empty part, `.` or `..` in its name"),
)
_PART, _NAME, _DEPTH = 255, 1024, 32
"""Bytes of one part of a name, bytes of all of it, and the number of its parts, at most."""
_ORDINARY = re.compile(r"(?:[\w-][\w.-]{0,63}/){0,7}[\w-][\w.-]{0,63}", re.ASCII)
"""What most names are, and what none of these rules is against."""


class Names:
    """Names that come together. No two are the same file where upper and lower case are, or composed letters.

    `twice` says of a member that it is there already.
    """

    def __init__(self, max_folders: int, twice: str = "is there twice") -> None:
        self._max_folders, self._twice = max_folders, twice
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def add(self, name: str) -> None:
        """Take the name of a file; raise BadArchive where it may not be one."""
        key = _key(name)
        if key in self._files or key in self._folders:
            raise BadArchive(f"{member(name)} {self._twice}, or as one that differs only in case or in accents")
        self._add_folders(key.rpartition("/")[0], name)
        self._files.add(key)

    def add_folder(self, name: str) -> None:
        """Take the name of a folder, which may come again."""
        self._add_folders(_key(name), name)

    def _add_folders(self, key: str, name: str) -> None:
        while key and key not in self._folders:
            if key in self._files:
                raise BadArchive(f"{member(name)} lies below a member that is a file")
            self._folders.add(key)
            key = key.rpartition("/")[0]
        if len(self._folders) > self._max_folders:
            raise BadArchive(f"it would make more than {self._max_folders:,} folders", "raise the option `max_files`")


def _key(name: str) -> str:
    """Return the name as a machine may compare it; raise BadArchive where it is none that can be trusted."""
    if _ORDINARY.fullmatch(name):
        return name.lower()
    for pattern, reason in _REFUSED:
        if pattern.search(name):
            raise BadArchive(f"{member(name)} {reason}")
    parts = name.split("/")
    if len(parts) > _DEPTH or len(name.encode()) > _NAME or any(len(one.encode()) > _PART for one in parts):
        limits = f"a part has at most {_PART} bytes, a name {_NAME:,} bytes and {_DEPTH} parts"
        raise BadArchive(f"{member(name)} has a name that is too long", limits)
    return name.lower() if name.isascii() else normalize("NFC", normalize("NFC", name).casefold())
