"""Which of a step's files are done: an attempt after one that was cut off, and a resumed run, do the rest alone."""

import json
from threading import Lock
from typing import Any

from firn_runtime.errors import ConnectorError
from firn_runtime.step import StepContext


class Manifest:
    """One publication's: a line of JSON for each file, in the step's scratch folder. Threads may share it."""

    def __init__(self, context: StepContext) -> None:
        self._file = context.scratch / f"{context.publication.mark}.done"
        self._lock = Lock()
        self.done: dict[str, Any] = {}
        """What is told of each file that is done, by its name."""
        for line in self._file.read_bytes().splitlines() if self._file.exists() else ():
            try:
                name, told = json.loads(line)
            except ValueError:
                continue  # it was cut off: that file is not done
            self.done[name] = told

    def add(self, name: str, told: Any) -> None:
        """Say that a file is done; raise ConnectorError where that cannot be kept."""
        line = f"\n{json.dumps([name, told])}"
        try:
            with self._lock, self._file.open("a") as opened:
                opened.write(line)
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise ConnectorError("process", f"the step's files cannot be listed in the workspace: {reason}") from None
        self.done[name] = told
