"""What a run has open: its engine, each job's session, and its connectors; opened at first use, closed always."""

import shutil
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firn_runtime.building import Compute
from firn_runtime.cancel import Ended
from firn_runtime.connector import RunFacts
from firn_runtime.errors import ConnectorError, InputsMissing
from firn_runtime.prepare import Prepared
from firn_runtime.run_files import FILES
from firn_runtime.telling import Teller
from firn_schemas.artifact import Job
from firn_schemas.visible import os_reason

if TYPE_CHECKING:
    from firn_runtime.engine import Engine, Session


def workspace_of(root: Path, flow: str, run: str) -> Path:
    """Return the folder of one run below `root`, where runs of other flows may have the same id."""
    return root / f"{flow}.{run}"


def datasets_file(workspace: Path) -> Path:
    """Return the file of a run's datasets."""
    return workspace / "datasets.duckdb"


class Resources:
    """One run's. Jobs that run side by side share the engine and the connectors."""

    def __init__(self, prepared: Prepared, workspace: Path, tell: Teller, facts: RunFacts) -> None:
        self.workspace = workspace
        self._prepared, self._tell = prepared, tell
        self._facts = facts._replace(files=workspace / FILES, learn=prepared.redactor.add)
        self._parents = {one.id: one.depends_on for one in prepared.flow.jobs}
        self._connectors = dict(prepared.connectors)
        for one in self._connectors.values():
            one.facts = self._facts
        self._engine: Engine | None = None
        self._sessions: dict[str, Session] = {}
        self._open: dict[str, Any] = {}
        self._unusable: dict[str, Exception] = {}
        self._lock = threading.RLock()
        """Guards engine and sessions."""
        self._one_by_one = {name: threading.Lock() for name in prepared.connectors}
        """While one resource is connected, others are not waited for."""

    @property
    def file(self) -> Path:
        """The file of the run's datasets, relative to the base folder unless the workspace is elsewhere."""
        base, path = self._prepared.base, datasets_file(self.workspace)
        return path.relative_to(base) if path.is_relative_to(base) else path

    @cached_property
    def datasets(self) -> frozenset[tuple[str, str]]:
        """Return (job, dataset) of what an earlier session of the run left; nothing where it cannot be opened.

        It cannot where it is damaged, or where a process that lost its lease still has it open: it is put aside.
        """
        file = datasets_file(self.workspace)
        if not file.exists():
            return frozenset()
        try:
            return self.engine().datasets()
        except ConnectorError as error:
            from firn_runtime.engine import COMPANIONS

            for one in (file.with_name(f"{file.name}{ending}") for ending in COMPANIONS):
                with suppress(FileNotFoundError):
                    one.replace(one.with_name(f"{one.name}.put-aside"))
            self._tell("warning", message=f"the datasets of the run cannot be opened ({error.message}): made again")
            return frozenset()

    def session(self, job: Job) -> "Session":
        """Return the job's session; the first one starts the engine."""
        with self._lock:
            if job.id not in self._sessions:
                self._sessions[job.id] = self.engine().session(job.id, upstream(self._parents, job))
            return self._sessions[job.id]

    def engine(self) -> "Engine":
        """Return the run's engine."""
        with self._lock:
            if self._engine is None:
                self._engine = self._start()
            return self._engine

    def connected(self, name: str) -> Any:
        """Return the connector of a resource, connected at its first use with the secrets of now."""
        with self._one_by_one[name]:
            if name in self._unusable:
                raise self._unusable[name]  # it was never opened: every later step hears the same reason
            if name not in self._open:
                self._connect(name, self._fresh(name))
            return self._open[name]

    def _fresh(self, name: str) -> Any:
        try:
            return self._prepared.connector(name, self._tell)
        except InputsMissing as error:  # it was there when the run began
            raise ConnectorError("auth", error.message, error.help) from None

    def connect_anew(self) -> None:
        """Let what could not be connected be connected once more where a step needs it: one is tried again."""
        for name in list(self._unusable):
            with self._one_by_one[name]:
                if self._unusable.pop(name, None) is not None:
                    self._let_go(self._open.pop(name))

    def renew(self, name: str) -> bool:
        """Connect a resource again where its secrets are others by now; say whether they are."""
        with self._one_by_one[name]:
            try:
                fresh = self._prepared.renewed(name, self._tell)
            except InputsMissing:
                return False  # what could not log in is the failure to report
            if fresh is None:
                return False
            if name in self._open:
                self._let_go(self._open.pop(name))
            self._unusable.pop(name, None)
            self._connect(name, fresh)
            return True

    def _connect(self, name: str, connector: Any) -> None:
        self._open[name] = connector
        if isinstance(connector, Compute):
            return
        connector.facts = self._facts
        try:
            connector.connect()
        except Ended:  # a step shall end: that is no reason for another one
            self._let_go(self._open.pop(name))
            raise
        except Exception as error:
            self._unusable[name] = error
            raise

    def _start(self) -> "Engine":
        from firn_runtime.engine import Engine, Limits
        from firn_runtime.serial_flows import is_serial

        _make_folder(self.workspace)
        connectors = [one for one in self._connectors.values() if not isinstance(one, Compute)]
        compute = next((one.properties for one in self._connectors.values() if isinstance(one, Compute)), None)
        spill = self._prepared.base / compute.temp_directory if compute and compute.temp_directory else None
        limits = Limits(compute.threads, compute.memory_limit, spill) if compute else Limits()
        if limits.threads is None and is_serial(self._prepared.flow, self._prepared.drivers):
            limits = limits._replace(threads=1)
        extensions = [one.extension for one in connectors if one.extension]
        return Engine(limits, datasets_file(self.workspace), [one.places() for one in connectors], extensions)

    def close(self) -> None:
        """Close everything that was opened, last first; a failure to close is a warning."""
        opened: list[Any] = [one for one in reversed(self._open.values()) if not isinstance(one, Compute)]
        opened += [self._engine] if self._engine is not None else []
        self._open, self._engine = {}, None
        for one in opened:
            self._let_go(one)

    def _let_go(self, opened: Any) -> None:
        try:
            opened.close()
        except Exception as error:
            self._tell("warning", message=f"could not close a connector ({type(error).__name__})")

    def scratch(self, job: str, step: str) -> Path:
        """Return a folder of one step alone; raise ConnectorError."""
        return self._folder(job, step)

    def files(self) -> Path:
        """Return the run's folder of files; raise ConnectorError."""
        return self._folder(FILES)

    def _folder(self, *parts: str) -> Path:
        """Return a folder of the workspace, which is made first: what is made along the way is not private."""
        _make_folder(self.workspace)
        return _make_folder(self.workspace.joinpath(*parts))

    def remove_workspace(self) -> None:
        """Remove what the run kept for itself."""
        shutil.rmtree(self.workspace, ignore_errors=True)


def _make_folder(folder: Path) -> Path:
    """Make a folder of the workspace, for this user alone; raise ConnectorError where that cannot be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        help = "the platform's `workspace.root` must be writable"
        raise ConnectorError("process", f"cannot make the workspace: {os_reason(error)}", help) from None
    return folder


def upstream(parents: Mapping[str, list[str]], job: Job) -> list[str]:
    """Return the jobs that this one depends on, the nearest first."""
    found: list[str] = []
    waiting = list(job.depends_on)
    for name in waiting:
        if name not in found:
            found.append(name)
            waiting += parents[name]
    return found
