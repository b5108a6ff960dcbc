"""Programs of the machine: those that the platform allows, each with its arguments as they are and no shell between.

A program gets no variable that was not named for it, and is looked up in no folder that was not: the environment of
the run decides neither.
"""

import errno
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from firn_runtime.cancel import Token, current
from firn_runtime.connector import ConnectorBase, Program, Ran
from firn_runtime.connectors.process.group import Group, Launch
from firn_runtime.connectors.process.output import Output
from firn_runtime.errors import ConnectorError
from firn_runtime.events import Failure
from firn_schemas.connectors.process import LocalProcessConfig, LocalProcessOptions
from firn_schemas.steps.programs import LOADING
from firn_schemas.visible import listing, os_reason

if TYPE_CHECKING:
    from firn_runtime.probing import Seen, Use

_DEFAULTS = {"PATH": os.defpath, "LANG": "C.UTF-8"}
_HELP = {
    errno.ENOENT: "it is not there, or the program that its first line names is not",
    errno.EACCES: "the user of the run may not execute it",
    errno.ENOEXEC: "it is no program of this machine; a script begins with `#!` and its interpreter",
    errno.E2BIG: "its arguments and variables are too long; hand them over in a file",
}


class LocalPrograms(ConnectorBase[LocalProcessConfig, LocalProcessOptions]):
    """The programs that a flow may start, and the folder in which it does."""

    def connect(self) -> None:
        """Refuse a folder that is not there."""
        if not self.root.is_dir():
            raise ConnectorError(
                "process", f"there is no folder `{self.config.cwd or '.'}`", "it is the resource's `cwd`"
            )

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Look for the folder, and for every program that is allowed: no failure, since the flow may do without it."""
        from firn_runtime.probing import Seen

        del uses
        self.connect()
        yield Seen("connection", "ok", f"the folder `{self.root}` is there")
        for name in self.config.allowed:
            try:
                file = self._executable(name)
            except ConnectorError as error:
                yield Seen("connection", "warning", error.message, error.help)
                continue
            if not (os.path.isfile(file) and os.access(file, os.X_OK)):
                yield Seen("connection", "warning", f"there is no program `{name}`, or it may not be executed")

    def close(self) -> None:
        """Nothing is held: a program does not outlive its step."""

    @property
    def root(self) -> Path:
        """The folder, without symlinks."""
        return Path(os.path.realpath(self.config.cwd or self.base_dir))

    def place(self, path: str, cwd: str | None) -> Path:
        """Return where a path of the step lies: below the folder of its program."""
        found = self._inside(self._folder(cwd), path)
        if not PurePosixPath(path).parts:
            raise ConnectorError("process", "a path of the step is empty", "name a file or folder")
        return found

    def run(self, program: Program) -> Ran:
        """Start a program and wait until it and all that it left in its process group have ended."""
        stdout, stderr = (Output(self.options.max_output_bytes, program.marker) for _ in range(2))
        launch = self._launch(program)
        name = launch.arguments[0]
        token = Token(current())
        token.check()
        try:
            with (
                token.limited(program.timeout, Failure.late(f"`{name}`", program.timeout)),
                _started(launch) as group,
            ):
                exit_code = group.finish(stdout, stderr, token)
        finally:
            token.close()
        if group.stopped:
            token.check()
        last_line = stderr.last_line() or stdout.last_line()
        return Ran(exit_code, stdout.text(), stderr.text(), last_line, stdout.marker_seen or stderr.marker_seen)

    def _launch(self, program: Program) -> Launch:
        if not program.command:
            raise ConnectorError("data", "`command` is empty", "write the program and its arguments")
        arguments = [str(one) for one in program.command]
        if any("\0" in one for one in arguments):
            raise ConnectorError("data", "an argument holds a NUL character")
        env = {**_DEFAULTS, **self.inherited, **self.options.env, **program.env}
        _refuse_loading(program.env)
        _refuse_unspeakable(env)
        return Launch(self._executable(arguments[0]), arguments, env, self._folder(program.cwd))

    def _executable(self, name: str) -> str:
        """Return the file of an allowed program."""
        if name not in self.config.allowed:
            known = listing(self.config.allowed)
            raise ConnectorError(
                "process", f"the program `{name}` is not allowed", f"the platform allows {known or 'none'}"
            )
        if name.startswith("/"):
            return name
        if "/" in name:
            help = "allow it by its name or by its absolute path"
            raise ConnectorError("process", f"the program `{name}` is a relative path", help)
        return self._looked_up(name)

    def _looked_up(self, name: str) -> str:
        folders = [one for one in self.options.env.get("PATH", os.defpath).split(":") if one.startswith("/")]
        path = ":".join(folders)
        found = shutil.which(name, path=path) or shutil.which(name, os.F_OK, path=path)
        if found is None:
            help = f"looked in {path or 'no folder'}; the platform may allow an absolute path, or set `env.PATH`"
            raise ConnectorError("process", f"there is no program `{name}`", help)
        return found

    def _folder(self, cwd: str | None) -> Path:
        folder = self._inside(self.root, cwd or ".")
        if not folder.is_dir():
            raise ConnectorError(
                "process", f"there is no folder `{cwd}`", "it is the step's `cwd`, from the resource's"
            )
        return folder

    def _inside(self, folder: Path, path: str) -> Path:
        """Return a path below the folder that no symlink leads out of the root."""
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts or "\0" in path:
            help = "write it relative, without `..`"
            raise ConnectorError("process", "a path must stay below the folder of the programs", help)
        if not Path(os.path.realpath(folder / parts)).is_relative_to(self.root):
            raise ConnectorError("process", f"`{path}` leads out of the folder of the programs")
        return folder / parts


def _started(launch: Launch) -> Group:
    try:
        return Group(launch)
    except OSError as error:
        message = f"`{launch.arguments[0]}` cannot be started: {os_reason(error)}"
        raise ConnectorError("process", message, _HELP.get(error.errno or 0, "")) from None


def _refuse_loading(env: Mapping[str, str]) -> None:
    """Refuse a step's variables by which any allowed program would be another one: the platform says what runs."""
    for name in env:
        if LOADING.fits(name):
            message = f"the variable `{name}` says which code a program loads: a step does not set it"
            raise ConnectorError("process", message, "the platform may, in the connector's `env`")


def _refuse_unspeakable(env: Mapping[str, str]) -> None:
    """Refuse variables that the system cannot hand over."""
    for name, value in env.items():
        if not name or "=" in name or "\0" in name + value:
            shown = name.replace("\0", "\ufffd")
            help = "a name is not empty and holds no `=`; neither name nor value holds a NUL character"
            raise ConnectorError("data", f"the variable `{shown}` cannot be set", help)
