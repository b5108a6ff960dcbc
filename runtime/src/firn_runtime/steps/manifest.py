"""What is noted of files one by one, so that an attempt after one that was cut off, and a resumed run, know it."""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

from firn_runtime.errors import ConnectorError
from firn_runtime.step import StepContext
from firn_schemas.base import Json
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


def of_step(context: StepContext) -> Manifest:
    """Return which files are done by this publication, and what is told of each."""
    return Manifest(context.scratch / f"{context.publication.mark}.done")


UNSURE = False
"""Stands for a version where the file may be another than the one of which rows were published."""


def fetched_from(context: StepContext, resource: str) -> Manifest:
    """Return in which version this run has fetched files of a resource; None of one that it has put itself since."""
    return Manifest(context.fetched / f"{resource}.versions")


_GROUPS, _DIGITS = 400, 8
"""Groups of files that are told apart, and digits for each: so many fit into the results beside the files' names."""


def versions_of(names: Iterable[str], fetched: Manifest, before: Json) -> str:
    """Return what stands for the versions of the files that a step has fetched, the first time that it was done.

    Where another is fetched when it is done again, nobody knows which of the two was published: it becomes UNSURE.
    """
    told = [(name, fetched.told.get(name)) for name in sorted(names)]
    size = max(1, -(-len(told) // _GROUPS))
    groups = [told[start : start + size] for start in range(0, len(told), size)]
    marks = [sha256(json.dumps(group).encode()).hexdigest()[:_DIGITS] for group in groups]
    if not isinstance(before, str):
        return "".join(marks)
    for at, mark in enumerate(marks):
        if before[at * _DIGITS :][:_DIGITS] != mark:
            for name, _ in groups[at]:
                fetched.add(name, UNSURE)
    return before
