"""The compiler's commands: each translates its options, calls the pipeline, and shows what came out."""

import gc
import sys
from pathlib import Path
from shutil import get_terminal_size

import click

from firn_compiler.diagnostics import Diagnostic, has_errors
from firn_schemas.base import Json

gc.disable()  # a command lives for a moment; walking what is being imported and built frees nothing

DEFAULT_OUTPUT = "compiled_artifacts.json"
paths_argument = click.argument("paths", nargs=-1)
platform_option = click.option("-p", "--platform", metavar="FILE", help="The platform; `-` reads standard input.")
env_option = click.option("--env", metavar="NAME", help="Find platform/NAME/platform.yaml, and name the environment.")
var_option = click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Set a variable.")
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    help="How findings are shown; all but text go to standard output.",
)


@click.command("compile")
@paths_argument
@platform_option
@env_option
@var_option
@format_option
@click.option("-o", "--output", metavar="FILE", default=DEFAULT_OUTPUT, show_default=True)
@click.option("--check", is_flag=True, help="Write nothing; fail if the file on disk differs.")
def compile_command(
    paths: tuple[str, ...],
    platform: str | None,
    env: str | None,
    variables: tuple[str, ...],
    form: str,
    output: str,
    check: bool,
) -> None:
    """Check flows against a platform and freeze them into one file.

    PATHS are flow files or folders; the current folder by default.
    """
    from firn_compiler.emit import write
    from firn_compiler.pipeline import compile_project
    from firn_compiler.sources import environments, project_request

    if platform is None and env is None:
        known = ", ".join(f"`{name}`" for name in environments(Path(paths[0]) if paths else Path()))
        raise click.UsageError(
            "name the platform: `-p FILE` or `--env NAME`" + (f"; here are {known}" if known else "")
        )
    request, unread = project_request(paths or (".",), platform, env, _variables(variables))
    compilation = compile_project(request)
    found = [*unread, *compilation.diagnostics]
    target = Path(output)
    if compilation.artifact is not None and not has_errors(found):
        failure = _differs(target, compilation.artifact) if check else write(compilation, target)
        found += [failure] if failure else []
    _report(found, compilation.texts, form)
    if has_errors(found):
        sys.exit(1)
    if form == "text":
        flows = ", ".join(compilation.flows)
        click.echo(f"{target}: {flows} for {compilation.environment}\n{compilation.digest}")


@click.command("validate")
@paths_argument
@platform_option
@env_option
@var_option
@format_option
def validate_command(
    paths: tuple[str, ...], platform: str | None, env: str | None, variables: tuple[str, ...], form: str
) -> None:
    """Run every check and write nothing; without a platform, every check that needs none."""
    from firn_compiler.pipeline import validate_project
    from firn_compiler.sources import project_request

    request, unread = project_request(paths or (".",), platform, env, _variables(variables))
    compilation = validate_project(request)
    found = [*unread, *compilation.diagnostics]
    _report(found, compilation.texts, form)
    if has_errors(found):
        sys.exit(1)
    if form == "text":
        number = len(request.flows)
        against = f" against {compilation.environment}" if compilation.environment else " (without a platform)"
        click.echo(f"{number} flow{'s' if number != 1 else ''} valid{against}")


@click.command("schema")
@click.argument("name", required=False, type=click.Choice(["flow", "platform", "artifact"]))
@click.option("-o", "--output", metavar="FOLDER", default=".", help="Where to write; the current folder by default.")
def schema_command(name: str | None, output: str) -> None:
    """Write the JSON Schemas of flow, platform and artifact; with a NAME, print that one."""
    from firn_compiler.published import SCHEMAS, schema_bytes

    if name is not None:
        click.echo(schema_bytes(name), nl=False)
        return
    from firn_compiler.emit import replace

    for one in SCHEMAS:
        target = Path(output) / f"{one}.schema.json"
        try:
            replace(target, schema_bytes(one))
        except OSError as error:
            failure = Diagnostic("E109", f"cannot write `{target}`: {(error.strerror or 'failed').lower()}")
            _report([failure], {}, "text")
            sys.exit(1)
        click.echo(target)


@click.command("help")
@click.argument("code", required=False)
def help_command(code: str | None) -> None:
    """Explain a CODE of the diagnostics, such as E301; without one, list them all."""
    from firn_compiler.manual import closest, contents, page

    if code is None:
        click.echo(contents())
        return
    text = page(code.upper())
    if text is None:
        near = closest(code)
        meant = f"did you mean `{near}`?" if near else "`firn help` lists them; a command explains itself with `--help`"
        raise click.UsageError(f"there is no code `{code}`; {meant}")
    if sys.stdout.isatty():
        from firn_compiler.render.page import as_text

        text = as_text(text, width=get_terminal_size().columns, colour=True)
    click.echo(text, nl=False)


def _variables(words: tuple[str, ...]) -> dict[str, Json]:
    from firn_compiler.yaml_source import plain_value

    variables: dict[str, Json] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise click.UsageError("`--var` takes NAME=VALUE")
        variables[name] = plain_value(value)
    return variables


def _differs(target: Path, content: bytes) -> Diagnostic | None:
    try:
        on_disk = target.read_bytes()
    except OSError:
        return Diagnostic(
            "E110", f"there is no artifact `{target}` to compare with", help="run `firn compile` without `--check`"
        )
    if on_disk == content:
        return None
    help = "compile again and commit the result"
    return Diagnostic("E110", f"`{target}` is not what these sources compile to", help=help)


def _report(found: list[Diagnostic], texts: object, form: str) -> None:
    """Show findings: text to standard error, every other format to standard output."""
    if form != "text":
        click.echo(_for_machines(found, form), nl=False)
        return
    from firn_compiler.render.text import render

    click.echo(render(found, texts, colour=sys.stderr.isatty()), err=True, nl=False)  # type: ignore[arg-type]


def _for_machines(found: list[Diagnostic], form: str) -> str:
    if form == "sarif":
        from firn_compiler import __version__
        from firn_compiler.manual import title
        from firn_compiler.render.sarif import as_sarif

        return as_sarif(found, __version__, title)
    if form == "github":
        from firn_compiler.render.github import as_github

        return as_github(found)
    from firn_compiler.render.machine import as_json

    return as_json(found) + "\n"
