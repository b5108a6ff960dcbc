"""Which files of an installed distribution are its own, by its RECORD, and the one digest over them.

A RECORD (PyPA: recording installed projects) also lists what the installer made: scripts, byte code, its own notes.
Those differ from machine to machine and are left out, so that one wheel has one digest wherever it is installed.
"""

import csv
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from hashlib import sha256

INSTALLERS = frozenset(
    [
        "INSTALLER",
        "RECORD",
        "RECORD.jws",
        "RECORD.p7s",
        "REQUESTED",
        "direct_url.json",
        "uv_build.json",
        "uv_cache.json",
    ]
)
"""Files of the `.dist-info` folder that the installer writes."""


class BadRecord(ValueError):
    """A RECORD that does not name its files with their SHA-256; the sentence says where."""


def own_files(record: str) -> dict[str, str]:
    """Return SHA-256, in hexadecimal, by path below the folder of packages; raise BadRecord."""
    files: dict[str, str] = {}
    for row in _rows(record):
        path = row[0]
        if _is_outside(path) or _is_the_installers(path):
            continue
        if "\\" in path or any(part in ("", ".", "..") for part in path.split("/")) or not path.isprintable():
            raise BadRecord("names a file that lies nowhere")
        if files.setdefault(path, _hexadecimal(row)) != _hexadecimal(row):
            raise BadRecord(f"names `{path}` twice")
    return files


def outside(record: str) -> list[str]:
    """Return the paths that lead out of the folder of packages: scripts, headers and data; raise BadRecord."""
    return [row[0] for row in _rows(record) if _is_outside(row[0])]


def digest(files: Mapping[str, str]) -> str:
    """Return SHA-256, in hexadecimal, over a line `HASH  PATH` for each file, ordered by the bytes of the paths.

    That is what `sha256sum` prints for them in that order.
    """
    ordered = sorted(files, key=str.encode)
    return sha256("".join(f"{files[path]}  {path}\n" for path in ordered).encode()).hexdigest()


def _rows(record: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(record.splitlines()) if row and row[0]]
    except csv.Error:
        raise BadRecord("is damaged") from None


def _is_outside(path: str) -> bool:
    return path.startswith(("/", "../")) or path[1:2] == ":"


def _is_the_installers(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return (folder.endswith(".dist-info") and name in INSTALLERS) or (
        name.endswith(".pyc") and folder.rpartition("/")[2] == "__pycache__"
    )


def _hexadecimal(row: list[str]) -> str:
    algorithm, _, value = (row[1] if len(row) > 1 else "").partition("=")
    try:
        found = urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError:
        found = b""
    if algorithm != "sha256" or len(found) != 32:
        raise BadRecord(f"has no SHA-256 for `{row[0]}`")
    return found.hex()
