"""A folder with archives, and a place beside it that no archive may reach."""

from pathlib import Path
from typing import Any

import pytest

from firn_runtime.errors import ConnectorError
from firn_schemas.secret import Secret
from runtime.workbench import connector

CANARY = "canary-9d1c2f0e"
DRIVERS = {"zipfile": "a.zip", "pyzipper": "a.zip", "tarfile": "a.tar"}
"""Each driver, with the name of an archive."""


class ArchivePlace:
    """What a test has: archives in `root`, and beside it whatever leads out."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self._before = sorted(folder.iterdir())

    def connector(self, driver: str = "zipfile", password: str | None = CANARY, **options: Any) -> Any:
        known: dict[str, Any] = {"password": Secret(password)} if driver == "pyzipper" and password else {}
        made = connector("archive", driver, root=str(self.root), options=options, **known)
        made.connect()
        return made

    def put(self, name: str, content: bytes | str) -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def unpack(self, driver: str, archive: bytes, *globs: str, **options: Any) -> dict[str, bytes]:
        """Unpack an archive of these bytes; return the files by their names."""
        name = self.put(DRIVERS[driver], archive)
        names = self.connector(driver, **options).unpack([name], "out", lambda _: True, "mark", lambda: None)
        return {one.removeprefix("out/"): (self.root / one).read_bytes() for one in names}

    def outcome(self, driver: str, archive: bytes) -> list[bytes] | str:
        """Unpack an archive of these bytes; return what the files hold, or why it is refused."""
        try:
            return sorted(self.unpack(driver, archive).values())
        except ConnectorError as error:
            return f"{error.error_class}: {error.message} {error.help}"

    def refused(self, driver: str, archive: bytes, **options: Any) -> str:
        """Return why an archive is refused; nothing of it is visible, here or elsewhere, and no secret is told."""
        with pytest.raises(ConnectorError) as caught:
            self.unpack(driver, archive, **options)
        error = caught.value
        assert sorted(one.name for one in self.root.iterdir()) == [DRIVERS[driver]]
        assert sorted(self.root.parent.iterdir()) == self._before
        assert error.__cause__ is None
        assert CANARY not in f"{error.message} {error.help}"
        assert error.message.isprintable()
        prefix = f"the archive `{DRIVERS[driver]}` is refused: "
        assert error.message.startswith(prefix)
        return f"{error.error_class}: {error.message.removeprefix(prefix)}"
