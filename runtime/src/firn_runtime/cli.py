"""The `firn` command: the runtime's own commands, the compiler's, and those that others add through entry points."""

import os
import sys
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING

import click

from firn_runtime.errors import FirnError, internal
from firn_schemas.visible import os_reason, visible

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

EXTERNAL = "firn.commands"
COMPILER_COMMANDS = {
    "compile": "firn_compiler.cli",
    "diff": "firn_compiler.commands.diff",
    "explain": "firn_compiler.cli",
    "help": "firn_compiler.cli",
    "init": "firn_compiler.commands.init",
    "scan": "firn_compiler.commands.scan",
    "schema": "firn_compiler.cli",
    "validate": "firn_compiler.cli",
}
"""The compiler's own commands, each with its module: reading entry points costs several times a bare Python start."""
OWN = ("inspect", "plugins", "preflight", "run", "runs", "sign", "unlock", "verify", "watermarks")
"""The runtime's commands, each in the module of `firn_runtime.commands` that has its name."""
INTERRUPTED = 130


class Commands(click.Group):
    """Finds the runtime's commands first; others are looked up only when asked for."""

    def list_commands(self, context: click.Context) -> list[str]:  # noqa: ARG002  # as click calls it
        """Return the names of all commands, for `--help`."""
        return sorted({*OWN, *(entry.name for entry in _external())})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return a command; packages are searched only for a name that is not the runtime's own."""
        if name in OWN:
            own: click.Command = import_module(f"firn_runtime.commands.{name}").command
            return own
        if name in COMPILER_COMMANDS:
            return _compiler_command(name)
        for entry in _external():
            if entry.name == name:
                command: click.Command = entry.load()
                return command
        from difflib import get_close_matches  # only a mistake needs it

        near = get_close_matches(name, {*self.list_commands(context), *COMPILER_COMMANDS}, n=1)
        if near:
            raise click.UsageError(f"there is no command `{name}`; did you mean `{near[0]}`?", context)
        return None


def _external() -> list["EntryPoint"]:
    """Return the commands that others add; a distribution whose metadata are damaged adds none."""
    from importlib.metadata import distributions

    from firn_schemas.distribution import announced

    found = filter(None, map(announced, distributions()))
    return [entry for one in found for entry in one.entries if entry.group == EXTERNAL]


def _compiler_command(name: str) -> click.Command:
    try:
        command: click.Command = getattr(import_module(COMPILER_COMMANDS[name]), f"{name}_command")
    except ModuleNotFoundError as error:
        if error.name != "firn_compiler":
            raise
        raise click.UsageError(f"`firn {name}` comes with the compiler: pip install firn-compiler") from None
    return command


def show_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    """Print the versions and end."""
    if asked:
        from firn_runtime.versions import versions

        click.echo("\n".join(f"{name} {version}" for name, version in versions()))
        context.exit()


def show_capabilities(context: click.Context, _: click.Parameter, asked: bool) -> None:
    """Print what this runtime can run, for a pipeline that checks an image against an artifact, and end."""
    if asked:
        from firn_runtime.commands.options import print_json
        from firn_runtime.versions import capabilities

        print_json(capabilities())
        context.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=show_version, help="Show versions."
)
@click.option(
    "--capabilities",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_capabilities,
    help="Show the formats and features that this runtime supports, as JSON.",
)
def firn() -> None:
    """Compile data flows into one frozen artifact, and run it."""


def main() -> None:
    """Run the command and end the process with its exit code; no user ever sees a traceback."""
    _prepare_output()
    try:
        firn.main(standalone_mode=False)
    except FirnError as error:
        help = f"\n  help: {_shown(error.help)}" if error.help else ""
        _say(f"error[{error.code}]: {_shown(error.message)}{help}")
        sys.exit(error.exit_code)
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        reason = _not_written(error)
        _say(f"error: {reason}" if reason else f"error[R399]: {internal(error)}")
        sys.exit(1)
    finally:
        _let_go_of_output()


def _say(text: str) -> None:
    """Write to standard error; where nobody can be told there, the exit code still says it."""
    with suppress(OSError):
        click.echo(text, err=True)


def _shown(text: str) -> str:
    """Return a message, which may have several lines, with nothing in it that a terminal obeys."""
    return "\n".join(map(visible, text.split("\n")))


def _prepare_output() -> None:
    """Write to nowhere what would go to an output that was closed; no file that is opened later gets its number.

    What the encoding of an output lacks is written as an escape: a message may hold any character.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  # it is open as long as the process is
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _not_written(error: Exception) -> str:
    """Say why standard output does not take what a command tells, where that is what failed; empty for all else."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    echoing = trace is not None and trace.tb_frame.f_globals.get("__name__") == click.utils.__name__
    if not isinstance(error, OSError) or not echoing:
        return ""
    return f"the output cannot be written: {os_reason(error)}"


def _let_go_of_output() -> None:
    """Write out what is left; where that cannot be, Python shall not end with an exit code of its own for it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
