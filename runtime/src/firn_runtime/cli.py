"""The `firn` command: the runtime's own commands, the compiler's, and those that others add through entry points."""

import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from firn_runtime.errors import FirnError, internal

ARTIFACT = "compiled_artifacts.json"
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
INTERRUPTED, TERMINATED = 130, 143

FOLDER = click.Path(exists=True, file_okay=False)

artifact_argument = click.argument("artifact", default=ARTIFACT)
expect_option = click.option(
    "--expect-digest",
    metavar="DIGEST",
    envvar="FIRN_EXPECT_DIGEST",
    help="Refuse any other artifact; also from $FIRN_EXPECT_DIGEST.",
)
format_option = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")


class Commands(click.Group):
    """Finds the runtime's commands first; others are looked up only when asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all commands, for `--help`."""
        from importlib.metadata import entry_points

        return sorted({*super().list_commands(context), *entry_points(group=EXTERNAL).names})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return a command; packages are searched only for a name that is not the runtime's own."""
        own = super().get_command(context, name)
        if own is not None:
            return own
        if name in COMPILER_COMMANDS:
            return _compiler_command(name)
        from importlib.metadata import entry_points

        for entry in entry_points(group=EXTERNAL, name=name):
            command: click.Command = entry.load()
            return command
        return None


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


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=show_version, help="Show versions."
)
def firn() -> None:
    """Compile data flows into one frozen artifact, and run it."""


@firn.command("run")
@artifact_argument
@click.option("--flow", metavar="NAME", help="Which flow, where the artifact has several.")
@expect_option
@click.option(
    "--base-dir", type=FOLDER, metavar="FOLDER", default=".", help="Relative paths of connectors are taken from it."
)
@click.option("--run-id", metavar="ID", help="Name the run; by default its time and a random part.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text")
def run_command(
    artifact: str, flow: str | None, expect_digest: str | None, base_dir: str, run_id: str | None, log_format: str
) -> None:
    """Run one flow of an artifact."""
    from firn_runtime.run import Edge, run_artifact

    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    base = Path(os.path.abspath(base_dir))
    edge = Edge(MappingProxyType(dict(os.environ)), base, [_listener(log_format)], lambda: bool(asked), _run_id(run_id))
    result = run_artifact(Path(artifact), edge, flow=flow, expect=expect_digest)
    if asked:
        sys.exit(TERMINATED)
    sys.exit(0 if result.status == "SUCCESS" else 1)


def _run_id(text: str | None) -> str | None:
    if text is not None and not (
        text.isascii() and text.replace("-", "").replace("_", "").isalnum() and len(text) < 100
    ):
        raise click.UsageError("a run id holds only letters, digits, `-` and `_`")
    return text


def _listener(log_format: str) -> Any:
    if log_format == "json":
        from firn_runtime.observe.json_lines import JsonLines

        return JsonLines(sys.stdout.buffer)
    if sys.stdout.isatty():
        try:
            from firn_runtime.observe.live import LiveProgress

            return LiveProgress()
        except ImportError:
            pass  # rich is an extra; without it a terminal gets plain lines
    from firn_runtime.observe.plain import PlainLines

    return PlainLines(sys.stdout)


@firn.command("verify")
@artifact_argument
@expect_option
@format_option
def verify_command(artifact: str, expect_digest: str | None, form: str) -> None:
    """Check an artifact's spelling, digest and format."""
    from firn_runtime.artifact_file import read_bytes, verify

    verified = verify(read_bytes(Path(artifact)), expect_digest)
    if form == "json":
        import orjson

        click.echo(orjson.dumps({"artifact": artifact, "digest": verified.digest, "valid": True}))
    else:
        click.echo(f"{artifact}: valid\n{verified.digest}")


@firn.command("inspect")
@artifact_argument
@format_option
def inspect_command(artifact: str, form: str) -> None:
    """Show what an artifact holds and requires."""
    from firn_runtime.artifact_file import load_any, read_bytes, verify
    from firn_runtime.inspection import as_json, as_text

    content = read_bytes(Path(artifact))
    loaded = load_any(content)
    if form == "json":
        import orjson

        document = verify(content).document
        click.echo(orjson.dumps(as_json(loaded, document), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    else:
        click.echo(as_text(loaded), nl=False)


def main() -> None:
    """Run the command and end the process with its exit code; no user ever sees a traceback."""
    try:
        firn.main(standalone_mode=False)
    except FirnError as error:
        click.echo(f"error[{error.code}]: {error.message}", err=True)
        if error.help:
            click.echo(f"  help: {error.help}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        click.echo(f"error[R399]: {internal(error)}", err=True)
        sys.exit(1)
    finally:
        _let_go_of_output()


def _let_go_of_output() -> None:
    """Write out what is left; where the reader has gone, nothing is left to say."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
