"""Compiled flows in `.firn/cache`, by the digest of everything that decides them. Safe to delete, never a wrong answer.

An entry that is damaged is no entry; one that was made by another compiler is never asked for.
"""

import os
import sys
from hashlib import sha256
from pathlib import Path

from firn_compiler.emit import beside

MAX_ENTRIES = 4096
FOLDER = ".firn/cache"


class FolderCache:
    """Entries as files, each beginning with its own digest; a folder that cannot be written keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stamp = _stamp()

    def get(self, key: str) -> bytes | None:
        """Return what was put under `key`, or None."""
        try:
            head, _, content = self._file(key).read_bytes().partition(b"\n")
        except OSError:
            return None
        return content if head.decode("ascii", "replace") == sha256(content).hexdigest() else None

    def put(self, key: str, value: bytes) -> None:
        """Keep `value`; where the folder is full, the entries that were written first go."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = beside(self._file(key))
            with os.fdopen(handle, "wb") as file:
                file.write(sha256(value).hexdigest().encode() + b"\n" + value)
            os.replace(name, self._file(key))
            self._prune()
        except OSError:
            return

    def _file(self, key: str) -> Path:
        return self.folder / sha256(f"{self.stamp}\n{key}".encode()).hexdigest()

    def _prune(self) -> None:
        entries = list(os.scandir(self.folder))
        if len(entries) > MAX_ENTRIES:
            for entry in sorted(entries, key=lambda one: one.stat().st_mtime)[: MAX_ENTRIES // 2]:
                os.unlink(entry)


def _stamp() -> str:
    """Return what tells one installed compiler from another: its files, and the distributions beside them."""
    rows: list[str] = [sys.version]
    here = Path(__file__).parent
    for package in (here, *(Path(one) / "firn_schemas" for one in sys.path if (Path(one) / "firn_schemas").is_dir())):
        for folder, _, names in os.walk(package):
            for name in names:
                if name.endswith(".py"):
                    found = os.stat(os.path.join(folder, name))
                    rows.append(f"{folder}/{name} {found.st_size} {found.st_mtime_ns}")
    for place in filter(os.path.isdir, sys.path):
        rows += [name for name in os.listdir(place) if name.endswith(".dist-info")]
    return sha256("\n".join(sorted(rows)).encode()).hexdigest()
