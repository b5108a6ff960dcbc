"""How a program that already ran is recognised: by nothing, by a marker file, or by the folder of its output.

Both are written beside their place and renamed when the program has succeeded: they are whole, or not there.
"""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from firn_runtime.durable import make_durable, make_names_durable
from firn_runtime.errors import ConnectorError
from firn_runtime.step import StepContext
from firn_schemas.steps.programs import Idempotency
from firn_schemas.visible import os_reason


class Once:
    """By nothing: it is never recognised, and nothing is published."""

    env: Mapping[str, str] = {}
    """Variables that the program gets."""

    def done(self) -> str | None:
        """Return what says that the program already ran."""
        return None

    def begin(self) -> None:
        """Prepare for the program."""

    def where(self, path: Path) -> Path:
        """Return where the program has put what is to be at `path`."""
        return path

    def publish(self) -> None:
        """Say that the program has succeeded."""

    def end(self) -> None:
        """Remove what was not published."""


class _Published(Once):
    """By what stands at a place afterwards."""

    def __init__(self, name: str, target: Path, context: StepContext) -> None:
        self._name, self._target, self._context = name, target, context
        self._beginning = f".{target.name}.{context.publication.mark}-"
        self._part = target.with_name(f"{self._beginning}{uuid4().hex[:8]}.part")

    def done(self) -> str | None:
        return self._name if os.path.exists(self._target) else None

    def begin(self) -> None:
        """Make the folders above, and remove what killed attempts of this step in this run left."""
        with self._kept():
            self._target.parent.mkdir(parents=True, exist_ok=True)
            for entry in os.scandir(self._target.parent):
                if entry.name.startswith(self._beginning) and entry.name.endswith(".part"):
                    _remove(Path(entry.path))
            self._stage()

    def publish(self) -> None:
        """Rename what was staged, as late as can be."""
        with self._kept():
            self._complete()
            self._context.still_ours()
            os.rename(self._part, self._target)
            make_names_durable(self._target.parent)

    def end(self) -> None:
        _remove(self._part)

    def _stage(self) -> None:
        """Make what the program needs."""

    def _complete(self) -> None:
        """Make what is staged whole and durable."""

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno == errno.ENOTEMPTY:
                message = f"`{self._name}` was made by another run while the program ran"
                raise ConnectorError("conflict", message, "what this one has made is not published") from None
            raise ConnectorError("process", f"cannot make `{self._name}`: {os_reason(error)}") from None


class _Marker(_Published):
    """By a file that is written after the program."""

    def done(self) -> str | None:
        if self._target.is_dir():
            raise ConnectorError("process", f"`{self._name}` is a folder", "it is the step's `marker_path`")
        return super().done()

    def _complete(self) -> None:
        names = self._context.publication
        self._part.write_text(json.dumps({"flow": names.flow, "run": names.run, "job": names.job, "step": names.step}))
        make_durable(self._part)


class _OutputFolder(_Published):
    """By the folder that the program fills under another name, which it gets as FIRN_OUTPUT_DIR."""

    def __init__(self, name: str, target: Path, context: StepContext) -> None:
        super().__init__(name, target, context)
        self.env = {"FIRN_OUTPUT_DIR": str(self._part)}

    def done(self) -> str | None:
        if os.path.exists(self._target) and not self._target.is_dir():
            raise ConnectorError("process", f"`{self._name}` is no folder", "it is the step's `output_dir`")
        return super().done()

    def _stage(self) -> None:
        self._part.mkdir()

    def where(self, path: Path) -> Path:
        return self._part / path.relative_to(self._target) if path.is_relative_to(self._target) else path

    def _complete(self) -> None:
        if self._part.is_symlink() or not self._part.is_dir():
            help = "it fills the folder that `FIRN_OUTPUT_DIR` names, and leaves it where it is"
            raise ConnectorError("process", f"the program has removed the folder for `{self._name}`", help)
        for folder, _, files in os.walk(self._part):
            for name in files:
                path = Path(folder, name)
                if path.is_file() and not path.is_symlink():
                    make_durable(path)
            make_names_durable(Path(folder))


_STRATEGIES: Mapping[str, tuple[str, Callable[[str, Path, StepContext], Once]]] = {
    "marker": ("marker_path", _Marker),
    "output_dir": ("output_dir", _OutputFolder),
}


def once(asked: Idempotency | None, place: Callable[[str], Path], context: StepContext) -> Once:
    """Return how the step's program is recognised; `place` says where a path of the step lies."""
    row = _STRATEGIES.get(asked.strategy) if asked is not None else None
    if row is None:
        return Once()
    key, make = row
    path = getattr(asked, key)
    if path is None:
        raise ConnectorError("data", f"the step's `idempotency` has no `{key}`", f"add `{key}:`")
    return make(path, place(path), context)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):  # it was renamed, or never made
            path.unlink()
