"""What is noted of files one by one, so that an attempt after one that was cut off, and a resumed run, know it."""

import json
from pathlib import Path
from threading import Lock
from typing import Any

from firn_runtime.errors import ConnectorError
from firn_runtime.step import StepContext
from firn_schemas.visible import os_reason


class Manifest:
    """A line of JSON for each file; a later line of the same file counts. Threads may share it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = Lock()
        self.told: dict[str, Any] = {}
        """What is told of each file, by its name."""
        for line in self._file.read_bytes().splitlines() if self._file.exists() else ():
            try:
                name, told = json.loads(line)
            except ValueError:
                continue  # it was cut off: nothing is known of that file
            self.told[name] = told

    def add(self, name: str, told: Any) -> None:
        """Note a file; raise ConnectorError where that cannot be kept."""
        line = f"\n{json.dumps([name, told])}"
        try:
            with self._lock, self._file.open("a") as opened:
                opened.write(line)
        except OSError as error:
            reason = os_reason(error)
            raise ConnectorError("process", f"the step's files cannot be listed in the workspace: {reason}") from None
        self.told[name] = told


def of_step(context: StepContext, what: str = "done") -> Manifest:
    """Return which files are done by this publication, and what is told of each."""
    return Manifest(context.scratch / f"{context.publication.mark}.{what}")
